//! A stream around another one, and what is to be done about what passes through it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// All goes to the stream inside; the watch hears of it.
pub(crate) struct Through<S, W> {
    pub(crate) stream: S,
    pub(crate) watch: W,
}

pub(crate) trait Watch: Unpin {
    /// Bytes the other side sent.
    fn heard(&mut self, _: &[u8]) {}

    /// A failure of reading or writing, in better words.
    fn explained(&self, error: io::Error) -> io::Error {
        error
    }
}

impl<S: AsyncRead + Unpin, W: Watch> AsyncRead for Through<S, W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, out)).map_err(|error| this.watch.explained(error))?;
        this.watch.heard(out.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, W: Watch> AsyncWrite for Through<S, W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_write(cx, data).map_err(|error| this.watch.explained(error))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, data);
        written.map_err(|error| this.watch.explained(error))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_flush(cx).map_err(|error| this.watch.explained(error))
    }

    // The end of a session: nobody reads why it failed.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
