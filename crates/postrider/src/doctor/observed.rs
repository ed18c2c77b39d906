//! A connection that notes what the server says before anybody signs in. What is sent is never looked at.

use crate::doctor::seen::{Notebook, shown};
use postrider_core::{Connection, Result, Target, TlsSession, async_trait};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of what the server says is looked at, and of one line.
const ENOUGH: usize = 64 * 1024;
const LINE: usize = 8 * 1024;

pub(crate) struct Observed {
    inner: Box<dyn Connection>,
    notes: Arc<Notebook>,
    // The line that is coming in; work stays linear in what arrives.
    line: Vec<u8>,
    looked_at: usize,
}

impl Observed {
    pub(crate) fn new(inner: Box<dyn Connection>, notes: Arc<Notebook>) -> Self {
        if let Some(session) = inner.tls() {
            notes.write(|seen| seen.tls = Some(session.clone()));
        }
        Self { inner, notes, line: Vec::new(), looked_at: 0 }
    }

    fn heard(&mut self, bytes: &[u8]) {
        self.notes.write(|_| {});
        for byte in bytes.iter().take(ENOUGH - self.looked_at.min(ENOUGH)) {
            self.looked_at += 1;
            if *byte == b'\n' {
                self.look_at_line();
            } else if self.line.len() < LINE {
                self.line.push(*byte);
            }
        }
    }

    fn look_at_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let offered = self.inner.tls().is_none() && offers_starttls(&line);
        self.notes.write(|seen| {
            seen.starttls_offered |= offered;
            if seen.greeting.is_none() {
                seen.greeting = Some(shown(&line));
            }
        });
    }
}

/// SMTP and POP3 list it on a line, IMAP among the words of one.
fn offers_starttls(line: &[u8]) -> bool {
    let words = line.split(|byte| !byte.is_ascii_alphanumeric());
    words
        .into_iter()
        .any(|word| [&b"STARTTLS"[..], b"STLS"].iter().any(|name| word.eq_ignore_ascii_case(name)))
}

#[async_trait]
impl Connection for Observed {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        self.notes.write(|seen| (seen.starttls_offered, seen.starttls_used) = (true, true));
        let inner = self.inner.start_tls(target).await?;
        Ok(Box::new(Self::new(inner, self.notes)))
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.inner.tls()
    }

    fn is_loopback(&self) -> bool {
        self.inner.is_loopback()
    }
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, out))?;
        let new = out.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            self.heard(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
