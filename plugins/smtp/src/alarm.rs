//! A deadline that is moved often and passes rarely.

use postrider_core::Host;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// A deadline on the host's clock. Moved further away it keeps the host's timer, which is set anew when it rings too
/// early: with each answer another one is waited for, and to make a timer costs more than to read the clock.
pub(crate) struct Alarm {
    limit: Duration,
    due: Duration,
    rings: Duration,
    timer: Pin<Box<dyn Future<Output = ()> + Send>>,
    bell: Arc<Bell>,
    /// The bell, for the timer.
    wakes: Waker,
}

/// What the timer wakes: it is asked only then. That it is pending says nothing of whether it will ring: tokio's are
/// not even set in a task that has had its share, and wake at once to be asked again.
struct Bell {
    rung: AtomicBool,
    task: Mutex<Waker>,
}

impl Alarm {
    /// From now on.
    pub(crate) fn new(host: &dyn Host, limit: Duration) -> Self {
        let due = host.now().saturating_add(limit);
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) });
        let wakes = Waker::from(Arc::clone(&bell));
        Self { limit, due, rings: due, timer: host.sleep(limit), bell, wakes }
    }

    /// Counts from now on again.
    pub(crate) fn restart(&mut self, host: &dyn Host, limit: Duration) {
        (self.limit, self.due) = (limit, host.now().saturating_add(limit));
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
        self.bell.belongs_to(cx.waker());
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return false;
        }
        while self.timer.as_mut().poll(&mut Context::from_waker(&self.wakes)).is_ready() {
            let left = self.due.saturating_sub(host.now());
            // A timer that was not outrun is right, whatever the clock says: one that stands still ends nothing.
            if self.due <= self.rings || left.is_zero() {
                return true;
            }
            self.set(host, left);
        }
        false
    }

    fn set(&mut self, host: &dyn Host, left: Duration) {
        (self.timer, self.rings) = (host.sleep(left), self.due);
        self.bell.rung.store(true, Ordering::Release);
    }
}

impl Bell {
    /// Whom it wakes from now on.
    fn belongs_to(&self, task: &Waker) {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.will_wake(task) {
            known.clone_from(task);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First, so that whoever is woken finds it.
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Connection, Result, Secret, SecretRef, Target, TokenGrant, async_trait};
    use postrider_testkit::{Dialogue, VirtualHost, run};
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
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

    /// A clock of timers that are set when they are asked a second time: the first time they only wake, as tokio's do in
    /// a task that has had its share. It may stand still.
    #[derive(Clone)]
    struct Tired {
        host: VirtualHost,
        stands: bool,
        asked: Arc<AtomicUsize>,
    }

    impl Tired {
        fn new(stands: bool) -> Self {
            let host = VirtualHost::play(&Dialogue::parse("").unwrap());
            Self { host, stands, asked: Arc::default() }
        }
    }

    #[async_trait]
    impl Host for Tired {
        async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
            self.host.connect(target).await
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (host, asked) = (self.host.clone(), Arc::clone(&self.asked));
            Box::pin(async move {
                let mut tired = true;
                poll_fn(|cx| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    if !std::mem::take(&mut tired) {
                        return Poll::Ready(());
                    }
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
                let mut timer = host.sleep(duration);
                poll_fn(|cx| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    timer.as_mut().poll(cx)
                })
                .await;
            })
        }

        fn now(&self) -> Duration {
            if self.stands { Duration::ZERO } else { self.host.now() }
        }

        async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
            self.host.secret(reference).await
        }

        async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
            self.host.access_token(grant, refused).await
        }
    }

    #[test]
    fn a_timer_that_only_woke_when_it_was_asked_is_asked_again_though_the_deadline_moved() {
        let host = Tired::new(false);
        run(&host.host, async {
            let (mut alarm, mut polls) = (Alarm::new(&host, seconds(10)), 0);
            poll_fn(|cx| {
                polls += 1;
                if polls == 2 {
                    alarm.restart(&host, seconds(10));
                }
                if alarm.poll(&host, cx) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        })
        .expect("it never rings");
        assert_eq!(host.host.now(), seconds(10));
    }

    #[test]
    fn it_rings_by_its_timer_where_the_clock_does_not_go_on() {
        let host = Tired::new(true);
        let woken = run(&host.host, async {
            let (mut alarm, mut polls) = (Alarm::new(&host, seconds(10)), 0);
            poll_fn(|cx| {
                polls += 1;
                let rings = alarm.poll(&host, cx);
                if rings || polls > 100 { Poll::Ready(rings) } else { Poll::Pending }
            })
            .await
        });
        assert!(woken.unwrap(), "it never rings");
        assert_eq!(host.host.now(), seconds(10));
    }

    #[test]
    fn a_deadline_that_moves_leaves_its_timer_alone() {
        let host = Tired::new(false);
        run(&host.host, async {
            let mut alarm = Alarm::new(&host, seconds(10));
            for _ in 0..3 {
                poll_fn(|cx| Poll::Ready(alarm.poll(&host, cx))).await;
            }
            let before = host.asked.load(Ordering::Relaxed);
            for _ in 0..9 {
                host.host.sleep(seconds(1)).await;
                alarm.restart(&host, seconds(10));
                poll_fn(|cx| Poll::Ready(alarm.poll(&host, cx))).await;
            }
            assert_eq!(host.asked.load(Ordering::Relaxed), before);
        })
        .unwrap();
    }
}
