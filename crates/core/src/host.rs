//! What a host app lends to a transport: connections and time.

use crate::{Result, Target, async_trait};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Dialing and time. TLS policy, proxies, name lookup and the runtime are the host's business; a transport
/// never opens a socket or starts a timer of its own.
#[async_trait]
pub trait Host: Send + Sync {
    /// Connects to the target; with [`TlsMode::Implicit`](crate::TlsMode::Implicit) the TLS handshake is
    /// part of it, otherwise the connection is in the clear and may be upgraded by
    /// [`Connection::start_tls`]. Has the deadlines of the target.
    ///
    /// # Errors
    /// `Resolve`, `Connect`, `Tls` or `Timeout`, each naming what was tried.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>>;

    /// Is ready after `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Time since some fixed moment, never going backwards.
    fn now(&self) -> Duration;
}

/// A byte stream to a server, lent by a [`Host`].
#[async_trait]
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {
    /// Turns a clear connection into a TLS one, for the same target it was made for.
    ///
    /// # Errors
    /// `Tls` if the handshake fails or the certificate is not accepted, `Timeout`, or `Protocol` if the
    /// connection is encrypted already.
    ///
    /// # Cancellation
    /// The connection is gone.
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>>;

    /// What protects the connection; `None` in the clear.
    fn tls(&self) -> Option<&TlsSession>;

    /// True if the other end is this machine, where clear text is seen by nobody else.
    fn is_loopback(&self) -> bool;
}

/// What is known of a TLS session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsSession {
    /// Protocol version, `TLSv1.3`.
    pub version: String,
    /// Cipher suite by its IANA name.
    pub cipher_suite: String,
    /// Binds an authentication to this session, where the host can.
    pub channel_binding: Option<ChannelBinding>,
}

impl TlsSession {
    /// A session of this version and cipher suite, without channel binding.
    pub fn new(version: impl Into<String>, cipher_suite: impl Into<String>) -> Self {
        Self { version: version.into(), cipher_suite: cipher_suite.into(), channel_binding: None }
    }

    /// Adds the channel binding.
    pub fn with_channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = Some(binding);
        self
    }
}

/// Channel binding data for SCRAM-…-PLUS (RFC 5056).
#[derive(Clone)]
#[non_exhaustive]
pub struct ChannelBinding {
    /// The registered type: `tls-exporter` (RFC 9266) or `tls-server-end-point` (RFC 5929).
    pub kind: &'static str,
    /// Its value.
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// A binding of this type and value.
    pub fn new(kind: &'static str, data: Vec<u8>) -> Self {
        Self { kind, data }
    }
}

impl std::fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind)
    }
}
