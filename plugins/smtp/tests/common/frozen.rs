//! A host whose connections stand still from a certain step on: what is dropped then is dropped at exactly that await,
//! however much a transport does between two.

use postrider_core::*;
use postrider_testkit::{VirtualHost, run};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Lends connections that take part in so many reads and writes, all together, and then in none.
#[derive(Clone)]
pub(crate) struct Freezing {
    inner: VirtualHost,
    steps: Arc<AtomicUsize>,
}

impl Freezing {
    pub(crate) fn new(inner: &VirtualHost, steps: usize) -> Self {
        Self { inner: inner.clone(), steps: Arc::new(AtomicUsize::new(steps)) }
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

#[async_trait]
impl Host for Freezing {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let inner = self.inner.connect(target).await?;
        Ok(Box::new(Line { inner, steps: Arc::clone(&self.steps) }))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.inner.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }
}

struct Line {
    inner: Box<dyn Connection>,
    steps: Arc<AtomicUsize>,
}

impl Line {
    /// True if there is a step left; it counts if something came of it.
    fn moves(&self) -> bool {
        self.steps.load(Ordering::Relaxed) > 0
    }

    fn count<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_ready() {
            self.steps.fetch_sub(1, Ordering::Relaxed);
        }
        polled
    }
}

#[async_trait]
impl Connection for Line {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        self.inner.start_tls(target).await
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.inner.tls()
    }

    fn is_loopback(&self) -> bool {
        self.inner.is_loopback()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.moves() {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.inner).poll_read(cx, out);
        self.count(read)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if !self.moves() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
