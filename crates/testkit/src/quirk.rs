//! Lines that behave oddly in ways no [`Script`](crate::Script) can say, for it never sees how its client reads and
//! writes: a line that takes little at a time, that stands still, that is slow.

use postrider_core::{
    Connection, Fact, Host, Result, Secret, SecretRef, Target, TlsSession, TokenGrant, async_trait,
};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is odd about a connection. What it does not override is as with any other.
pub trait Quirk: Send + Unpin + 'static {
    /// Reads from the line, as [`AsyncRead::poll_read`].
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(line).poll_read(cx, out)
    }

    /// Writes to the line, as [`AsyncWrite::poll_write`].
    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(line).poll_write(cx, bytes)
    }
}

/// Lends what another host lends, each connection with a quirk of its own, which it keeps inside TLS.
///
/// ```
/// use postrider_core::Connection;
/// use postrider_testkit::{Dialogue, Quirk, Quirky, VirtualHost};
/// use std::io::Result;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// Takes seven bytes at a time.
/// struct Narrow;
///
/// impl Quirk for Narrow {
///     fn poll_write(
///         &mut self,
///         line: &mut dyn Connection,
///         cx: &mut Context<'_>,
///         bytes: &[u8],
///     ) -> Poll<Result<usize>> {
///         Pin::new(line).poll_write(cx, &bytes[..bytes.len().min(7)])
///     }
/// }
///
/// let host = VirtualHost::play(&Dialogue::parse("S: 220 hello\n").unwrap());
/// let narrow = Quirky::new(host, || Narrow);
/// ```
pub struct Quirky<H, F> {
    host: H,
    quirk: F,
}

impl<H, F, Q> Quirky<H, F>
where
    H: Host,
    F: Fn() -> Q + Send + Sync,
    Q: Quirk,
{
    /// `quirk` is called for each connection that `host` makes.
    pub fn new(host: H, quirk: F) -> Self {
        Self { host, quirk }
    }
}

#[async_trait]
impl<H, F, Q> Host for Quirky<H, F>
where
    H: Host,
    F: Fn() -> Q + Send + Sync,
    Q: Quirk,
{
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let line = self.host.connect(target).await?;
        Ok(Box::new(Line { line, quirk: (self.quirk)() }))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        self.host.resolve(target).await
    }

    async fn connect_to(&self, target: &Target, address: SocketAddr) -> Result<Box<dyn Connection>> {
        let line = self.host.connect_to(target, address).await?;
        Ok(Box::new(Line { line, quirk: (self.quirk)() }))
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.host.secret(reference).await
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        self.host.access_token(grant, refused).await
    }

    fn learned(&self, fact: Fact) {
        self.host.learned(fact);
    }
}

/// A connection with its quirk.
pub(crate) struct Line<Q> {
    pub(crate) line: Box<dyn Connection>,
    pub(crate) quirk: Q,
}

#[async_trait]
impl<Q: Quirk> Connection for Line<Q> {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        let Self { line, quirk } = *self;
        Ok(Box::new(Self { line: line.start_tls(target).await?, quirk }))
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.line.tls()
    }

    fn is_loopback(&self) -> bool {
        self.line.is_loopback()
    }
}

impl<Q: Quirk> AsyncRead for Line<Q> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.quirk.poll_read(&mut *this.line, cx, out)
    }
}

impl<Q: Quirk> AsyncWrite for Line<Q> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.quirk.poll_write(&mut *this.line, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}

/// Lends what another host lends, with a server that speaks quickly for `fast` bytes of each connection, and then a byte
/// at a time with a pause before each: no silence is ever long, and yet nothing comes of it.
pub fn trickling<H: Host + Clone + Unpin + 'static>(host: H, fast: usize, pause: Duration) -> impl Host {
    let clock = host.clone();
    Quirky::new(host, move || Trickle { clock: clock.clone(), fast, pause, sleep: None })
}

struct Trickle<H> {
    clock: H,
    fast: usize,
    pause: Duration,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<H: Host + Unpin + 'static> Quirk for Trickle<H> {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = if self.fast > 0 {
            self.fast.min(out.remaining())
        } else {
            let sleep = self.sleep.get_or_insert_with(|| self.clock.sleep(self.pause));
            ready!(sleep.as_mut().poll(cx));
            1
        };
        let mut piece = vec![0; most];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(line).poll_read(cx, &mut piece))?;
        self.sleep = None;
        self.fast -= piece.filled().len().min(self.fast);
        out.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}
