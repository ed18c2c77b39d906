//! A host whose connections stand still from a certain step on: what is dropped then is dropped at exactly that await,
//! however much a transport does between two.

use postrider_core::*;
use postrider_testkit::{Quirk, Quirky, VirtualHost, run};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Lends connections that take part in so many reads and writes, all together, and then in none.
pub(crate) struct Freezing {
    inner: VirtualHost,
    steps: Arc<AtomicUsize>,
}

impl Freezing {
    pub(crate) fn new(inner: &VirtualHost, steps: usize) -> Self {
        Self { inner: inner.clone(), steps: Arc::new(AtomicUsize::new(steps)) }
    }

    /// The host itself.
    pub(crate) fn host(&self) -> Arc<dyn Host> {
        let steps = Arc::clone(&self.steps);
        Arc::new(Quirky::new(self.inner.clone(), move || Steps(Arc::clone(&steps))))
    }

    /// Polls a future until all stands still, and drops it; `Some` if it came to its end before that.
    pub(crate) fn drop_at_the_last<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let ended = run(
            &self.inner,
            std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(out) => Poll::Ready(Some(out)),
                Poll::Pending if self.steps.load(Ordering::Relaxed) == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }),
        );
        let ended = ended.expect("hangs");
        self.steps.store(usize::MAX, Ordering::Relaxed);
        ended
    }
}

/// The steps that are left to all connections together.
struct Steps(Arc<AtomicUsize>);

impl Steps {
    /// Takes the step if there is one left; it counts if something came of it.
    fn take<T>(&self, step: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if self.0.load(Ordering::Relaxed) == 0 {
            return Poll::Pending;
        }
        let polled = step();
        if polled.is_ready() {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        polled
    }
}

impl Quirk for Steps {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.take(|| Pin::new(line).poll_read(cx, out))
    }

    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(|| Pin::new(line).poll_write(cx, bytes))
    }
}
