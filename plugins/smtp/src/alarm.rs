//! A deadline that is moved often and passes rarely.

use postrider_core::Host;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// A timer that rings within this time may be ringing already.
const SOON: Duration = Duration::from_secs(1);

/// A deadline on the host's clock. Moved further away it keeps the host's timer, which is set anew when it rings too
/// early: with each answer another one is waited for, and to make a timer costs more than to read the clock.
pub(crate) struct Alarm {
    limit: Duration,
    due: Duration,
    rings: Duration,
    timer: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Whom the timer wakes. While the deadline was only moved, there is no need to ask it.
    wakes: Option<Waker>,
    moved: bool,
}

impl Alarm {
    /// From now on.
    pub(crate) fn new(host: &dyn Host, limit: Duration) -> Self {
        let due = host.now().saturating_add(limit);
        Self { limit, due, rings: due, timer: host.sleep(limit), wakes: None, moved: false }
    }

    /// Counts from now on again.
    pub(crate) fn restart(&mut self, host: &dyn Host, limit: Duration) {
        let now = host.now();
        (self.limit, self.due) = (limit, now.saturating_add(limit));
        // One that is about to ring, or has rung, has to be asked: it rings once.
        self.moved = now.saturating_add(SOON) < self.rings;
        if self.due < self.rings {
            self.set(host, limit);
        }
    }

    /// How long it is from its last start.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// True once the time is up.
    pub(crate) fn poll(&mut self, host: &dyn Host, cx: &mut Context<'_>) -> bool {
        let moved = std::mem::take(&mut self.moved);
        if moved && self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return false;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let left = self.due.saturating_sub(host.now());
            if left.is_zero() {
                return true;
            }
            self.set(host, left);
        }
        if !self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.wakes = Some(cx.waker().clone());
        }
        false
    }

    fn set(&mut self, host: &dyn Host, left: Duration) {
        (self.timer, self.rings, self.wakes) = (host.sleep(left), self.due, None);
    }
}
