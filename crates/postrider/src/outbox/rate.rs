//! So many messages in any stretch of time.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::time::Duration;

use postrider_core::{Milliseconds, PropertyValue};

/// Most messages in any stretch of time of this length: `100/1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    messages: usize,
    time: Duration,
}

impl Rate {
    /// At most `messages` in any stretch of `time`. `None` for no messages, no time, or more than a million messages.
    pub fn new(messages: usize, time: Duration) -> Option<Self> {
        let good = (1..=1_000_000).contains(&messages) && !time.is_zero();
        good.then_some(Self { messages, time })
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "messages and a time are expected, such as 100/1m";
        let (messages, time) = text.split_once('/').ok_or(expected)?;
        let messages = messages.trim().parse().map_err(|_| expected)?;
        let time = Milliseconds::parse(time.trim()).map_err(|_| expected)?;
        Self::new(messages, time.0)
            .ok_or_else(|| "1 to 1000000 messages in a time above zero are expected".to_owned())
    }
}

/// Rates by the domain of a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DomainRates {
    every: Option<Rate>,
    one: BTreeMap<String, Rate>,
}

impl DomainRates {
    /// Reads words such as `20/1m` (every domain) and `example.org=5/1m` (this one).
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut rates = Self::default();
        for word in words {
            match word.split_once('=') {
                Some((domain, rate)) => {
                    rates.one.insert(domain.trim().to_lowercase(), rate.parse()?);
                }
                None => rates.every = Some(word.parse()?),
            }
        }
        Ok(rates)
    }

    /// The rate of a domain.
    pub fn of(&self, domain: &str) -> Option<Rate> {
        self.one.get(domain).copied().or(self.every)
    }
}

/// Turns under one rate: each message has one, and none has another's.
#[derive(Debug)]
pub(super) struct Turns {
    rate: Rate,
    // When the last ones are or were, at most as many as the rate allows.
    taken: VecDeque<Duration>,
    // When somebody came, as many: a turn that was missed is used later, and then counts there.
    used: VecDeque<Duration>,
}

impl Turns {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, taken: VecDeque::new(), used: VecDeque::new() }
    }

    /// Takes the next turn, and says how long it is until then.
    pub(super) fn take(&mut self, now: Duration) -> Duration {
        let free = if self.taken.len() < self.rate.messages { None } else { self.taken.pop_front() };
        let turn = free.map_or(now, |last| now.max(last.saturating_add(self.rate.time)));
        self.taken.push_back(turn);
        let wait = turn.saturating_sub(now);
        if wait.is_zero() { self.come(now) } else { wait }
    }

    /// Whoever has a turn comes, on time or late (an account was down meanwhile); says how long it has to wait all the
    /// same, so that those who are late don't come together.
    pub(super) fn come(&mut self, now: Duration) -> Duration {
        let wait = self.until_free(&self.used, now);
        if wait.is_zero() {
            if self.used.len() >= self.rate.messages {
                self.used.pop_front();
            }
            self.used.push_back(now);
        }
        wait
    }

    /// How long it would be until the next turn.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.until_free(&self.taken, now).max(self.until_free(&self.used, now))
    }

    fn until_free(&self, times: &VecDeque<Duration>, now: Duration) -> Duration {
        match times.front() {
            Some(last) if times.len() >= self.rate.messages => {
                last.saturating_add(self.rate.time).saturating_sub(now)
            }
            _ => Duration::ZERO,
        }
    }

    /// True if it is as good as new.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.taken.back().is_none_or(|last| last.saturating_add(self.rate.time) < now)
    }
}

/// The turns of all domains.
#[derive(Debug)]
pub(super) struct DomainTurns {
    rates: DomainRates,
    turns: BTreeMap<String, Turns>,
}

impl DomainTurns {
    pub(super) fn new(rates: DomainRates) -> Self {
        Self { rates, turns: BTreeMap::new() }
    }

    /// True if messages to this domain (in small letters) are counted.
    pub(super) fn has_rate(&self, domain: &str) -> bool {
        self.rates.of(domain).is_some()
    }

    /// Takes the next turn of a domain (in small letters), and says how long it is until then.
    pub(super) fn take(&mut self, domain: &str, now: Duration) -> Duration {
        let Some(rate) = self.rates.of(domain) else { return Duration::ZERO };
        if !self.turns.contains_key(domain) && self.turns.len() >= 10_000 {
            self.turns.retain(|_, turns| !turns.is_idle(now));
        }
        self.turns.entry(domain.to_owned()).or_insert_with(|| Turns::new(rate)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn in_no_stretch_of_time_there_are_more_than_allowed() {
        let mut turns = Turns::new("3/10s".parse().unwrap());
        let mut at: Vec<Duration> = Vec::new();
        // Some come together, some late.
        for now in [0, 0, 0, 0, 1, 2, 2, 25, 25, 31, 31, 31, 31] {
            let now = SECOND * now;
            let wait = turns.wait(now);
            assert_eq!(turns.take(now), wait);
            at.push(now + wait);
        }
        for (i, first) in at.iter().enumerate() {
            let within = at.iter().skip(i).filter(|t| **t < *first + SECOND * 10).count();
            assert!(within <= 3, "{at:?}");
        }
        assert_eq!(at[..5], [0, 0, 0, 10, 10].map(|s| SECOND * s), "and no fewer");
    }

    #[test]
    fn each_domain_has_turns_of_its_own() {
        let words = ["2/1m", "slow.example=1/1m"].map(str::to_owned);
        let mut turns = DomainTurns::new(DomainRates::parse(&words).unwrap());
        let waits =
            |turns: &mut DomainTurns, domain| (0..3).map(|_| turns.take(domain, SECOND).as_secs()).collect();
        let fast: Vec<u64> = waits(&mut turns, "x.example");
        let slow: Vec<u64> = waits(&mut turns, "slow.example");
        assert_eq!((fast, slow), (vec![0, 0, 60], vec![0, 60, 120]));
        assert_eq!(DomainTurns::new(DomainRates::default()).take("x", SECOND), Duration::ZERO);
    }

    #[test]
    fn the_longest_time_there_is_never_ends() {
        let mut turns = Turns::new(Rate::new(1, Duration::MAX).unwrap());
        assert_eq!(turns.take(SECOND), Duration::ZERO);
        assert!((0..3).all(|_| turns.take(SECOND) > SECOND * 1_000_000));
        assert!(!turns.is_idle(SECOND) && turns.wait(SECOND) > SECOND);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "1", "1/", "/1m", "0/1m", "x/1m", "1/0s", "-1/1m", "1/1m/1m", "1000001/1m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert!(DomainRates::parse(&["a=b".to_owned()]).is_err());
    }
}
