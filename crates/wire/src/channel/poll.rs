//! The channel for a driver that reads and writes at the same time and keeps the time itself.

use super::{Channel, READ, gone};
use bytes::Buf;
use postrider_core::{Error, Phase, Result};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};

impl Channel {
    /// Reads what has come into the input buffer, and nothing else: neither a deadline nor a write is begun.
    ///
    /// # Errors
    /// `Closed` in `phase`.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<Result<()>> {
        let Some(connection) = self.connection.as_mut() else { return Poll::Ready(Err(gone(phase))) };
        self.input.reserve(READ);
        // Made anew for each poll: it has no state of its own.
        Poll::Ready(match ready!(pin!(connection.read_buf(&mut self.input)).poll(cx)) {
            Ok(0) => Err(gone(phase)),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::from_io(error, phase)),
        })
    }

    /// Writes some of what is queued, as much as the connection takes at once, and gives its length; 0 if
    /// nothing is queued. What the connection has taken is gone from [`output`](Self::output), and may still
    /// need a [`poll_flush`](Self::poll_flush) to leave.
    ///
    /// # Errors
    /// `Closed` in `phase`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<Result<usize>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Some(connection) = self.connection.as_mut() else { return Poll::Ready(Err(gone(phase))) };
        Poll::Ready(match ready!(Pin::new(connection).poll_write(cx, &self.output)) {
            Ok(0) => Err(gone(phase)),
            Ok(n) => {
                self.output.advance(n);
                Ok(n)
            }
            Err(error) => Err(Error::from_io(error, phase)),
        })
    }

    /// Makes what was written leave.
    ///
    /// # Errors
    /// `Closed` in `phase`.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<Result<()>> {
        let Some(connection) = self.connection.as_mut() else { return Poll::Ready(Err(gone(phase))) };
        Pin::new(connection).poll_flush(cx).map_err(|e| Error::from_io(e, phase))
    }

    /// Tells the transcript what we said, for a protocol that puts it into [`output`](Self::output) itself.
    pub fn said(&self, lines: &[u8]) {
        self.transcript.client(lines);
    }
}
