//! A host's connection as async-imap's client wants it: bounded, and the only one of the two that knows secrets.

use postrider_core::{Connection, Error, ErrorKind, Phase, Secret};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What async-imap is told to say instead of a secret, and what that is on the line, in base64.
pub(crate) const STAND_IN: &[u8] = b"stand-in";
const STAND_IN_LINE: &[u8] = b"c3RhbmQtaW4=";

/// What goes out in place of the next stand-in. Clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct Swap(Arc<Mutex<Option<Secret>>>);

impl Swap {
    pub(crate) fn put(&self, line: Secret) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    fn take(&self) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The connection.
pub(crate) struct Lent {
    connection: Box<dyn Connection>,
    swap: Swap,
    /// The line that goes out instead of a stand-in, and how much of it is out.
    instead: Option<(Secret, usize)>,
    /// How many more bytes the server may say.
    room: u64,
}

impl Lent {
    pub(crate) fn new(connection: Box<dyn Connection>, swap: Swap) -> Self {
        Self { connection, swap, instead: None, room: 0 }
    }

    /// From now on the server may say so many bytes.
    pub(crate) fn allow(&mut self, bytes: u64) {
        self.room = bytes;
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.connection).poll_read(cx, out))?;
        let read = (out.filled().len() - before) as u64;
        let Some(room) = self.room.checked_sub(read) else {
            let what = "the server's answer is longer than may be held in memory";
            return Poll::Ready(Err(Error::new(ErrorKind::Limit, Phase::Fetch, what)
                .with_advice("raise maxsize if it is a message, or use the transport imap, which streams")
                .into()));
        };
        self.room = room;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if bytes == STAND_IN_LINE && this.instead.is_none() {
            this.instead = this.swap.take().map(|line| (line, 0));
        }
        while let Some((line, out)) = &mut this.instead {
            let rest = line.expose().as_bytes().get(*out..).unwrap_or_default();
            if rest.is_empty() {
                this.instead = None;
                return Poll::Ready(Ok(bytes.len()));
            }
            match ready!(Pin::new(&mut this.connection).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => *out += n,
            }
        }
        Pin::new(&mut this.connection).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}
