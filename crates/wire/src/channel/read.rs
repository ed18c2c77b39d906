//! The reading half of the channel: lines and pieces of bodies, with their limits and deadlines.

use super::{Channel, READ, gone};
use bytes::{Buf, Bytes, BytesMut};
use postrider_core::{Connection, Error, ErrorKind, Phase, Result, within};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// While a body is due, at least this many bytes must come in each [`RATE_WINDOW`].
const RATE_BYTES: u64 = 6 * 1024;
/// See [`RATE_BYTES`]: 1 KiB in 10 s on average.
const RATE_WINDOW: Duration = Duration::from_secs(60);

impl Channel {
    /// The next line, without its line end (CRLF, or LF alone). `limit` is the longest line allowed, in
    /// bytes; `wait` the longest time for the whole line.
    ///
    /// # Errors
    /// `Limit`, `Timeout` or `Closed` in `phase`.
    ///
    /// # Cancellation
    /// What has arrived stays in the buffer.
    pub async fn line(&mut self, limit: usize, wait: Duration, phase: Phase) -> Result<Bytes> {
        if let Some(line) = self.buffered_line(limit, phase)? {
            return Ok(line);
        }
        let host = Arc::clone(&self.host);
        within(host.as_ref(), wait, phase, async {
            loop {
                self.read_some(phase).await?;
                if let Some(line) = self.buffered_line(limit, phase)? {
                    return Ok(line);
                }
            }
        })
        .await
    }

    /// The next line if all of it has arrived.
    ///
    /// # Errors
    /// `Limit` if what has arrived is longer than a line may be.
    pub fn buffered_line(&mut self, limit: usize, phase: Phase) -> Result<Option<Bytes>> {
        let rest = self.input.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', rest).map(|i| i + self.searched) else {
            self.searched = self.input.len();
            return if self.input.len() > limit { Err(too_long(limit, phase)) } else { Ok(None) };
        };
        if at > limit {
            return Err(too_long(limit, phase));
        }
        let mut line = self.input.split_to(at + 1);
        self.searched = 0;
        line.truncate(at);
        if line.last() == Some(&b'\r') {
            line.truncate(at - 1);
        }
        self.transcript.server(&line);
        Ok(Some(line.freeze()))
    }

    /// Reads more into the input buffer; `wait` is the longest silence.
    ///
    /// # Errors
    /// `Timeout` or `Closed` in `phase`.
    ///
    /// # Cancellation
    /// What has arrived stays in the buffer.
    pub async fn fill(&mut self, wait: Duration, phase: Phase) -> Result<()> {
        let host = Arc::clone(&self.host);
        within(host.as_ref(), wait, phase, self.read_some(phase)).await
    }

    /// Starts to watch the rate of a body that is due.
    pub fn expect_body(&mut self) {
        self.rate = (Duration::ZERO, 0);
    }

    /// As [`fill`](Self::fill), for a body: besides the silence, a trickle (under 1 KiB in 10 s on average)
    /// is a timeout too. Only the time spent here counts: a slow taker of the body is not the server's fault.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    ///
    /// # Cancellation
    /// As [`fill`](Self::fill).
    pub async fn fill_body(&mut self, wait: Duration, phase: Phase) -> Result<()> {
        let (before, since) = (self.input.len(), self.host.now());
        self.fill(wait, phase).await?;
        self.rate.0 += self.host.now().saturating_sub(since);
        self.rate.1 += (self.input.len() - before) as u64;
        if self.rate.0 >= RATE_WINDOW {
            if self.rate.1 < RATE_BYTES {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    phase,
                    format!("only {} bytes came in {} s", self.rate.1, RATE_WINDOW.as_secs()),
                ));
            }
            self.rate = (Duration::ZERO, 0);
        }
        Ok(())
    }

    /// What has arrived and not been taken. Whoever takes from it keeps whole lines apart.
    pub fn input(&mut self) -> &mut BytesMut {
        self.searched = 0;
        &mut self.input
    }

    /// Reads what comes, and meanwhile sends what is still queued: a server that waits for its answers to be
    /// read before it reads on, as one that is asked for much at a time does, must not be waited for in turn.
    async fn read_some(&mut self, phase: Phase) -> Result<()> {
        let connection = self.connection.as_mut().ok_or_else(|| gone(phase))?;
        self.input.reserve(READ);
        let (input, output, unflushed) = (&mut self.input, &mut self.output, &mut self.unflushed);
        let read = poll_fn(|cx| {
            *unflushed |= !output.is_empty();
            let sent = if *unflushed { poll_send(&mut **connection, output, cx) } else { Poll::Pending };
            *unflushed &= !matches!(sent, Poll::Ready(Ok(())));
            // Made anew for each poll: it has no state of its own.
            let read = pin!(connection.read_buf(input)).poll(cx);
            match sent {
                // What was said before the line broke is still worth hearing.
                Poll::Ready(Err(error)) if read.is_pending() => Poll::Ready(Err(error)),
                _ => read,
            }
        });
        match read.await {
            Ok(0) => Err(gone(phase)),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::from_io(error, phase)),
        }
    }
}

/// Writes all of the output and flushes it.
fn poll_send(
    connection: &mut dyn Connection,
    output: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<()>> {
    while !output.is_empty() {
        match ready!(Pin::new(&mut *connection).poll_write(cx, output))? {
            0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
            n => output.advance(n),
        }
    }
    Pin::new(connection).poll_flush(cx)
}

fn too_long(limit: usize, phase: Phase) -> Error {
    Error::new(ErrorKind::Limit, phase, format!("the server sent a line of over {limit} bytes"))
}
