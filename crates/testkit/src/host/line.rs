//! A connection to a script: its bytes in the pieces, and with the faults, that its host asks for.

use super::{VirtualHost, tls_session};
use crate::{Ending, Script};
use postrider_core::{Connection, Error, ErrorKind, Phase, Result, Target, TlsSession, async_trait};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Line {
    host: VirtualHost,
    script: Box<dyn Script>,
    pending: Vec<u8>,
    tls: Option<TlsSession>,
    loopback: bool,
    reader: Option<Waker>,
    read_pause: bool,
    write_pause: bool,
}

impl Line {
    /// A line that says `pending` first.
    pub(super) fn new(
        host: VirtualHost,
        script: Box<dyn Script>,
        pending: Vec<u8>,
        tls: Option<TlsSession>,
        loopback: bool,
    ) -> Self {
        Self { host, script, pending, tls, loopback, reader: None, read_pause: false, write_pause: false }
    }
}

#[async_trait]
impl Connection for Line {
    async fn start_tls(mut self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        if !self.script.start_tls() {
            return Err(Error::new(ErrorKind::Tls, Phase::Tls, "the script lets the handshake fail"));
        }
        self.tls = Some(tls_session());
        Ok(self)
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.tls.as_ref()
    }

    fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.pending.is_empty() {
            this.pending = this.script.more();
        }
        let mut state = this.host.state();
        if state.cut_after.is_some_and(|n| state.received >= n) {
            return Poll::Ready(Ok(()));
        }
        let stalled = state.stall_after.is_some_and(|n| state.received >= n);
        if this.pending.is_empty() || stalled {
            return match this.script.ending() {
                Ending::Closed if !stalled => Poll::Ready(Ok(())),
                Ending::Reset if !stalled => Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into())),
                _ => {
                    this.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        let left = |limit: Option<usize>| limit.map_or(usize::MAX, |n| n - state.received);
        let most =
            this.pending.len().min(out.remaining()).min(left(state.cut_after)).min(left(state.stall_after));
        let Some(n) = state.piece(most, &mut this.read_pause) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        state.received += n;
        drop(state);
        for byte in this.pending.drain(..n) {
            out.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let mut state = this.host.state();
        let left = state.cut_client_after.map_or(usize::MAX, |n| n.saturating_sub(state.sent.len()));
        if left == 0 || this.script.ending() == Ending::Reset {
            return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        let Some(n) = state.piece(bytes.len().min(left), &mut this.write_pause) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let taken = bytes.get(..n).unwrap_or_default();
        state.sent.extend_from_slice(taken);
        if this.tls.is_none() {
            state.clear.extend_from_slice(taken);
        }
        drop(state);
        let answer = this.script.receive(taken);
        this.pending.extend(answer);
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
