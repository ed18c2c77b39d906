//! A host whose connections give one byte every few seconds of virtual time, once a body is due.

use postrider_core::*;
use postrider_testkit::VirtualHost;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Lends what another host lends, slowly after `fast` bytes.
pub(crate) struct SlowHost {
    pub(crate) inner: VirtualHost,
    pub(crate) fast: usize,
    pub(crate) pause: Duration,
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Slow {
    inner: Box<dyn Connection>,
    host: VirtualHost,
    fast: usize,
    pause: Duration,
    sleep: Option<Sleep>,
}

#[async_trait]
impl Host for SlowHost {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let inner = self.inner.connect(target).await?;
        let (host, fast, pause) = (self.inner.clone(), self.fast, self.pause);
        Ok(Box::new(Slow { inner, host, fast, pause, sleep: None }))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.inner.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }
}

#[async_trait]
impl Connection for Slow {
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

impl AsyncRead for Slow {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let most = if this.fast > 0 {
            this.fast.min(out.remaining())
        } else {
            let (host, pause) = (&this.host, this.pause);
            let sleep = this.sleep.get_or_insert_with(|| host.sleep(pause));
            ready!(sleep.as_mut().poll(cx));
            1
        };
        let mut piece = vec![0; most];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
        this.sleep = None;
        this.fast = this.fast.saturating_sub(piece.filled().len());
        out.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
