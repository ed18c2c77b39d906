//! Why a ledger can't be used.

use postrider_core::{Error, ErrorKind, Phase};
use std::error::Error as StdError;
use std::fmt;

/// What is wrong, as a program tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LedgerErrorKind {
    /// Somebody else uses it.
    InUse,
    /// No room to write.
    Full,
    /// It can be read but not written.
    ReadOnly,
    /// It is damaged, or no ledger.
    Corrupt,
    /// It can't be opened or reached.
    Unreachable,
    /// The mailbox is another process's by now.
    Lost,
    /// The database refused for another reason.
    Refused,
}

/// Why a ledger can't be used: what is wrong, with which file or database, and what to do. Nothing is lost by it: a
/// message that can't be recorded is not settled, and comes again.
pub struct LedgerError {
    kind: LedgerErrorKind,
    place: String,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl LedgerError {
    /// An error of this kind at this place, a file or a database; `message` says in a sentence what happened.
    pub fn new(kind: LedgerErrorKind, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, place: place.into(), message: message.into(), source: None }
    }

    /// Adds the error underneath.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> LedgerErrorKind {
        self.kind
    }

    /// The file or database.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            LedgerErrorKind::InUse => {
                "end the other process, give each a ledger of its own, or share one in PostgreSQL"
            }
            LedgerErrorKind::Full => {
                "make room on the disk; no message is settled meanwhile, and none is lost"
            }
            LedgerErrorKind::ReadOnly => "let this user write to the file and to its directory",
            LedgerErrorKind::Corrupt => {
                "restore it from a backup, or move it away: then what is still in the mailbox is handed over again"
            }
            LedgerErrorKind::Unreachable => {
                "check that it exists, that it is running and that this user may use it"
            }
            LedgerErrorKind::Lost => "nothing to do: the other process goes on",
            LedgerErrorKind::Refused => "see what the database says",
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger {}: {} -> {}", self.place.escape_debug(), self.message, self.advice())
    }
}

impl fmt::Debug for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.kind)?;
        match &self.source {
            Some(source) => write!(f, " <- {source}"),
            None => Ok(()),
        }
    }
}

impl StdError for LedgerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// In the phase of settling, which is what it keeps from happening.
impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let kind = match error.kind {
            LedgerErrorKind::InUse | LedgerErrorKind::ReadOnly => ErrorKind::Configuration,
            LedgerErrorKind::Full => ErrorKind::Limit,
            LedgerErrorKind::Unreachable => ErrorKind::Connect,
            _ => ErrorKind::Rejected,
        };
        let advice = error.advice();
        Error::new(kind, Phase::Settle, format!("ledger {}: {}", error.place.escape_debug(), error.message))
            .with_advice(advice)
            .with_source(error)
    }
}
