//! The two connections a transport can get: clear and encrypted.

use crate::config::Configs;
use crate::tap::Tap;
use crate::{tls, tls_error};
use postrider_core::{Connection, Error, ErrorKind, Phase, Result, Target, TlsSession, async_trait};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection in the clear, with what it takes to encrypt it.
pub(crate) struct Clear {
    tcp: TcpStream,
    loopback: bool,
    configs: Arc<Configs>,
}

impl Clear {
    pub(crate) fn new(tcp: TcpStream, target: &Target, configs: Arc<Configs>) -> Self {
        Self { loopback: is_loopback(&tcp, target), tcp, configs }
    }
}

#[async_trait]
impl Connection for Clear {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        Ok(Box::new(tls::handshake(self.tcp, &self.configs, target).await?))
    }

    fn tls(&self) -> Option<&TlsSession> {
        None
    }

    fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// An encrypted connection.
pub(crate) struct Tls {
    stream: TlsStream<Tap>,
    session: TlsSession,
    loopback: bool,
    // For words: an alert may come long after the handshake.
    target: Target,
}

impl Tls {
    pub(crate) fn new(stream: TlsStream<Tap>, session: TlsSession, loopback: bool, target: Target) -> Self {
        Self { stream, session, loopback, target }
    }
}

#[async_trait]
impl Connection for Tls {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Protocol, Phase::StartTls, "the connection is encrypted already"))
    }

    fn tls(&self) -> Option<&TlsSession> {
        Some(&self.session)
    }

    fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// True if the other end is an address of this machine that no packet leaves it for. Behind a proxy nobody knows.
pub(crate) fn is_loopback(tcp: &TcpStream, target: &Target) -> bool {
    target.proxy.is_none() && tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

impl AsyncRead for Clear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, out)
    }
}

impl AsyncWrite for Clear {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, out);
        read.map_err(|error| tls_error::in_session(&self.target, error))
    }
}

impl AsyncWrite for Tls {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        written.map_err(|error| tls_error::in_session(&self.target, error))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        written.map_err(|error| tls_error::in_session(&self.target, error))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        flushed.map_err(|error| tls_error::in_session(&self.target, error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
