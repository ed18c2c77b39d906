//! A host's connection as lettre's client wants it, which also remembers what lettre does not tell.

use lettre::transport::smtp::client::AsyncTokioStream;
use postrider_core::Connection;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What ends a message on the line (RFC 5321 §4.1.1.4). Dot-stuffing keeps it out of the message itself.
const END_OF_DATA: [u8; 5] = *b"\r\n.\r\n";

/// What passed the connection, as far as it decides what became of a message. Clones see the same.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The last bytes that left.
    tail: [u8; 5],
    has_written: bool,
    ended: bool,
    /// What the server has said since anything left.
    heard: usize,
}

/// Most that the server may say to one command. lettre has limits of its own, but none for a line without
/// end, and it reads all lines of a reply anew with each one that comes.
const MOST: usize = 32 * 1024;

impl Seen {
    /// True if the last bytes that left end a message: the server may have it.
    pub(crate) fn end_of_data_left(&self) -> bool {
        self.state().tail == END_OF_DATA
    }

    /// True if anything left at all.
    pub(crate) fn has_written(&self) -> bool {
        self.state().has_written
    }

    /// True if the server has closed the connection.
    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// True if the server talks without end.
    pub(crate) fn is_endless(&self) -> bool {
        self.state().heard > MOST
    }

    fn left(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.heard = 0;
        state.has_written |= !bytes.is_empty();
        for byte in bytes.iter().skip(bytes.len().saturating_sub(state.tail.len())) {
            state.tail.rotate_left(1);
            if let Some(last) = state.tail.last_mut() {
                *last = *byte;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection.
pub(crate) struct Lent {
    // lettre wants Sync, which a connection need not be. Never locked: `get_mut` needs no lock.
    connection: Mutex<Box<dyn Connection>>,
    /// What is read before anything of the connection: a greeting that was heard already.
    prelude: &'static [u8],
    seen: Seen,
}

impl Lent {
    pub(crate) fn new(connection: Box<dyn Connection>, prelude: &'static [u8], seen: Seen) -> Self {
        Self { connection: Mutex::new(connection), prelude, seen }
    }

    fn connection(&mut self) -> Pin<&mut Box<dyn Connection>> {
        Pin::new(self.connection.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncTokioStream for Lent {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "the host does not tell"))
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.prelude.is_empty() {
            let (now, later) = self.prelude.split_at(self.prelude.len().min(out.remaining()));
            out.put_slice(now);
            self.prelude = later;
            return Poll::Ready(Ok(()));
        }
        let before = out.filled().len();
        let read = ready!(self.connection().poll_read(cx, out));
        let n = out.filled().len() - before;
        let mut state = self.seen.state();
        state.ended |= read.is_err() || n == 0;
        state.heard += n;
        if state.heard > MOST {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        drop(state);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.connection().poll_write(cx, bytes));
        match &written {
            Ok(n) => self.seen.left(bytes.get(..*n).unwrap_or_default()),
            Err(_) => self.seen.state().ended = true,
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_shutdown(cx)
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_data_is_known_in_whatever_pieces_it_left_and_only_when_whole() {
        for pieces in [&["text\r\n.\r\n"][..], &["text\r", "\n.", "\r\n"], &["\r", "\n", ".", "\r", "\n"]] {
            let seen = Seen::default();
            for piece in pieces {
                assert!(!seen.end_of_data_left());
                seen.left(piece.as_bytes());
            }
            assert!(seen.end_of_data_left());
        }
        let seen = Seen::default();
        seen.left(b"text\r\n..\r\n.\r");
        assert!(!seen.end_of_data_left() && seen.has_written());
    }
}
