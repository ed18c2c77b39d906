//! What a host app lends to a transport: connections, time and secrets.

use crate::{Error, ErrorKind, Phase, Result, Secret, SecretRef, Target, TokenGrant, async_trait};
use std::future::Future;
use std::net::SocketAddr;
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

    /// The addresses that [`connect`](Self::connect) would try, in its order. For whoever looks for the cause
    /// of a failure; a transport has no use for it.
    ///
    /// # Errors
    /// `Unsupported` from a host that does not look names up itself, which is what this does if it is not
    /// overridden; otherwise `Resolve`, `Timeout`, or `Connect` if no address may be tried.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    async fn resolve(&self, _: &Target) -> Result<Vec<SocketAddr>> {
        Err(untold("this host does not tell which addresses it connects to"))
    }

    /// Connects to one address of the target, always in the clear: [`Connection::start_tls`] may follow
    /// whatever the target's kind of encryption is. For whoever looks for the cause of a failure.
    ///
    /// # Errors
    /// `Unsupported` from a host that can't, which is what this does if it is not overridden; otherwise
    /// `Connect` or `Timeout`.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    async fn connect_to(&self, _: &Target, _: SocketAddr) -> Result<Box<dyn Connection>> {
        Err(untold("this host does not connect to single addresses"))
    }

    /// Looks up a secret, anew with each call: what has changed since the last one is told.
    ///
    /// # Errors
    /// `Unsupported` from a host that keeps no secrets of this kind, which is what this does if it is not
    /// overridden; `Configuration` if there is no such secret or the host may not give it away; `Authentication`
    /// if whoever keeps it does not; `Timeout`. All in the phase of authentication. None repeats any part of a
    /// secret.
    ///
    /// # Cancellation
    /// A program that was started for it goes on until its deadline, for others may want the same; nothing else is
    /// left behind.
    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        let what = format!("this host looks up no secrets, and {} names one", reference);
        Err(Error::new(ErrorKind::Unsupported, Phase::Authenticate, what)
            .with_advice("give the secret itself, or use a host that looks them up"))
    }

    /// An OAuth access token by a refresh token (RFC 6749 §6). Hosts keep a token until shortly before it
    /// expires, and ask once for everybody who wants it meanwhile. `refused` is a token that a server has just
    /// refused: that one is not given again.
    ///
    /// # Errors
    /// `Unsupported` from a host that can't, which is what this does if it is not overridden; `Authentication`
    /// if the authorization server refuses, `Deferred` if it can't tell now, `Configuration` for what is wrong
    /// on our side, `Protocol` and `Limit` for an answer that can't be understood, and what a connection can
    /// fail by. None repeats any part of a secret.
    ///
    /// # Cancellation
    /// A request that was begun goes on, so that no new refresh token is lost.
    async fn access_token(&self, _: &TokenGrant, _refused: Option<&Secret>) -> Result<Secret> {
        let what = "this host gets no OAuth tokens";
        Err(Error::new(ErrorKind::Unsupported, Phase::Authenticate, what)
            .with_advice("give the access token itself in auth.token, or use a host that gets them"))
    }

    /// Hears what a transport found out about its server. Most hosts have no use for it and do nothing, which
    /// is what this does if it is not overridden. A transport tells what it learns as soon as it knows it, so
    /// that a failure later on does not hide it; nothing it tells is a secret.
    fn learned(&self, _: Fact) {}
}

/// What a transport found out about its server, for [`Host::learned`]. The last of a kind counts: what is
/// offered in the clear and inside TLS may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// What the server offers, in its own words, one capability each.
    Capabilities(Vec<String>),
    /// The ways to sign in that the server offers.
    Mechanisms(Vec<String>),
    /// The way to sign in that was chosen, before it is tried.
    SigningIn(String),
}

fn untold(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, Phase::Connect, what)
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
    /// The certificates the server has shown, its own first, in DER (RFC 5280); empty if the host does not
    /// tell.
    pub certificates: Vec<Vec<u8>>,
}

impl TlsSession {
    /// A session of this version and cipher suite, without channel binding.
    pub fn new(version: impl Into<String>, cipher_suite: impl Into<String>) -> Self {
        let (version, cipher_suite) = (version.into(), cipher_suite.into());
        Self { version, cipher_suite, channel_binding: None, certificates: Vec::new() }
    }

    /// Adds the channel binding.
    pub fn with_channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = Some(binding);
        self
    }

    /// Adds the certificates the server has shown.
    pub fn with_certificates(mut self, certificates: Vec<Vec<u8>>) -> Self {
        self.certificates = certificates;
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
