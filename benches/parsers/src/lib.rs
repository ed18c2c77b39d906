//! A host without sockets: what a client writes is taken apart by a server that answers at once, in memory. So what the
//! benches measure is the client's own reading and writing, by its public door.

use bytes::{Buf, BytesMut};
use postrider_core::{Connection, Error, ErrorKind, Host, Phase, Result, Target, TlsSession, async_trait};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The server's side of one connection.
pub trait Answers: Send + Unpin {
    /// What it says first.
    fn greeting(&mut self, out: &mut BytesMut);

    /// Takes what it can of the input, and answers.
    fn take(&mut self, input: &mut BytesMut, out: &mut BytesMut);
}

/// A host whose every connection is to such a server.
pub struct Memory<F>(pub F);

#[async_trait]
impl<A: Answers + 'static, F: Fn() -> A + Send + Sync> Host for Memory<F> {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        let mut answers = (self.0)();
        let mut output = BytesMut::new();
        answers.greeting(&mut output);
        Ok(Box::new(Line { answers, input: BytesMut::new(), output, waiting: None }))
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Nothing is ever late here.
        Box::pin(std::future::pending())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

struct Line<A> {
    answers: A,
    input: BytesMut,
    output: BytesMut,
    waiting: Option<Waker>,
}

impl<A: Answers> AsyncRead for Line<A> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = self.output.len().min(into.remaining());
        into.put_slice(&self.output[..n]);
        self.output.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<A: Answers> AsyncWrite for Line<A> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.input.extend_from_slice(bytes);
        this.answers.take(&mut this.input, &mut this.output);
        if let (false, Some(waiting)) = (this.output.is_empty(), this.waiting.take()) {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl<A: Answers> Connection for Line<A> {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Tls, "no TLS here"))
    }

    fn tls(&self) -> Option<&TlsSession> {
        None
    }

    fn is_loopback(&self) -> bool {
        true
    }
}
