//! The server a transport talks to.

use crate::shown::without_login;
use crate::{
    Error, ErrorKind, Milliseconds, Phase, Properties, Property, PropertySpec, PropertyValue, Proxy, Result,
    TlsMode, TlsOptions, ValueType, proxy, tls,
};
use std::time::Duration;

/// A server and how to reach it: what a [`Host`](crate::Host) needs to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Name or address as the user gave it; the certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// Certificates and handshake.
    pub tls_options: TlsOptions,
    /// Longest time for one connection attempt, from the lookup to the proxy's last word.
    pub connect_timeout: Duration,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// Where on this machine connections come from; `None` leaves it to the system.
    pub local_address: Option<LocalAddress>,
}

/// An address of this machine to connect from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalAddress {
    /// IP address, or a name for one.
    pub host: String,
    /// TCP port, 0 for any. With a fixed one there can be one connection at a time.
    pub port: u16,
}

impl LocalAddress {
    /// This address; `port` 0 for any port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

/// The registered ports of a protocol.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ports {
    /// With TLS from the first byte: 465, 993, 995.
    pub implicit: u16,
    /// With STARTTLS: 587, 143, 110.
    pub starttls: u16,
    /// In the clear: 25, 143, 110.
    pub clear: u16,
}

impl Ports {
    /// The ports for implicit TLS, for STARTTLS and for clear text.
    pub const fn new(implicit: u16, starttls: u16, clear: u16) -> Self {
        Self { implicit, starttls, clear }
    }

    fn of(self, mode: TlsMode) -> u16 {
        match mode {
            TlsMode::Implicit => self.implicit,
            TlsMode::StartTls | TlsMode::StartTlsIfOffered => self.starttls,
            TlsMode::None => self.clear,
        }
    }
}

const HOST: Property<String> = Property::new("host", "Name or IP address of the server.").shared();
const PORT: Property<u16> = Property::new(
    "port",
    "TCP port of the server. Unset: the protocol's registered port for the kind of encryption.",
);
const CONNECT_TIMEOUT: Property<Milliseconds> =
    Property::new("connectiontimeout", "Longest time for one connection attempt.").default("30s");
const LOCAL_ADDRESS: Property<LocalHost> = Property::new(
    "localaddress",
    "Address of this machine to connect from, or a name for it. Unset: the system's choice.",
)
.shared();
const LOCAL_PORT: Property<u16> =
    Property::new("localport", "Port to connect from; counts only where localaddress is set.").default("0");

impl Target {
    /// The properties that [`Target::read`] reads: a transport that dials adds this table to its own.
    pub const PROPERTIES: &'static [PropertySpec] = &[
        HOST.spec(),
        PORT.spec(),
        tls::MODE.spec(),
        tls::SSL_ENABLE.spec(),
        tls::STARTTLS_ENABLE.spec(),
        tls::STARTTLS_REQUIRED.spec(),
        tls::SOCKET_FACTORY.spec(),
        tls::SOCKET_FACTORY_PORT.spec(),
        tls::CHECK_SERVER_IDENTITY.spec(),
        tls::TRUST.spec(),
        tls::FINGERPRINTS.spec(),
        tls::PROTOCOLS.spec(),
        tls::CIPHER_SUITES.spec(),
        tls::CA_FILE.spec(),
        tls::CERTIFICATE_FILE.spec(),
        tls::KEY_FILE.spec(),
        tls::HANDSHAKE_TIMEOUT.spec(),
        CONNECT_TIMEOUT.spec(),
        proxy::HTTP_HOST.spec(),
        proxy::HTTP_PORT.spec(),
        proxy::HTTP_USER.spec(),
        proxy::HTTP_PASSWORD.spec(),
        proxy::SOCKS_HOST.spec(),
        proxy::SOCKS_PORT.spec(),
        proxy::SOCKS_USER.spec(),
        proxy::SOCKS_PASSWORD.spec(),
        LOCAL_ADDRESS.spec(),
        LOCAL_PORT.spec(),
    ];

    /// A server by name, port and kind of encryption, with default deadlines and the system's certificates.
    ///
    /// # Errors
    /// `InvalidInput` if the host name is empty or can't be one.
    pub fn new(host: impl Into<String>, port: u16, tls: TlsMode) -> Result<Self> {
        let host = host.into();
        if let Some(why) = host_fault(&host) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                Phase::Configure,
                format!("\"{}\" is not a host name: {why}", without_login(&host).escape_debug()),
            )
            .with_advice(
                "give a name such as mail.example.org or an IP address, without scheme, port or path",
            ));
        }
        Ok(Self {
            host,
            port,
            tls,
            tls_options: TlsOptions::default(),
            connect_timeout: Duration::from_secs(30),
            proxy: None,
            local_address: None,
        })
    }

    /// Reads the server from a transport's properties.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(properties: &Properties, ports: Ports) -> Result<Self> {
        let host = properties.require(&HOST)?;
        let port = configured_port(properties)?;
        let mode = TlsMode::read(properties, port)?;
        let port = port.unwrap_or(ports.of(mode));
        if port == 0 {
            return Err(properties.fault(&PORT, "a port from 1 to 65535 is expected"));
        }
        let mut target = Self::new(host, port, mode).map_err(|e| properties.fault(&HOST, e.message()))?;
        target.tls_options = TlsOptions::read(properties)?;
        target.connect_timeout = properties.require(&CONNECT_TIMEOUT)?.0;
        target.proxy = Proxy::read(properties)?;
        let local_port = properties.require(&LOCAL_PORT)?;
        target.local_address =
            properties.read(&LOCAL_ADDRESS)?.map(|LocalHost(host)| LocalAddress::new(host, local_port));
        Ok(target)
    }
}

/// `port`, or what the old idiom of `socketFactory.class` has instead, unless a higher layer says otherwise.
fn configured_port(properties: &Properties) -> Result<Option<u16>> {
    let own = properties.read(&PORT)?;
    let Some(factory_port) = properties.read(&tls::SOCKET_FACTORY_PORT)? else { return Ok(own) };
    let class = properties.read(&tls::SOCKET_FACTORY)?.and_then(|_| properties.rank(&tls::SOCKET_FACTORY));
    let mode = properties.read(&tls::MODE)?;
    let undone = mode.is_some_and(|mode| mode != TlsMode::Implicit) && properties.rank(&tls::MODE) >= class;
    let beaten = own.is_some() && properties.rank(&PORT) > properties.rank(&tls::SOCKET_FACTORY_PORT);
    if class.is_none() || undone || beaten {
        return Ok(own);
    }
    if factory_port == 0 {
        return Err(properties.fault(&tls::SOCKET_FACTORY_PORT, "a port from 1 to 65535 is expected"));
    }
    Ok(Some(factory_port))
}

/// A host name or address as text.
struct LocalHost(String);

impl PropertyValue for LocalHost {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match host_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(format!("an address or name of this machine is expected; {why}")),
        }
    }
}

/// True if a host's name or address, also in brackets, says that it is this machine: no packet leaves it.
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

pub(crate) fn host_fault(host: &str) -> Option<&'static str> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() || bare.len() > 255 {
        return Some("it must have 1 to 255 characters");
    }
    if bare.starts_with('-') {
        return Some("it begins with a hyphen");
    }
    let good =
        |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c) || (!c.is_ascii() && c.is_alphanumeric());
    if !bare.chars().all(good) {
        return Some("it holds a character that no host name has");
    }
    if bare.contains(':') && bare.parse::<std::net::Ipv6Addr>().is_err() {
        return Some("the port belongs in a property of its own");
    }
    None
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
