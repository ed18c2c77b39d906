//! What became of a message, recipient by recipient.

use crate::Address;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A server's words, kept as data: `550` + `5.1.1` + text for SMTP, `NO` + `AUTHENTICATIONFAILED` + text
/// for IMAP, `-ERR` + `IN-USE` + text for POP3.
///
/// The text is what the server sent with control characters escaped, so it can be printed. It never changes, and a
/// clone costs nothing: servers say the same words again and again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reply(Arc<Words>);

#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
struct Words {
    status: String,
    code: Option<String>,
    text: String,
}

impl Reply {
    /// A reply of these three parts; control characters in the text are escaped.
    pub fn new(status: impl Into<String>, code: Option<String>, text: &str) -> Self {
        Self(Arc::new(Words { status: status.into(), code, text: printable(text) }))
    }

    /// The status word or number as sent: `250`, `NO`, `-ERR`.
    pub fn status(&self) -> &str {
        &self.0.status
    }

    /// The machine-readable code, if there was one: an enhanced status code (RFC 3463) or a response code
    /// (RFC 9051 §7.1, RFC 2449 §8).
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The text for people. Lines of a longer reply are joined by a line feed.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The status as a number, where it is one (SMTP: 200 to 599).
    pub fn number(&self) -> Option<u16> {
        self.status().parse().ok()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = (self.status(), self.code(), self.text());
        f.debug_struct("Reply")
            .field("status", &parts.0)
            .field("code", &parts.1)
            .field("text", &parts.2)
            .finish()
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status())?;
        if let Some(code) = self.code() {
            write!(f, " {code}")?;
        }
        if !self.text().is_empty() {
            write!(f, " {}", self.text().replace('\n', " / "))?;
        }
        Ok(())
    }
}

/// Escapes control characters other than the line feed that joins lines.
fn printable(text: &str) -> String {
    // Nearly always there is nothing to escape. Without a branch for each byte: nearly always all are looked at.
    if text.bytes().fold(true, |all, b| all & ((b' '..0x7f).contains(&b) | (b == b'\n'))) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// What the server said of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// The server took responsibility for this recipient.
    Accepted(Reply),
    /// Refused for good (5xx): repeating won't help.
    Refused(Reply),
    /// Refused for now (4xx): a later try may work.
    Deferred(Reply),
    /// Accepted by RCPT, but the message was not sent: another recipient or the message itself failed.
    NotSent,
    /// The end of the message may have reached the server and no reply came: it may have been accepted for
    /// this recipient. Never repeated automatically.
    Unsure,
    /// Left out on purpose, before any server was asked: a rule of the sending side forbids this recipient.
    /// The text names the rule, for people.
    Suppressed(String),
}

impl Verdict {
    /// True for [`Verdict::Accepted`].
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// The server's reply, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Accepted(reply) | Self::Refused(reply) | Self::Deferred(reply) => Some(reply),
            Self::NotSent | Self::Unsure | Self::Suppressed(_) => None,
        }
    }
}

/// One recipient and what became of the message for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecipientOutcome {
    /// The address as given in the envelope.
    pub address: Address,
    /// What the server said.
    pub verdict: Verdict,
    /// The address that the verdict is about, where a rule sent the message there instead of to `address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<Address>,
}

impl RecipientOutcome {
    /// Pairs an address with what the server said of it.
    pub fn new(address: Address, verdict: Verdict) -> Self {
        Self { address, verdict, instead: None }
    }

    /// Says that the message went to `other` instead of to this recipient.
    pub fn with_instead(mut self, other: Address) -> Self {
        self.instead = Some(other);
        self
    }
}

/// The proof of a sent message: the server has accepted it for at least one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The final reply, in which many servers name their queue id.
    pub reply: Reply,
    /// Every recipient of the envelope, in its order.
    pub recipients: Vec<RecipientOutcome>,
    /// Copies that a rule added beyond the envelope (an audit copy). They count neither as recipients nor as
    /// failures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<RecipientOutcome>,
}

impl Receipt {
    /// A receipt of the final reply and the recipients in envelope order.
    pub fn new(reply: Reply, recipients: Vec<RecipientOutcome>) -> Self {
        Self { reply, recipients, copies: Vec::new() }
    }

    /// Adds what became of copies beyond the envelope.
    pub fn with_copies(mut self, copies: Vec<RecipientOutcome>) -> Self {
        self.copies = copies;
        self
    }

    /// The recipients the message is not known to be going to: refused, deferred or suppressed one by one.
    pub fn failures(&self) -> impl Iterator<Item = &RecipientOutcome> {
        self.recipients.iter().filter(|r| !r.verdict.is_accepted())
    }

    /// True if every recipient was accepted.
    pub fn is_complete(&self) -> bool {
        self.failures().next().is_none()
    }
}
