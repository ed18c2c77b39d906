//! What was seen while a transport tried its server.

use postrider_core::{Error, ErrorKind, Secret, Target, TlsSession};
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything that was seen, as far as the session came.
#[derive(Default)]
pub(crate) struct Seen {
    /// The server the transport wanted.
    pub(crate) target: Option<Target>,
    /// Its addresses; `None` if the host does not tell.
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    /// What became of TCP to each.
    pub(crate) attempts: Vec<(SocketAddr, Attempt)>,
    /// The host has lent a connection.
    pub(crate) connected: bool,
    /// The server is this machine.
    pub(crate) loopback: bool,
    /// The first line the server said, in the clear or inside TLS.
    pub(crate) greeting: Option<String>,
    /// What came in the clear where TLS was expected.
    pub(crate) clear_instead: Option<String>,
    /// TLS was spoken where clear text was expected.
    pub(crate) tls_instead: bool,
    /// STARTTLS or STLS was among the server's words in the clear.
    pub(crate) starttls_offered: bool,
    /// It was used: a handshake followed.
    pub(crate) starttls_used: bool,
    /// The transport has no way to be tried.
    pub(crate) untried: bool,
    /// The session's TLS.
    pub(crate) tls: Option<TlsSession>,
    pub(crate) capabilities: Option<Vec<String>>,
    pub(crate) mechanisms: Option<Vec<String>>,
    pub(crate) method: Option<String>,
    /// The certificates that the server shows although they are not accepted, its own first, in DER.
    pub(crate) shown: Vec<Vec<u8>>,
    /// Secrets that the host looked up.
    pub(crate) secrets: Vec<Secret>,
    /// Grows whenever anything happens: who waits knows that it goes on.
    pub(crate) progress: u64,
}

/// What became of TCP to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Open,
    /// Somebody is there, and nothing listens.
    Refused,
    /// No answer at all.
    Silent,
    /// There is no way to it, or something else: the system's words.
    Failed(String),
}

impl Attempt {
    pub(crate) fn of(error: &Error) -> Self {
        let io = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
        match (io, error.kind()) {
            (Some(io::ErrorKind::ConnectionRefused), _) => Self::Refused,
            (Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable), _) => {
                Self::Failed("there is no way to it from here".into())
            }
            (_, ErrorKind::Timeout) => Self::Silent,
            _ => Self::Failed(error.message().to_owned()),
        }
    }

    pub(crate) fn in_words(&self) -> &str {
        match self {
            Self::Open => "connected",
            Self::Refused => "refused: nothing listens there",
            Self::Silent => "no answer",
            Self::Failed(why) => why,
        }
    }
}

impl Seen {
    /// The proxy on the way, in words.
    pub(crate) fn proxy(&self) -> Option<String> {
        let proxy = self.target.as_ref()?.proxy.as_ref()?;
        Some(format!("the {} proxy {}:{}", proxy.kind, proxy.host.escape_debug(), proxy.port))
    }

    /// True if TCP to every address that was tried ended like this.
    pub(crate) fn all(&self, like: &Attempt) -> bool {
        !self.attempts.is_empty() && self.attempts.iter().all(|(_, attempt)| attempt == like)
    }
}

/// What was seen, shared between the host and the doctor.
#[derive(Default)]
pub(crate) struct Notebook(Mutex<Seen>);

impl Notebook {
    pub(crate) fn open(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened: what, is written by `write`.
    pub(crate) fn write(&self, write: impl FnOnce(&mut Seen)) {
        let mut seen = self.open();
        seen.progress += 1;
        write(&mut seen);
    }
}

/// A stranger's line fit to be shown, and not longer than people read.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 120;
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
    let text = String::from_utf8_lossy(line.unwrap_or_default());
    let mut out = String::new();
    for c in text.trim_end().chars().take(MOST) {
        // Quotes and backslashes are harmless.
        if matches!(c, '"' | '\'' | '\\') { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    if text.chars().count() > MOST {
        out.push('…');
    }
    out
}
