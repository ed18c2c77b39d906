//! The proxy on the way to a server.

use crate::shown::without_login;
use crate::target::host_fault;
use crate::{Credential, Error, ErrorKind, Phase, Properties, Property, PropertyValue, Result, ValueType};
use std::fmt;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// HTTP's CONNECT (RFC 9110 §9.3.6), with Basic authentication (RFC 7617).
    Http,
    /// SOCKS 5 (RFC 1928), with a name and a password (RFC 1929).
    Socks5,
}

impl fmt::Display for ProxyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Socks5 => "SOCKS",
        })
    }
}

/// A proxy that connects to the server for us. It looks the server's name up, and it sees everything that is not
/// encrypted by TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Name to sign in with at the proxy; `None` if it asks for none.
    pub user: Option<String>,
    /// The password that goes with it. It is sent to this proxy and to nobody else, in the clear.
    pub password: Option<Credential>,
}

// Two settings are compared, not a guess with a secret: there is nobody to take the time.
impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        let password = match (&self.password, &other.password) {
            (Some(Credential::Value(one)), Some(Credential::Value(two))) => one.expose() == two.expose(),
            (Some(Credential::Reference(one)), Some(Credential::Reference(two))) => one == two,
            (None, None) => true,
            _ => false,
        };
        let rest = |proxy: &Self| (proxy.kind, proxy.host.clone(), proxy.port, proxy.user.clone());
        password && rest(self) == rest(other)
    }
}

impl Eq for Proxy {}

pub(crate) const HTTP_HOST: Property<ProxyAddress> = Property::new(
    "proxy.host",
    "HTTP proxy to connect through (CONNECT): a name or address, also with the port as host:port. Beats socks.host \
     unless that stands in a higher layer.",
)
.shared();
pub(crate) const HTTP_PORT: Property<u16> =
    Property::new("proxy.port", "Port of the HTTP proxy. Unset: the one in proxy.host, else 80.").shared();
pub(crate) const HTTP_USER: Property<String> =
    Property::new("proxy.user", "Name to sign in with at the HTTP proxy (Basic).").shared();
pub(crate) const HTTP_PASSWORD: Property<Credential> =
    Property::new("proxy.password", "Password for the HTTP proxy, which gets it in the clear.").shared();
pub(crate) const SOCKS_HOST: Property<ProxyAddress> = Property::new(
    "socks.host",
    "SOCKS 5 proxy to connect through: a name or address, also with the port as host:port. The proxy looks the \
     server's name up.",
)
.shared();
pub(crate) const SOCKS_PORT: Property<u16> =
    Property::new("socks.port", "Port of the SOCKS proxy. Unset: the one in socks.host, else 1080.").shared();
pub(crate) const SOCKS_USER: Property<String> =
    Property::new("socks.user", "Name to sign in with at the SOCKS proxy (RFC 1929).").shared();
pub(crate) const SOCKS_PASSWORD: Property<Credential> =
    Property::new("socks.password", "Password for the SOCKS proxy, which gets it in the clear.").shared();

impl Proxy {
    /// A proxy of this kind that asks for no password.
    ///
    /// # Errors
    /// `InvalidInput` if the host can't be one or the port is 0.
    pub fn new(kind: ProxyKind, host: impl Into<String>, port: u16) -> Result<Self> {
        let host = host.into();
        match host_fault(&host).or((port == 0).then_some("its port is 0")) {
            None => Ok(Self { kind, host, port, user: None, password: None }),
            Some(why) => {
                let message = format!("\"{}\" is not a proxy: {why}", without_login(&host).escape_debug());
                Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, message))
            }
        }
    }

    /// Signs in at the proxy.
    ///
    /// # Errors
    /// `InvalidInput` if the proxy's protocol has no way to say this name or password.
    pub fn with_login(mut self, user: impl Into<String>, password: impl Into<Credential>) -> Result<Self> {
        let (user, password) = (user.into(), password.into());
        let why = user_fault(self.kind, &user).or(password_fault(self.kind, &password));
        if let Some(why) = why {
            let message = format!("the login for the {} proxy can't be used: {why}", self.kind);
            return Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, message));
        }
        (self.user, self.password) = (Some(user), Some(password));
        Ok(self)
    }

    /// Of both proxies the one in the higher layer; in one layer HTTP's, as Jakarta Mail has it.
    pub(crate) fn read(properties: &Properties) -> Result<Option<Self>> {
        let http = properties.read(&HTTP_HOST)?;
        let socks = properties.read(&SOCKS_HOST)?;
        let higher = properties.rank(&SOCKS_HOST) > properties.rank(&HTTP_HOST);
        let kind = match (http.is_some(), socks.is_some()) {
            (false, false) => return Ok(None),
            (true, socks) if !(socks && higher) => ProxyKind::Http,
            _ => ProxyKind::Socks5,
        };
        let (address, host, port, user, password, usual) = match kind {
            ProxyKind::Http => (http, &HTTP_HOST, &HTTP_PORT, &HTTP_USER, &HTTP_PASSWORD, 80),
            ProxyKind::Socks5 => (socks, &SOCKS_HOST, &SOCKS_PORT, &SOCKS_USER, &SOCKS_PASSWORD, 1080),
        };
        let Some(ProxyAddress { host: name, port: inner }) = address else { return Ok(None) };
        // A host:port in a higher layer than the port means both.
        let outer = properties.read(port)?;
        let beaten = inner.is_some() && properties.rank(host) > properties.rank(port);
        let chosen = if beaten { inner } else { outer.or(inner) }.unwrap_or(usual);
        if chosen == 0 {
            return Err(properties.fault(port, "a port from 1 to 65535 is expected"));
        }
        let mut proxy = Self { kind, host: name, port: chosen, user: None, password: None };
        proxy.user = properties.read(user)?;
        proxy.password = properties.read(password)?;
        if let Some(why) = proxy.user.as_deref().and_then(|text| user_fault(kind, text)) {
            return Err(properties.fault(user, why));
        }
        if let Some(why) = proxy.password.as_ref().and_then(|text| password_fault(kind, text)) {
            return Err(properties.fault(password, why));
        }
        if proxy.user.is_none() && proxy.password.is_some() {
            return Err(properties.fault(user, "there is a password for the proxy but no name to go with it"));
        }
        Ok(Some(proxy))
    }
}

fn user_fault(kind: ProxyKind, user: &str) -> Option<&'static str> {
    if user.chars().any(char::is_control) {
        return Some("text without control characters is expected");
    }
    match kind {
        ProxyKind::Http if user.contains(':') => {
            Some("a name with a colon can't be said in Basic (RFC 7617)")
        }
        ProxyKind::Socks5 if user.is_empty() || user.len() > 255 => Some("SOCKS takes 1 to 255 bytes"),
        _ => None,
    }
}

fn password_fault(kind: ProxyKind, password: &Credential) -> Option<&'static str> {
    // One that is kept elsewhere is looked at when it is used.
    let password = password.value()?;
    if password.expose().chars().any(char::is_control) {
        return Some("a password without control characters is expected");
    }
    (kind == ProxyKind::Socks5 && password.expose().len() > 255).then_some("SOCKS takes at most 255 bytes")
}

/// A host, perhaps with a port.
pub(crate) struct ProxyAddress {
    host: String,
    port: Option<u16>,
}

impl PropertyValue for ProxyAddress {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("a name or host:port is expected, without a scheme such as http://".into());
        }
        let split = match text.rsplit_once(':') {
            // An IPv6 address without brackets has no port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => None,
            split => split,
        };
        let (host, port) = match split {
            Some((host, port)) => match port.parse() {
                Ok(port) if port > 0 => (host, Some(port)),
                _ if text.ends_with(']') => (text, None),
                _ => return Err("a port from 1 to 65535 is expected after the colon".into()),
            },
            None => (text, None),
        };
        match host_fault(host) {
            Some(why) => Err(format!("a name or host:port is expected; {why}")),
            None => Ok(Self { host: host.to_owned(), port }),
        }
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
