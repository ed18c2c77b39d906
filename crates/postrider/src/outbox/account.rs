//! The accounts an outbox sends by, and which of them works.

use super::rate::{Rate, Turns};
use super::{Backoff, Order};
use crate::Mailer;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest time an account that failed is left alone.
const LONGEST: Duration = Duration::from_secs(300);

/// An account by which messages go out.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) mailer: Mailer,
    state: Mutex<State>,
}

struct State {
    turns: Option<Turns>,
    failures: u32,
    down_until: Duration,
}

/// All of them, the preferred one first.
pub(super) struct Accounts {
    all: Vec<Account>,
    order: Order,
    next: AtomicUsize,
    backoff: Backoff,
}

impl Account {
    pub(super) fn new(name: String, mailer: Mailer, rate: Option<Rate>) -> Self {
        let state = State { turns: rate.map(Turns::new), failures: 0, down_until: Duration::ZERO };
        Self { name, mailer, state: Mutex::new(state) }
    }

    /// Takes the account's next turn, and says how long it is until then.
    pub(super) fn take(&self, now: Duration) -> Duration {
        self.state().turns.as_mut().map_or(Duration::ZERO, |turns| turns.take(now))
    }

    /// Somebody comes who has a turn, on time or late; says how long it has to wait all the same.
    pub(super) fn come(&self, now: Duration) -> Duration {
        self.state().turns.as_mut().map_or(Duration::ZERO, |turns| turns.come(now))
    }

    /// How long it would be until the next turn.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.state().turns.as_ref().map_or(Duration::ZERO, |turns| turns.wait(now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    pub(super) fn new(all: Vec<Account>, order: Order, backoff: Backoff) -> Self {
        let backoff = Backoff { longest: backoff.longest.min(LONGEST), ..backoff };
        Self { all, order, next: AtomicUsize::new(0), backoff }
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.all
    }

    /// Those that work, in the order in which a message tries them.
    pub(super) fn line(&self, now: Duration) -> Vec<usize> {
        let count = self.all.len();
        let first = match self.order {
            Order::Failover => 0,
            Order::RoundRobin => self.next.fetch_add(1, Ordering::Relaxed) % count.max(1),
        };
        let line = (0..count).map(|n| (first + n) % count);
        line.filter(|n| self.all.get(*n).is_some_and(|a| a.state().down_until <= now)).collect()
    }

    /// How long until one of them may work again; `None` if one does.
    pub(super) fn down(&self, now: Duration) -> Option<Duration> {
        let until = self.all.iter().map(|a| a.state().down_until).min()?;
        (until > now).then(|| until - now)
    }

    /// Notes that an account could not be used, and says how long it is left alone. Those who had begun before it was
    /// left alone say nothing new.
    pub(super) fn failed(&self, account: &Account, now: Duration) -> Duration {
        let mut state = account.state();
        if state.down_until <= now {
            state.failures = state.failures.saturating_add(1);
            state.down_until = now.saturating_add(self.backoff.after(state.failures));
        }
        state.down_until - now
    }

    /// Notes that an account works.
    pub(super) fn works(&self, account: &Account) {
        let mut state = account.state();
        state.failures = 0;
        state.down_until = Duration::ZERO;
    }
}
