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

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_testkit::{Dialogue, VirtualHost, run};
    use std::future::poll_fn;
    use std::task::Poll;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Starts it anew with each of these limits after so many seconds, and gives when it rings.
    fn rings(first: u64, restarts: &[(u64, u64)], asked_between: bool) -> Duration {
        let host = VirtualHost::play(&Dialogue::parse("").unwrap());
        run(&host, async {
            let mut alarm = Alarm::new(&host, seconds(first));
            for (after, limit) in restarts {
                if asked_between {
                    poll_fn(|cx| Poll::Ready(alarm.poll(&host, cx))).await;
                }
                host.sleep(seconds(*after)).await;
                alarm.restart(&host, seconds(*limit));
                assert_eq!(alarm.limit(), seconds(*limit));
            }
            poll_fn(|cx| if alarm.poll(&host, cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        })
        .unwrap();
        host.now()
    }

    #[test]
    fn it_rings_when_the_last_start_says_so_however_often_it_was_moved() {
        for asked in [false, true] {
            assert_eq!(rings(10, &[], asked), seconds(10));
            assert_eq!(rings(10, &[(6, 10)], asked), seconds(16));
            assert_eq!(rings(10, &[(6, 10), (9, 10), (9, 10)], asked), seconds(34));
            assert_eq!(rings(600, &[(3, 5)], asked), seconds(8), "sooner than before");
            assert_eq!(rings(10, &[(0, 600), (0, 10)], asked), seconds(10));
        }
    }

    #[test]
    fn a_timer_that_rings_while_the_deadline_moves_does_not_silence_it() {
        for asked in [false, true] {
            for after in [9, 10, 11] {
                assert_eq!(rings(10, &[(after, 10)], asked), seconds(after + 10), "{after} {asked}");
            }
        }
    }

    #[test]
    fn a_timer_that_may_be_ringing_is_asked_and_another_is_not() {
        let host = VirtualHost::play(&Dialogue::parse("").unwrap());
        for (after, spared) in [(5, true), (8, true), (10, false), (11, false)] {
            run(&host, async {
                let mut alarm = Alarm::new(&host, seconds(10));
                host.sleep(seconds(after)).await;
                alarm.restart(&host, seconds(10));
                // It rings once: who was woken by it and does not ask it is never woken again.
                assert_eq!(alarm.moved, spared, "{after}");
            })
            .unwrap();
        }
    }
}
