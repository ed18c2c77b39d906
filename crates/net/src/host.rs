//! The host: what it is made of and the order in which a connection comes about.

use crate::config::Configs;
use crate::dial;
use crate::oauth::Tokens;
use crate::parked;
use crate::place::Place;
use crate::proxy;
use crate::resolve::{self, AddressFilter};
use crate::roots::Roots;
use crate::secrets::{Keyring, Secrets};
use crate::stream::Clear;
use crate::tls;
use postrider_core::{
    Connection, Error, ErrorKind, Host, Phase, Result, Secret, SecretRef, Target, TlsMode, TokenGrant,
    async_trait,
};
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// A [`Host`] on tokio and rustls: TCP with happy eyeballs, TLS 1.2 and 1.3, tokio's clock.
///
/// Its methods need a running tokio runtime with I/O and time enabled and panic outside one; making the
/// host does not. Cheap to clone: clones share TLS configurations and with them resumable sessions, so one
/// host for the whole program is best.
#[derive(Clone)]
pub struct TokioHost {
    configs: Arc<Configs>,
    filter: Option<AddressFilter>,
    start: Instant,
    secrets: Secrets,
    tokens: Arc<Tokens>,
}

impl TokioHost {
    /// A host that trusts the certificate authorities of the system and connects to any address.
    ///
    /// The system's authorities are read when they are first needed. `SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// count as the system's where OpenSSL honours them.
    pub fn new() -> Self {
        Self::with(Roots::system(), None, Secrets::default())
    }

    /// A host with other roots or an address filter.
    pub fn builder() -> TokioHostBuilder {
        TokioHostBuilder::default()
    }

    fn with(roots: Roots, filter: Option<AddressFilter>, secrets: Secrets) -> Self {
        let (start, tokens) = (Instant::now(), Arc::default());
        Self { configs: Arc::new(Configs::new(roots)), filter, start, secrets, tokens }
    }

    /// A way to the server, by these addresses: its own, or those of the proxy before it.
    async fn dial(
        &self,
        target: &Target,
        addresses: Vec<SocketAddr>,
        deadline: Instant,
    ) -> Result<TcpStream> {
        proxy::ask_filter(target, self.filter.as_ref())?;
        let login = proxy::login(self, target, deadline).await?;
        let mut tcp = dial::first(target, addresses, deadline).await?;
        proxy::pass(&mut tcp, target, login.as_ref(), deadline).await?;
        Ok(tcp)
    }
}

impl Default for TokioHost {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Host for TokioHost {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        // Certificates that can't be read are found before anything is on the wire.
        if matches!(target.tls, TlsMode::Implicit | TlsMode::StartTls) {
            self.configs.config(target).await?;
        }
        let deadline = dial::deadline(target);
        let addresses = resolve::addresses(Place::first(target), self.filter.as_ref(), deadline).await?;
        let tcp = self.dial(target, addresses, deadline).await?;
        if target.tls == TlsMode::Implicit {
            return Ok(Box::new(tls::handshake(tcp, &self.configs, target).await?));
        }
        Ok(Box::new(Clear::new(tcp, target, self.configs.clone())))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match Handle::try_current() {
            Ok(_) => Box::pin(tokio::time::sleep(duration)),
            // Whoever brings connections of another kind may bring another executor.
            Err(_) => Box::pin(parked::sleep(duration)),
        }
    }

    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.secrets.find(reference).await
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        self.tokens.find(self, grant, refused).await
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        resolve::addresses(Place::first(target), self.filter.as_ref(), dial::deadline(target)).await
    }

    async fn connect_to(&self, target: &Target, address: SocketAddr) -> Result<Box<dyn Connection>> {
        if self.filter.as_ref().is_some_and(|allowed| !allowed(address.ip().to_canonical())) {
            let message = format!("this program does not allow connections to {address}");
            return Err(Error::new(ErrorKind::Connect, Phase::Connect, message));
        }
        let tcp = self.dial(target, vec![address], dial::deadline(target)).await?;
        Ok(Box::new(Clear::new(tcp, target, self.configs.clone())))
    }
}

impl fmt::Debug for TokioHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioHost").field("filtered", &self.filter.is_some()).finish_non_exhaustive()
    }
}

/// Makes a [`TokioHost`] that differs from the default.
#[derive(Default)]
pub struct TokioHostBuilder {
    roots: Option<Vec<u8>>,
    filter: Option<AddressFilter>,
    secrets: Secrets,
}

impl TokioHostBuilder {
    /// Trusts the certificates of this PEM text instead of the system's: for tests, and for programs that
    /// bring their own authorities along. A target's `ssl.cafile` still replaces them.
    pub fn roots_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Connects only to addresses for which `allowed` is true.
    ///
    /// Asked after name lookup for every address, literal ones too, so that a host app which takes server
    /// names from strangers can keep them off its own network. An IPv4 address written as IPv6 is asked
    /// for as IPv4. Where a target has a proxy, the proxy's addresses are asked for, and the server's if it is a
    /// literal one; names are looked up by the proxy, which needs rules of its own.
    pub fn address_filter(mut self, allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(allowed));
        self
    }

    /// Looks up only secrets for which `allowed` is true; all are if this is not set.
    ///
    /// A reference makes this program read a file or run a command with its own rights, and sends what it finds to
    /// whatever server the same settings name. A refresh token's file is also written, with what the token endpoint
    /// says. A host app that takes settings from people who may not do that themselves must keep them from it: here.
    pub fn secret_filter(mut self, allowed: impl Fn(&SecretRef) -> bool + Send + Sync + 'static) -> Self {
        self.secrets.filter = Some(Arc::new(allowed));
        self
    }

    /// Longest time for a command or keyring program to give a secret; 60 s if this is not set.
    pub fn secret_timeout(mut self, limit: Duration) -> Self {
        self.secrets.patience = limit;
        self
    }

    /// Looks up `keyring:…` here instead of asking the system's own program.
    pub fn keyring(mut self, keyring: impl Keyring + 'static) -> Self {
        self.secrets.keyring = Some(Arc::new(keyring));
        self
    }

    /// The host.
    ///
    /// # Errors
    /// `Configuration` if the PEM text has no certificate that can be used.
    pub fn build(self) -> Result<TokioHost> {
        let roots = match self.roots {
            Some(pem) => Roots::fixed(&pem)?,
            None => Roots::system(),
        };
        Ok(TokioHost::with(roots, self.filter, self.secrets))
    }
}

impl fmt::Debug for TokioHostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioHostBuilder")
            .field("fixed_roots", &self.roots.is_some())
            .field("filtered", &self.filter.is_some())
            .finish()
    }
}
