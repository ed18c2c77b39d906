//! One choice of encryption per transport, read from every key that has a say in it.

use crate::trust::{CipherSuites, Fingerprints, Versions};
use crate::{
    CipherSuite, Fingerprint, LayerKind, Milliseconds, Properties, Property, Result, TlsVersion, Trust,
};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TlsMode {
    /// TLS from the first byte (RFC 8314 §3).
    Implicit,
    /// STARTTLS or STLS, or the session fails.
    StartTls,
    /// STARTTLS if the server offers it, clear text otherwise; no credentials in clear text.
    StartTlsIfOffered,
    /// Clear text.
    None,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::StartTlsIfOffered => "starttls-if-offered",
            Self::None => "none",
        })
    }
}

/// What the host needs to know to set up TLS for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Trust the certificates of this PEM file instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file of a client certificate chain.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its private key.
    pub key_file: Option<PathBuf>,
    /// The certificate must be for the target's host. False is Jakarta Mail's `checkserveridentity=false`: any name
    /// will do, so anybody with a valid certificate for any name can be the server.
    pub check_server_identity: bool,
    /// Whose certificates are accepted without an authority's word.
    pub trust: Trust,
    /// If there are any, the server's own certificate or its public key must be one of these; then no authority
    /// and no name is asked for.
    pub fingerprints: Vec<Fingerprint>,
    /// Versions that may be spoken; empty allows all there are.
    pub protocols: Vec<TlsVersion>,
    /// Cipher suites that may be used, in order of preference; empty allows all there are.
    pub cipher_suites: Vec<CipherSuite>,
    /// Longest time for the handshake.
    pub handshake_timeout: Duration,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            ca_file: None,
            certificate_file: None,
            key_file: None,
            check_server_identity: true,
            trust: Trust::Authorities,
            fingerprints: Vec::new(),
            protocols: Vec::new(),
            cipher_suites: Vec::new(),
            handshake_timeout: Duration::from_secs(30),
        }
    }
}

pub(crate) const MODE: Property<TlsMode> = Property::new(
    "tls",
    "How the connection is protected: implicit, starttls (required), starttls-if-offered or none. Unset: from the \
     port and Jakarta's ssl and starttls keys, encrypted or fail.",
);
pub(crate) const SSL_ENABLE: Property<bool> = Property::new(
    "ssl.enable",
    "Encrypt: TLS from the first byte, or required STARTTLS on the ports 25, 587, 110 and 143.",
);
pub(crate) const STARTTLS_ENABLE: Property<bool> = Property::new(
    "starttls.enable",
    "Upgrade by STARTTLS, or fail. Only with starttls.required=false set beside it is a server without STARTTLS \
     accepted.",
);
pub(crate) const STARTTLS_REQUIRED: Property<bool> =
    Property::new("starttls.required", "Upgrade by STARTTLS or fail.");
pub(crate) const SOCKET_FACTORY: Property<SslSocketFactory> = Property::new(
    "socketFactory.class",
    "Only javax.net.ssl.SSLSocketFactory, Java's old way to say ssl.enable=true.",
);
pub(crate) const SOCKET_FACTORY_PORT: Property<u16> = Property::new(
    "socketFactory.port",
    "TCP port that is used instead of port where socketFactory.class is set.",
);
pub(crate) const CHECK_SERVER_IDENTITY: Property<bool> = Property::new(
    "ssl.checkserveridentity",
    "The certificate must be for the host. False lets anybody with a valid certificate for any name be the server: \
     pin the certificate by ssl.fingerprints instead.",
)
.default("true");
pub(crate) const TRUST: Property<Trust> = Property::new(
    "ssl.trust",
    "Accept whatever certificate these hosts show, or with * every server, as long as it names the host: no \
     protection from an attacker. ssl.fingerprints or ssl.cafile is the safe way.",
);
pub(crate) const FINGERPRINTS: Property<Fingerprints> = Property::new(
    "ssl.fingerprints",
    "SHA-256 fingerprints, in hexadecimal digits, of the server's certificate or of its public key. If set, one must \
     match, and neither authority, name nor expiry counts any more: for self-signed servers.",
);
pub(crate) const PROTOCOLS: Property<Versions> =
    Property::new("ssl.protocols", "Versions of TLS that may be spoken: TLSv1.2, TLSv1.3. Unset: both.")
        .shared();
pub(crate) const CIPHER_SUITES: Property<CipherSuites> = Property::new(
    "ssl.ciphersuites",
    "Cipher suites that may be used, by their IANA names, best first. Unset: all current ones.",
)
.shared();
pub(crate) const CA_FILE: Property<PathBuf> =
    Property::new("ssl.cafile", "PEM file of the certificate authorities to trust instead of the system's.")
        .shared();
pub(crate) const CERTIFICATE_FILE: Property<PathBuf> =
    Property::new("ssl.certfile", "PEM file of a client certificate chain to show to the server.").shared();
pub(crate) const KEY_FILE: Property<PathBuf> =
    Property::new("ssl.keyfile", "PEM file of the client certificate's private key.").shared();
pub(crate) const HANDSHAKE_TIMEOUT: Property<Milliseconds> =
    Property::new("ssl.timeout", "Longest time for the TLS handshake.").default("30s").shared();

/// The one class name that still means something outside Java.
pub(crate) struct SslSocketFactory;

impl crate::PropertyValue for SslSocketFactory {
    const TYPE: crate::ValueType = crate::ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "javax.net.ssl.SSLSocketFactory" {
            return Ok(Self);
        }
        Err("Java classes can't be loaded here; write ssl.enable=true or tls=implicit instead".into())
    }
}

impl TlsOptions {
    pub(crate) fn read(properties: &Properties) -> Result<Self> {
        let protocols = properties.read(&PROTOCOLS)?.map_or_else(Vec::new, |versions| versions.0);
        let suites = properties.read(&CIPHER_SUITES)?.map(|suites| suites.0);
        if suites.as_ref().is_some_and(Vec::is_empty) {
            return Err(properties.fault(&CIPHER_SUITES, "there is no cipher suite in it"));
        }
        let cipher_suites = suites.unwrap_or_default();
        let usable = |version| cipher_suites.iter().any(|suite| suite.version() == version);
        let idle = protocols.iter().find(|version| !cipher_suites.is_empty() && !usable(**version));
        if let Some(version) = idle {
            let why = format!("none of them is for {version}, which ssl.protocols names");
            return Err(properties.fault(&CIPHER_SUITES, &why));
        }
        Ok(Self {
            check_server_identity: properties.require(&CHECK_SERVER_IDENTITY)?,
            trust: properties.read(&TRUST)?.unwrap_or_default(),
            fingerprints: properties.read(&FINGERPRINTS)?.map_or_else(Vec::new, |prints| prints.0),
            protocols,
            cipher_suites,
            ca_file: properties.read(&CA_FILE)?,
            certificate_file: properties.read(&CERTIFICATE_FILE)?,
            key_file: properties.read(&KEY_FILE)?,
            handshake_timeout: properties.require(&HANDSHAKE_TIMEOUT)?.0,
        })
    }
}

impl TlsMode {
    /// Reads the choice. Of all keys that ask for a kind of encryption the one in the highest layer wins;
    /// in one layer `tls` before `ssl.enable` before `starttls`. A locked key beats all others, and a name that
    /// asks for TLS from the start (`smtps`) is not undone by `starttls`, which means nothing there.
    pub(crate) fn read(properties: &Properties, port: Option<u16>) -> Result<Self> {
        let mode = properties.read(&MODE)?;
        let ssl = properties.read(&SSL_ENABLE)?;
        let factory = properties.read(&SOCKET_FACTORY)?;
        let starttls = properties.read(&STARTTLS_ENABLE)?;
        let required = properties.read(&STARTTLS_REQUIRED)?;
        let rank = |wanted: bool, rank: Option<usize>| if wanted { rank } else { None };
        let asked = [
            (rank(mode.is_some(), properties.rank(&MODE)), Asked::Mode),
            (rank(ssl == Some(true), properties.rank(&SSL_ENABLE)), Asked::Secure),
            (rank(factory.is_some(), properties.rank(&SOCKET_FACTORY)), Asked::Secure),
            (rank(required == Some(true), properties.rank(&STARTTLS_REQUIRED)), Asked::StartTls),
            (rank(starttls == Some(true), properties.rank(&STARTTLS_ENABLE)), Asked::StartTls),
        ];
        let mut best: Option<(usize, Asked)> = None;
        for (rank, asked) in asked {
            if let Some(rank) = rank
                && best.is_none_or(|(top, _)| rank > top)
            {
                best = Some((rank, asked));
            }
        }
        let by_name = ssl == Some(true)
            && properties.origin(&SSL_ENABLE).is_some_and(|origin| origin.kind == LayerKind::Preset);
        if by_name && let Some((_, asked @ Asked::StartTls)) = &mut best {
            *asked = Asked::Secure;
        }
        let clear_port = matches!(port, Some(25 | 587 | 110 | 143));
        let tls_port = matches!(port, Some(465 | 993 | 995));
        Ok(match (best.map(|(_, asked)| asked), mode) {
            (Some(Asked::Mode), Some(mode)) => mode,
            (Some(Asked::Secure), _) if clear_port => Self::StartTls,
            (Some(Asked::Secure), _) => Self::Implicit,
            (Some(Asked::StartTls), _) if tls_port => Self::Implicit,
            (Some(Asked::StartTls), _) if required == Some(false) => Self::StartTlsIfOffered,
            (Some(Asked::StartTls), _) => Self::StartTls,
            _ if tls_port => Self::Implicit,
            _ if starttls == Some(false) && port.is_some() => Self::None,
            _ if port.is_some() => Self::StartTls,
            _ => Self::Implicit,
        })
    }
}

#[derive(Clone, Copy)]
enum Asked {
    Mode,
    Secure,
    StartTls,
}
