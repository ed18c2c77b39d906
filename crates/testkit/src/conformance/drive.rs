//! Ways to run a transport's futures: to the end, or up to an await.

use crate::Hang;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Runs work on this thread, sleeping while there is nothing to do. For benches without virtual time.
pub(super) fn on_this_thread(mut work: super::Work<'_>, limit: Duration) -> Result<(), Hang> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let until = Instant::now() + limit;
    while work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Hang);
        }
        std::thread::park_timeout(left);
    }
    Ok(())
}

/// A future that is given up at its n-th await: ready with `None` then.
pub(super) struct GivenUp<'a, T> {
    pub(super) work: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    pub(super) polls: usize,
}

impl<'a, T> GivenUp<'a, T> {
    pub(super) fn after(polls: usize, work: impl Future<Output = T> + 'a) -> Self {
        Self { work: Some(Box::pin(work)), polls }
    }
}

impl<T> Future for GivenUp<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.polls == 0 {
            // Dropping it is the cancellation.
            self.work = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        match work.as_mut().poll(cx) {
            Poll::Ready(out) => Poll::Ready(Some(out)),
            Poll::Pending if self.polls == 0 => {
                self.work = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
