//! Sleep where no runtime keeps the time.

use std::future::Future;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Is ready after `duration`. A thread waits for that, and ends at once if the future is dropped. If no thread can be
/// had it is never ready.
pub(crate) fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
    let (ring, rung) = oneshot::channel();
    let (keep, dropped) = mpsc::channel::<()>();
    let wait = move || {
        // Nobody sends: it ends by time, or by the other half being dropped.
        if dropped.recv_timeout(duration) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = ring.send(());
        }
    };
    let thread = thread::Builder::new().name("postrider-sleep".to_owned()).spawn(wait);
    async move {
        let _kept = keep;
        if thread.is_err() || rung.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::TokioHost;
    use postrider_core::Host;
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};
    use std::thread::{self, Thread};
    use std::time::Duration;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    #[test]
    fn a_host_sleeps_under_an_executor_that_is_not_tokio() {
        let host = TokioHost::new();
        let before = host.now();
        let mut sleep = host.sleep(Duration::from_millis(30));
        drop(host.sleep(Duration::from_secs(3_600)));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
        assert!(host.now() - before >= Duration::from_millis(30));
    }
}
