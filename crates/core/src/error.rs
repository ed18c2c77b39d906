//! The one error type of the contract.

use crate::{Origin, Phase, RecipientOutcome, Reply};
use std::error::Error as StdError;
use std::fmt;

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a program tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A property is unknown, missing or has a value that can't be used.
    Configuration,
    /// The caller's data can't be sent: a bad address, a control character, a malformed key.
    InvalidInput,
    /// This transport, or this server, can't do what was asked.
    Unsupported,
    /// The host name has no address.
    Resolve,
    /// No connection could be made.
    Connect,
    /// TLS could not be set up or the certificate was not accepted.
    Tls,
    /// The other side said nothing within the deadline of the phase.
    Timeout,
    /// The connection ended before the work was done.
    Closed,
    /// Who we are was not accepted, or no safe way to say it exists.
    Authentication,
    /// The server refused for good (5xx, NO).
    Rejected,
    /// The server refused for now (4xx, a temporary response code).
    Deferred,
    /// The end of data may have reached the server and no reply came.
    Unsure,
    /// The message or mailbox is not there (any more).
    NotFound,
    /// The other side broke the protocol.
    Protocol,
    /// A limit of ours or of the server's was passed.
    Limit,
    /// The body given to be sent failed while it was read.
    Body,
    /// A transport failed in a way it should not have.
    Plugin,
}

/// May the same call be made again?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Repeat {
    /// It would fail again: something has to change first.
    Never,
    /// Nothing was done that a repeat would do twice.
    Safe,
    /// It may have been done already: a repeat can duplicate it.
    MayDuplicate,
}

/// How a send that did not end in a [`Receipt`](crate::Receipt) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Refused for good.
    Rejected,
    /// Refused for now.
    Deferred,
    /// Nothing can have been accepted.
    NotSent,
    /// It may have been accepted.
    Unsure,
}

/// Why a call failed: what kind, in which phase, with the server's words, the property concerned and what
/// to do next. Never holds a secret.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    phase: Phase,
    repeat: Option<Repeat>,
    message: String,
    advice: Option<String>,
    property: Option<(String, Option<Origin>)>,
    reply: Option<Reply>,
    recipients: Vec<RecipientOutcome>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind in this phase; `message` says in a sentence what happened.
    pub fn new(kind: ErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            repeat: None,
            message: message.into(),
            advice: None,
            property: None,
            reply: None,
            recipients: Vec::new(),
            source: None,
        }))
    }

    /// Adds what a person can do about it.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Adds the property concerned and where its value came from.
    pub fn with_property(mut self, key: impl Into<String>, origin: Option<Origin>) -> Self {
        self.0.property = Some((key.into(), origin));
        self
    }

    /// Adds the server's words.
    pub fn with_reply(mut self, reply: Reply) -> Self {
        self.0.reply = Some(reply);
        self
    }

    /// Adds what became of each recipient.
    pub fn with_recipients(mut self, recipients: Vec<RecipientOutcome>) -> Self {
        self.0.recipients = recipients;
        self
    }

    /// Adds the error underneath.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says whether a repeat is safe, where the kind alone does not tell it.
    pub fn with_repeat(mut self, repeat: Repeat) -> Self {
        self.0.repeat = Some(repeat);
        self
    }

    /// Moves the error to another phase: a driver that hears of a failure below it knows better where it was.
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.0.phase = phase;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where it went wrong.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Whether the same call may be made again.
    pub fn repeat(&self) -> Repeat {
        self.0.repeat.unwrap_or(match self.0.kind {
            ErrorKind::Unsure => Repeat::MayDuplicate,
            ErrorKind::Deferred
            | ErrorKind::Resolve
            | ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Closed
            | ErrorKind::Body => Repeat::Safe,
            _ => Repeat::Never,
        })
    }

    /// How a send ended, if this error came from one.
    pub fn outcome(&self) -> Outcome {
        match self.0.kind {
            ErrorKind::Rejected => Outcome::Rejected,
            ErrorKind::Deferred => Outcome::Deferred,
            ErrorKind::Unsure => Outcome::Unsure,
            _ => Outcome::NotSent,
        }
    }

    /// What happened, in a sentence, without phase, key or advice.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What a person can do next.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// The full key of the property concerned and where its value came from.
    pub fn property(&self) -> Option<(&str, Option<&Origin>)> {
        self.0.property.as_ref().map(|(key, origin)| (key.as_str(), origin.as_ref()))
    }

    /// The server's words.
    pub fn reply(&self) -> Option<&Reply> {
        self.0.reply.as_ref()
    }

    /// What became of each recipient, as far as it was known; in envelope order.
    pub fn recipients(&self) -> &[RecipientOutcome] {
        &self.0.recipients
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        write!(f, "{}: {}", e.phase, e.message)?;
        if let Some(reply) = &e.reply {
            write!(f, "; the server said: {reply}")?;
        }
        if let Some((key, origin)) = &e.property {
            match origin {
                Some(origin) => write!(f, " [{key}, from {origin}]")?,
                None => write!(f, " [{key}, not set]")?,
            }
        }
        if let Some(advice) = &e.advice {
            write!(f, " -> {advice}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?}) {self}", self.0.kind, self.repeat())?;
        if let Some(source) = &self.0.source {
            write!(f, " <- {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => std::io::ErrorKind::TimedOut,
            ErrorKind::Closed => std::io::ErrorKind::UnexpectedEof,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Error {
    /// Reads an I/O error: the [`Error`] inside it if there is one, otherwise one of kind
    /// [`ErrorKind::Timeout`] or [`ErrorKind::Closed`] in `phase`.
    pub fn from_io(error: std::io::Error, phase: Phase) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            let kind = error.kind();
            return match error.into_inner().map(|inner| inner.downcast::<Self>()) {
                Some(Ok(inner)) => *inner,
                _ => Self::new(ErrorKind::Closed, phase, kind.to_string()),
            };
        }
        let kind = match error.kind() {
            std::io::ErrorKind::TimedOut => ErrorKind::Timeout,
            std::io::ErrorKind::InvalidData => ErrorKind::Protocol,
            _ => ErrorKind::Closed,
        };
        Self::new(kind, phase, format!("the connection failed: {error}")).with_source(error)
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
