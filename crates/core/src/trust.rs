//! Whose certificate is accepted, and what may be spoken: the parts of [`TlsOptions`](crate::TlsOptions) that a
//! person chooses by words.

use crate::target::host_fault;
use crate::{PropertyValue, Result, ValueType};
use std::fmt;

/// Which servers' certificates are accepted without an authority's word (`ssl.trust`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// None: an authority that is trusted must have signed it.
    #[default]
    Authorities,
    /// Those of these hosts, named as the `host` property names them; all others need an authority.
    Hosts(Vec<String>),
    /// Everybody's.
    Any,
}

impl Trust {
    /// True if whatever certificate this host shows is taken.
    pub fn is_blind_for(&self, host: &str) -> bool {
        fn plain(host: &str) -> &str {
            host.strip_suffix('.').unwrap_or(host)
        }
        match self {
            Self::Authorities => false,
            Self::Any => true,
            Self::Hosts(hosts) => hosts.iter().any(|h| plain(h).eq_ignore_ascii_case(plain(host))),
        }
    }
}

impl PropertyValue for Trust {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let hosts = words(text).map(|host| match host_fault(host) {
            None => Ok(host.to_owned()),
            Some(_) if host.contains('*') => {
                Err("* stands alone and means every server; otherwise hosts are named in full".to_owned())
            }
            Some(why) => Err(format!("host names are expected; {why}")),
        });
        hosts.collect::<Result<_, _>>().map(Self::Hosts)
    }
}

/// A SHA-256 hash of a certificate in DER, or of its public key (SubjectPublicKeyInfo, RFC 5280 §4.1.2.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint with this value.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Its value.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = String;

    /// Reads 64 hexadecimal digits, also with colons between the bytes and with `SHA256:` in front.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "SHA-256 fingerprints are expected, 64 hexadecimal digits with or without colons, as `openssl x509 \
             -noout -fingerprint -sha256` prints them"
                .to_owned()
        };
        let bare = match text.split_at_checked(7) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("sha256:") => rest,
            _ => text,
        };
        let digits: Vec<char> = bare.chars().filter(|c| *c != ':').collect();
        if digits.len() == 40 && digits.iter().all(char::is_ascii_hexdigit) {
            return Err(format!("SHA-1 fingerprints can be forged; {}", expected()));
        }
        let mut hash = [0; 32];
        if digits.len() != 64 {
            return Err(expected());
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = digit.to_digit(16).and_then(|v| u8::try_from(v).ok()).ok_or_else(expected)?;
                *byte = (*byte << 4) | value;
            }
        }
        Ok(Self(hash))
    }
}

/// The value of `ssl.fingerprints`.
pub(crate) struct Fingerprints(pub(crate) Vec<Fingerprint>);

impl PropertyValue for Fingerprints {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        words(text).map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

/// The value of `ssl.protocols`.
pub(crate) struct Versions(pub(crate) Vec<TlsVersion>);

impl PropertyValue for Versions {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        let version = |word: &str| match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => Ok(TlsVersion::Tls12),
            "tlsv1.3" => Ok(TlsVersion::Tls13),
            "tls" | "tlsv1" | "tlsv1.0" | "tlsv1.1" | "sslv3" | "sslv2" | "sslv2hello" | "ssl" => {
                Err("TLSv1.2 and TLSv1.3 are what there is: everything older is broken (RFC 8996)".to_owned())
            }
            _ => Err("TLSv1.2, TLSv1.3 or both are expected".to_owned()),
        };
        words(text).map(version).collect::<Result<_, _>>().map(Self)
    }
}

/// A cipher suite, by its IANA number. Only suites with forward secrecy and authenticated encryption exist here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CipherSuite(u16);

/// Names are IANA's, which are Java's too.
const SUITES: [(&str, u16); 9] = [
    ("TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
];

impl CipherSuite {
    /// The suite of this IANA name in any case; `None` if there is no such suite here.
    pub fn named(name: &str) -> Option<Self> {
        SUITES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, code)| Self(*code))
    }

    /// Its IANA name.
    pub fn name(self) -> &'static str {
        SUITES.iter().find(|(_, code)| *code == self.0).map_or("", |(name, _)| name)
    }

    /// Its IANA number.
    pub fn code(self) -> u16 {
        self.0
    }

    /// The version of TLS it belongs to.
    pub fn version(self) -> TlsVersion {
        if self.0 >> 8 == 0x13 { TlsVersion::Tls13 } else { TlsVersion::Tls12 }
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of `ssl.ciphersuites`.
pub(crate) struct CipherSuites(pub(crate) Vec<CipherSuite>);

impl PropertyValue for CipherSuites {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        // No suite, but a signal that Java lists among them and that is always sent (RFC 5746).
        let suites = words(text).filter(|word| *word != "TLS_EMPTY_RENEGOTIATION_INFO_SCSV").map(|word| {
            CipherSuite::named(word).ok_or_else(|| {
                let known: Vec<&str> = SUITES.iter().map(|(name, _)| *name).collect();
                format!(
                    "a name in it is none of the cipher suites there are, which are {}; others lack forward secrecy \
                     or authenticated encryption",
                    known.join(", ")
                )
            })
        });
        suites.collect::<Result<_, _>>().map(Self)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
