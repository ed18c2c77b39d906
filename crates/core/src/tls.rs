//! One choice of encryption per transport, read from every key that has a say in it.

use crate::{LayerKind, Milliseconds, Properties, Property, Result};
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
    /// Longest time for the handshake.
    pub handshake_timeout: Duration,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            ca_file: None,
            certificate_file: None,
            key_file: None,
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
        Ok(Self {
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
