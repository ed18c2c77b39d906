//! A connection that notes what the server says before anybody signs in. What is sent is never looked at.

use crate::doctor::seen::{Notebook, shown};
use postrider_core::{Connection, Result, Target, TlsSession, async_trait};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of the server's words in the clear is searched for an offer of STARTTLS.
const ENOUGH: usize = 16 * 1024;

pub(crate) struct Observed {
    inner: Box<dyn Connection>,
    notes: Arc<Notebook>,
    // The server's first words on this connection, in the clear or inside TLS.
    words: Vec<u8>,
}

impl Observed {
    pub(crate) fn new(inner: Box<dyn Connection>, notes: Arc<Notebook>) -> Self {
        if let Some(session) = inner.tls() {
            notes.write(|seen| seen.tls = Some(session.clone()));
        }
        Self { inner, notes, words: Vec::new() }
    }

    fn heard(&mut self, bytes: &[u8]) {
        let room = ENOUGH - self.words.len().min(ENOUGH);
        self.words.extend(bytes.iter().take(room));
        let clear = self.inner.tls().is_none();
        let offered = clear && offers_starttls(&self.words);
        let first = self.words.contains(&b'\n').then(|| shown(&self.words));
        self.notes.write(|seen| {
            seen.starttls_offered |= offered;
            if seen.greeting.is_none() {
                seen.greeting = first;
            }
        });
    }
}

/// SMTP and POP3 list it on a line, IMAP among the words of one.
fn offers_starttls(words: &[u8]) -> bool {
    let text = String::from_utf8_lossy(words).to_ascii_uppercase();
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "STARTTLS" || word == "STLS")
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
