//! What a builder collects and every session reads.

use std::collections::BTreeSet;
use std::time::Duration;

/// One of the six doors of a [`Server`](crate::Server).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// SMTP in clear, with STARTTLS.
    Smtp,
    /// SMTP inside TLS from the first byte.
    Smtps,
    /// POP3 in clear, with STLS.
    Pop3,
    /// POP3 inside TLS from the first byte.
    Pop3s,
    /// IMAP in clear, with STARTTLS.
    Imap,
    /// IMAP inside TLS from the first byte.
    Imaps,
}

impl Service {
    pub(crate) const ALL: [Self; 6] =
        [Self::Smtp, Self::Smtps, Self::Pop3, Self::Pop3s, Self::Imap, Self::Imaps];

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Smtps | Self::Pop3s | Self::Imaps)
    }
}

/// The settings of a running server. Fixed once it runs.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) domain: String,
    pub(crate) host: String,
    pub(crate) message_limit: usize,
    pub(crate) storage_limit: usize,
    pub(crate) connection_limit: usize,
    pub(crate) idle_limit: Duration,
    pub(crate) withheld: BTreeSet<String>,
    pub(crate) require_auth: bool,
    pub(crate) require_tls: bool,
    pub(crate) strict_newlines: bool,
    pub(crate) catch_all: Option<String>,
    pub(crate) chunk: Option<usize>,
    pub(crate) certificate_names: Option<Vec<String>>,
    pub(crate) expired_certificate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domain: "example.test".into(),
            host: "127.0.0.1".into(),
            message_limit: 50 << 20,
            storage_limit: 1 << 30,
            connection_limit: 256,
            idle_limit: Duration::from_secs(30 * 60),
            withheld: BTreeSet::new(),
            require_auth: false,
            require_tls: false,
            strict_newlines: false,
            catch_all: None,
            chunk: None,
            certificate_names: None,
            expired_certificate: false,
        }
    }
}

impl Options {
    /// Whether an extension or mechanism is on offer: all are, but for those withheld by name.
    pub(crate) fn offers(&self, name: &str) -> bool {
        !self.withheld.contains(&name.to_ascii_uppercase())
    }
}
