//! How long until the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that grow by a factor up to a limit, each a fifth more or less, so that what failed together does not come
/// back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// After the first try.
    pub first: Duration,
    /// Each further one is so many times as long.
    pub factor: u32,
    /// The longest.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 1 minute, twice as long each time, at most 4 hours.
    fn default() -> Self {
        Self { first: Duration::from_secs(60), factor: 2, longest: Duration::from_secs(4 * 3600) }
    }
}

impl Backoff {
    /// How long after so many tries (1 and up).
    pub fn after(&self, tries: u32) -> Duration {
        // Keys by the system's randomness: good enough for a fifth more or less.
        let random = RandomState::new().hash_one(tries);
        self.with(tries, random)
    }

    fn with(&self, tries: u32, random: u64) -> Duration {
        let mut wait = self.first;
        for _ in 1..tries.min(64) {
            wait = wait.saturating_mul(self.factor.max(1));
            if wait >= self.longest {
                break;
            }
        }
        wait = wait.min(self.longest);
        // 800 to 1200 thousandths.
        let share = u32::try_from(800 + random % 401).unwrap_or(1000);
        wait.checked_mul(share).map_or(wait, |w| w / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_stay_within_a_fifth() {
        let backoff =
            Backoff { first: Duration::from_secs(10), factor: 3, longest: Duration::from_secs(100) };
        let plain: Vec<u64> = (1..6).map(|n| backoff.with(n, 200).as_secs()).collect();
        assert_eq!(plain, [10, 30, 90, 100, 100]);
        assert_eq!(backoff.with(1, 0), Duration::from_secs(8));
        assert_eq!(backoff.with(1, 400), Duration::from_secs(12));
        assert!((0..500).all(|_| (8..=12).contains(&backoff.after(1).as_secs())));
        let endless = Backoff { first: Duration::MAX, factor: u32::MAX, longest: Duration::MAX };
        assert_eq!(endless.after(u32::MAX), Duration::MAX);
    }
}
