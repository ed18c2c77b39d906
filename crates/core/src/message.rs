//! Messages in a mailbox, seen from outside.

use crate::{Error, ErrorKind, Phase, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The stable key of a message: `imap:<account>/<mailbox>/<uidvalidity>/<uid>`, `pop3:<account>/<uidl>`.
///
/// The same message has the same key in every session, and no other message of that mailbox ever has it
/// (RFC 9051 §2.3.1.1, RFC 1939 §7), unless [`MessageInfo::stable`] says otherwise. It is text that may be
/// stored, compared and given back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// Builds a key of a scheme and parts; `/`, `%`, blanks and control characters in a part are
    /// percent-encoded.
    pub fn new<'a>(scheme: &str, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut key = String::with_capacity(scheme.len() + 64);
        key.push_str(scheme);
        for (i, part) in parts.into_iter().enumerate() {
            key.push(if i == 0 { ':' } else { '/' });
            encode(part, &mut key);
        }
        if key.len() == scheme.len() {
            key.push(':');
        }
        Self(key)
    }

    /// Takes a key that was stored as text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the text is not of the form `scheme:part/part`.
    pub fn parse(text: &str) -> Result<Self> {
        let good = text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
            && text.bytes().all(|b| (0x21..0x7f).contains(&b));
        if good { Ok(Self(text.to_owned())) } else { Err(malformed(text)) }
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a key of `scheme` apart into exactly `N` decoded parts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is another scheme's key or has another number of parts.
    pub fn parts<const N: usize>(&self, scheme: &str) -> Result<[String; N]> {
        let rest = self
            .0
            .strip_prefix(scheme)
            .and_then(|r| r.strip_prefix(':'))
            .ok_or_else(|| malformed(&self.0))?;
        let parts: Option<Vec<String>> = rest.split('/').map(decode).collect();
        parts.and_then(|p| p.try_into().ok()).ok_or_else(|| malformed(&self.0))
    }
}

fn malformed(text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        Phase::Configure,
        format!("\"{}\" is not a message key of this transport", text.escape_debug()),
    )
    .with_advice("use the keys that list() of the same transport gave")
}

/// Whole runs at a time: a listing makes as many keys as there are messages, and most parts are plain.
fn encode(part: &str, key: &mut String) {
    let coded = |b: u8| b <= b' ' || b >= 0x7f || b == b'/' || b == b'%';
    // Looks at many bytes at once, because it does not stop at the first one.
    if !part.bytes().fold(false, |any, b| any | coded(b)) {
        return key.push_str(part);
    }
    let mut rest = part;
    while let Some(at) = rest.bytes().position(coded) {
        let (plain, other) = rest.split_at(at);
        key.push_str(plain);
        let mut chars = other.chars();
        for byte in chars.next().into_iter().flat_map(|c| c.encode_utf8(&mut [0; 4]).to_owned().into_bytes())
        {
            key.push_str(&format!("%{byte:02X}"));
        }
        rest = chars.as_str();
    }
    key.push_str(rest);
}

fn decode(part: &str) -> Option<String> {
    if !part.contains('%') {
        return Some(part.to_owned());
    }
    let mut out = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The flags a mailbox keeps with a message (RFC 9051 §2.3.2). POP3 keeps none: all false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flags {
    /// `\Seen`
    pub seen: bool,
    /// `\Answered`
    pub answered: bool,
    /// `\Flagged`
    pub flagged: bool,
    /// `\Deleted`: marked, not yet gone.
    pub deleted: bool,
    /// `\Draft`
    pub draft: bool,
    /// Any others, as the server wrote them.
    pub keywords: Vec<String>,
}

/// What a listing tells of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MessageInfo {
    /// The key to fetch and settle it by.
    pub id: MessageId,
    /// Size in bytes as the server says it; not a promise.
    pub size: Option<u64>,
    /// Its flags.
    pub flags: Flags,
    /// False if the server gives no lasting identifier (POP3 without UIDL): the key may then stand for
    /// another message in another session, and a fingerprint of the content has to serve.
    pub stable: bool,
}

impl MessageInfo {
    /// A message with a stable key, of unknown size and without flags.
    pub fn new(id: MessageId) -> Self {
        Self { id, size: None, flags: Flags::default(), stable: true }
    }
}

/// Which messages to list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// At most this many, 1 and up; the default is 1,000.
    pub limit: usize,
    /// Only messages that come after this one.
    pub after: Option<MessageId>,
    /// Only messages without `\Seen`. A transport without flags answers `Unsupported`.
    pub unseen: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self { limit: 1_000, after: None, unseen: false }
    }
}

impl Query {
    /// All messages, the first 1,000.
    pub fn all() -> Self {
        Self::default()
    }

    /// Messages without `\Seen`, the first 1,000.
    pub fn unseen() -> Self {
        Self { unseen: true, ..Self::default() }
    }

    /// At most `limit` messages.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Only messages after this one.
    pub fn after(mut self, id: MessageId) -> Self {
        self.after = Some(id);
        self
    }
}

/// A page of messages, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// The messages of this page.
    pub messages: Vec<MessageInfo>,
    /// True if there are more: ask again with [`Query::after`] the last of these.
    pub more: bool,
}

impl Listing {
    /// A page and whether others follow.
    pub fn new(messages: Vec<MessageInfo>, more: bool) -> Self {
        Self { messages, more }
    }
}

/// What to do with a message that has been handled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settle {
    /// Leave it as it is.
    Keep,
    /// Mark it `\Seen`.
    Seen,
    /// Move it into this mailbox (UTF-8 name).
    Move(String),
    /// Delete it. Over POP3 it is gone only after [`close`](crate::IncomingTransport::close).
    Delete,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wake {
    /// There may be new messages: list.
    News,
    /// The time is up and nothing was heard.
    Elapsed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_text_that_can_be_stored_and_taken_apart_again() {
        let id = MessageId::new("imap", ["a b@h", "Entwürfe/100%", "7", "42"]);
        assert_eq!(id.as_str(), "imap:a%20b@h/Entw%C3%BCrfe%2F100%25/7/42");
        let again = MessageId::parse(id.as_str()).unwrap();
        assert_eq!(again.parts::<4>("imap").unwrap(), ["a b@h", "Entwürfe/100%", "7", "42"]);
        assert!(again.parts::<3>("imap").is_err() && again.parts::<4>("pop3").is_err());
        let parts = ["", "\u{7f}\n", "€", "%2F", ""];
        let id = MessageId::new("x", parts);
        assert_eq!(id.as_str(), "x:/%7F%0A/%E2%82%AC/%252F/");
        assert_eq!(id.parts::<5>("x").unwrap(), parts);
        for bad in ["", "imap", "imap:", ":x", "imap:a b", "imap:%zz\n"] {
            assert!(MessageId::parse(bad).is_err(), "{bad}");
        }
    }
}
