//! Why the place of an outbox fails.

use postrider_core::{Error, ErrorKind, Phase};
use std::fmt;

/// Why the place of an outbox fails: the source of such an error, for whoever wants to tell them apart.
///
/// ```
/// # use postrider_store::outbox::Fault;
/// # fn f(error: &postrider_core::Error) {
/// if Fault::of(error) == Some(Fault::Full) { /* page somebody */ }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// There is no room left.
    Full,
    /// It can't be written.
    ReadOnly,
    /// It can't be opened or reached.
    Unopened,
    /// It is damaged, or no database at all.
    Corrupt,
    /// Somebody else has had it for too long.
    Busy,
    /// Something else.
    Other,
}

impl Fault {
    /// The fault under an error; `None` if the error is about something else.
    pub fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref::<Self>().copied()
    }

    /// True if waiting may help.
    pub const fn may_pass(self) -> bool {
        !matches!(self, Self::ReadOnly | Self::Corrupt)
    }

    /// The error of a call about this place; `said` is what the database says.
    pub(crate) fn error(self, place: &str, said: &str) -> Error {
        let (kind, what, advice) = match self {
            Self::Full => (ErrorKind::Limit, "has no room left", "make room on its disk; nothing is lost"),
            Self::ReadOnly => (
                ErrorKind::Configuration,
                "can't be written",
                "give this user write access to it and its directory",
            ),
            Self::Unopened => (
                ErrorKind::Configuration,
                "can't be opened",
                "check its path or URL; a file and its directory must be writable, a server must run and let this user in",
            ),
            Self::Corrupt => (
                ErrorKind::Protocol,
                "is damaged, or no database",
                "keep a copy, see what `sqlite3 FILE .recover` brings back, or restore a backup",
            ),
            Self::Busy => (
                ErrorKind::Timeout,
                "is kept busy by somebody else",
                "see which program leaves a transaction open on it",
            ),
            Self::Other => (ErrorKind::Closed, "failed", "see what the database says; nothing has changed"),
        };
        Error::new(kind, Phase::Append, format!("the outbox {place} {what}: {said}"))
            .with_advice(advice)
            .with_source(self)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room left",
            Self::ReadOnly => "read-only",
            Self::Unopened => "not opened",
            Self::Corrupt => "corrupt",
            Self::Busy => "busy",
            Self::Other => "failed",
        })
    }
}

impl std::error::Error for Fault {}
