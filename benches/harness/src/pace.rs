//! How long runs are, and so how many messages they have.
//!
//! A rate is of the whole run, so what is done once weighs in it: connecting, signing in, opening a window. Trial runs
//! tell that apart from what each message takes, and a run is made long enough that it is a tenth of it at most, if
//! that can be had in four times the usual time. Of those whose ratio is asked for, both do as many messages.

use crate::Result;
use crate::contender::{Check, Count};

pub struct Pace {
    pub rounds: u32,
    /// How long the messages of a run should take whose number is not fixed.
    pub seconds: f64,
    pub quick: bool,
}

/// Longest run of all that a mailbox holds, in seconds.
const PATIENCE: f64 = 20.0;

/// The messages of a run, and what is known of it.
#[derive(Clone, Copy)]
pub struct Length {
    pub count: u64,
    /// At most so many.
    most: u64,
    /// Seconds for each; nothing if the number is fixed.
    each: Option<f64>,
}

impl Length {
    pub fn fixed(count: u64) -> Self {
        Self { count, most: count, each: None }
    }
}

/// What two runs say that differ in their number of messages.
struct Speed {
    set_up: f64,
    each: f64,
}

impl Speed {
    fn of(few: (u64, f64), many: (u64, f64)) -> Self {
        let slope = (many.1 - few.1) / (many.0 - few.0).max(1) as f64;
        // Where the one is lost in the noise of the other, all of it may be messages.
        if slope <= 0.0 {
            return Self { set_up: 0.0, each: many.1 / many.0 as f64 };
        }
        Self { set_up: (few.1 - few.0 as f64 * slope).max(0.0), each: slope }
    }

    fn of_all(&self, count: u64) -> f64 {
        self.set_up + self.each * count as f64
    }
}

/// Finds how long a run should be by `once`, which takes a number of messages and gives the seconds they took. The first
/// trial has `fewest`.
pub fn fit(
    count: Count,
    fewest: u64,
    pace: &Pace,
    mut once: impl FnMut(u64) -> Result<f64>,
) -> Result<Length> {
    let (least, most, all) = match count {
        Count::Fit(least, most) => (least, most, false),
        Count::AllOf(most) => (most / 50, most, true),
        Count::Exactly(count) | Count::Two(_, count) => return Ok(Length::fixed(count)),
    };
    let few = (fewest, once(fewest)?);
    let mut many = least.max(fewest + 1);
    let speed = loop {
        let seconds = once(many)?;
        // Enough to tell a message from what is done once.
        if many >= most || seconds - few.1 >= pace.seconds / 4.0 {
            break Speed::of(few, (many, seconds));
        }
        let step = (pace.seconds / seconds).clamp(2.0, 8.0);
        many = ((many as f64 * step) as u64).min(most);
    };
    if all && speed.of_all(most) <= PATIENCE {
        return Ok(Length::fixed(most));
    }
    let work = (9.0 * speed.set_up).clamp(pace.seconds, 4.0 * pace.seconds);
    let count = ((work / speed.each) as u64).clamp(least, most);
    Ok(Length { count, most, each: Some(speed.each) })
}

/// Of each two that are held against one another, gives the one with fewer messages as many as the other, unless that
/// took it longer than eight times the usual.
pub fn level(checks: &[Check], pace: &Pace, lengths: &mut [(&str, Length)]) {
    for check in checks {
        let Check::AtLeast(a, b, _) = check else { continue };
        let most = lengths.iter().filter(|(name, _)| name == a || name == b).map(|(_, l)| l.count).max();
        for (_, length) in lengths.iter_mut().filter(|(name, _)| name == a || name == b) {
            let (Some(each), Some(most)) = (length.each, most) else { continue };
            let bearable = (8.0 * pace.seconds / each) as u64;
            length.count = most.min(bearable).min(length.most).max(length.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { rounds: 1, seconds: 0.5, quick: false };

    /// Of a client that takes so long at first and then for each message.
    fn length(set_up: f64, each: f64, count: Count) -> Length {
        fit(count, 1, &PACE, |n| Ok(set_up + each * n as f64)).unwrap()
    }

    #[test]
    fn what_is_done_once_is_a_tenth_of_a_run_or_the_run_is_four_times_as_long() {
        let fit = Count::Fit(50, 2_000_000);
        assert!((4_900..=5_000).contains(&length(0.0, 0.0001, fit).count));
        // 0.2 s at first: 1.8 s of messages.
        assert!((17_900..=18_000).contains(&length(0.2, 0.0001, fit).count));
        assert!((19_900..=20_000).contains(&length(3.0, 0.0001, fit).count));
        assert_eq!(length(0.2, 0.5, Count::Fit(10, 100)).count, 10);
    }

    #[test]
    fn all_there_is_is_taken_unless_that_took_very_long() {
        assert_eq!(length(0.5, 0.0001, Count::AllOf(10_000)).count, 10_000);
        assert!(length(0.5, 0.05, Count::AllOf(10_000)).count <= 200);
    }

    #[test]
    fn those_held_against_one_another_do_as_many_messages() {
        let fit = Count::Fit(50, 2_000_000);
        let mut lengths =
            [("a", length(0.0, 0.0003, fit)), ("b", length(0.0, 0.0001, fit)), ("c", length(0.0, 0.01, fit))];
        level(&[Check::AtLeast("a", "b", 0.5)], &PACE, &mut lengths);
        assert_eq!(lengths[0].1.count, lengths[1].1.count);
        level(&[Check::AtLeast("c", "b", 0.5)], &PACE, &mut lengths);
        assert!((395..=400).contains(&lengths[2].1.count));
    }
}
