//! The two connections a transport can get: clear and encrypted.

use crate::config::Configs;
use crate::tap::Tap;
use crate::through::{Through, Watch};
use crate::{tls, tls_error};
use postrider_core::{Connection, Error, ErrorKind, Phase, Result, Target, TlsSession, async_trait};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection in the clear.
pub(crate) type Clear = Through<TcpStream, Upgrade>;

/// What it takes to encrypt it.
pub(crate) struct Upgrade {
    loopback: bool,
    configs: Arc<Configs>,
}

impl Watch for Upgrade {}

impl Clear {
    pub(crate) fn new(tcp: TcpStream, target: &Target, configs: Arc<Configs>) -> Self {
        let watch = Upgrade { loopback: is_loopback(&tcp, target), configs };
        Self { stream: tcp, watch }
    }
}

#[async_trait]
impl Connection for Clear {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        Ok(Box::new(tls::handshake(self.stream, &self.watch.configs, target).await?))
    }

    fn tls(&self) -> Option<&TlsSession> {
        None
    }

    fn is_loopback(&self) -> bool {
        self.watch.loopback
    }
}

/// An encrypted connection.
pub(crate) type Tls = Through<TlsStream<Tap>, Encrypted>;

/// What is known of it.
pub(crate) struct Encrypted {
    session: TlsSession,
    loopback: bool,
    // For words: an alert may come long after the handshake.
    target: Target,
}

impl Watch for Encrypted {
    fn explained(&self, error: io::Error) -> io::Error {
        tls_error::in_session(&self.target, error)
    }
}

impl Tls {
    pub(crate) fn new(stream: TlsStream<Tap>, session: TlsSession, loopback: bool, target: Target) -> Self {
        Self { stream, watch: Encrypted { session, loopback, target } }
    }
}

#[async_trait]
impl Connection for Tls {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Protocol, Phase::StartTls, "the connection is encrypted already"))
    }

    fn tls(&self) -> Option<&TlsSession> {
        Some(&self.watch.session)
    }

    fn is_loopback(&self) -> bool {
        self.watch.loopback
    }
}

/// True if the other end is an address of this machine that no packet leaves it for. Behind a proxy nobody knows.
pub(crate) fn is_loopback(tcp: &TcpStream, target: &Target) -> bool {
    target.proxy.is_none() && tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}
