//! What async-imap's answers and errors mean, and message keys. Pure.

use async_imap::error::Error as ImapError;
use async_imap::imap_proto::{AttributeValue, Capability, MailboxDatum, Outcome, Response, ResponseCode};
use postrider_core::{Error, ErrorKind, Flags, MessageId, Phase, Result};
use postrider_wire::Redactor;
use std::io;

/// A tagged NO or BAD.
pub(crate) fn refusal(status: &str, outcome: &Outcome<'_>, phase: Phase, redactor: &Redactor) -> Error {
    let text = outcome.information.as_deref().unwrap_or_default();
    refused(status, text, phase, redactor)
}

fn refused(status: &str, text: &str, phase: Phase, redactor: &Redactor) -> Error {
    let signing_in = phase == Phase::Authenticate;
    let later = ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]"].iter().any(|code| text.contains(code));
    let (kind, what) = if later {
        (ErrorKind::Deferred, "the server can't do it now")
    } else if signing_in {
        (ErrorKind::Authentication, "the server did not accept the sign-in")
    } else if phase == Phase::Select {
        (ErrorKind::NotFound, "the server did not open the mailbox")
    } else {
        (ErrorKind::Rejected, "the server refused")
    };
    let error = Error::new(kind, phase, what).with_reply(redactor.reply(status, None, text));
    if signing_in && !later {
        return error.with_advice(
            "check user and password; many providers want an app password or an OAuth token here",
        );
    }
    error
}

/// async-imap's error as ours. What it quotes of the server's bytes is left out: there is mail in it.
pub(crate) fn error(error: ImapError, phase: Phase, redactor: &Redactor) -> Error {
    match error {
        ImapError::Io(error) => io_error(error, phase),
        ImapError::No(text) => refused("NO", &text, phase, redactor),
        ImapError::Bad(text) => refused("BAD", &text, phase, redactor),
        ImapError::ConnectionLost => closed(phase),
        _ => Error::new(ErrorKind::Protocol, phase, "async-imap could not read the server's answer"),
    }
}

/// The same for what comes from its stream.
pub(crate) fn io_error(error: io::Error, phase: Phase) -> Error {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Error>());
    match error.kind() {
        _ if is_ours => Error::from_io(error, phase).in_phase(phase),
        io::ErrorKind::UnexpectedEof => closed(phase),
        io::ErrorKind::Other => {
            Error::new(ErrorKind::Protocol, phase, "async-imap could not read the server's answer")
        }
        _ => Error::from_io(error, phase),
    }
}

/// The server has gone.
pub(crate) fn closed(phase: Phase) -> Error {
    Error::new(ErrorKind::Closed, phase, "the server closed the connection")
}

/// What was heard in answer to one command. async-imap does not let its answers be named, so they are read as they
/// come.
#[derive(Default)]
pub(crate) struct Heard {
    /// In upper case; mechanisms left out.
    pub(crate) capabilities: Vec<String>,
    /// UIDVALIDITY, where a SELECT told it.
    pub(crate) validity: Option<u32>,
    /// The UIDs of a SEARCH.
    pub(crate) found: Vec<u32>,
    /// What a FETCH told; answers without a UID are not to it.
    pub(crate) fetched: Vec<Fetched>,
    /// There is a count of messages: some may be new.
    pub(crate) exists: bool,
}

impl Heard {
    pub(crate) fn take(&mut self, response: &Response<'_>) {
        match response {
            Response::Capabilities(words) => {
                self.capabilities.extend(words.iter().filter_map(|word| match word {
                    Capability::Atom(name) => Some(name.to_ascii_uppercase()),
                    _ => None,
                }));
            }
            Response::Data {
                outcome: Outcome { code: Some(ResponseCode::UidValidity(validity)), .. },
                ..
            } => self.validity = Some(*validity),
            Response::MailboxData(MailboxDatum::Search(uids)) => self.found.extend(uids),
            Response::MailboxData(MailboxDatum::Exists(_)) => self.exists = true,
            Response::Fetch(_, attributes) => self.fetched.extend(fetched(attributes)),
            _ => {}
        }
    }
}

/// What FETCH told of one message.
#[derive(Default)]
pub(crate) struct Fetched {
    pub(crate) uid: u32,
    pub(crate) size: Option<u64>,
    pub(crate) flags: Flags,
    pub(crate) body: Option<Vec<u8>>,
}

fn fetched(attributes: &[AttributeValue<'_>]) -> Option<Fetched> {
    let mut one = Fetched::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => one.uid = *uid,
            AttributeValue::Rfc822Size(size) => one.size = Some(u64::from(*size)),
            AttributeValue::Flags(flags) => flags.iter().for_each(|f| flag(&mut one.flags, f)),
            AttributeValue::BodySection { section: None, data: Some(data), .. } => {
                one.body = Some(data.to_vec());
            }
            _ => {}
        }
    }
    (one.uid > 0).then_some(one)
}

fn flag(flags: &mut Flags, name: &str) {
    match name.to_ascii_lowercase().as_str() {
        "\\seen" => flags.seen = true,
        "\\answered" => flags.answered = true,
        "\\flagged" => flags.flagged = true,
        "\\deleted" => flags.deleted = true,
        "\\draft" => flags.draft = true,
        "\\recent" => {}
        _ => flags.keywords.push(name.to_owned()),
    }
}

/// UIDs, ascending, as a set: `1:3,7`.
pub(crate) fn set(uids: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let one = |(a, b): &(u32, u32)| if a == b { a.to_string() } else { format!("{a}:{b}") };
    ranges.iter().map(one).collect::<Vec<_>>().join(",")
}

/// True if async-imap can say this name: what modified UTF-7 would change, it can't.
pub(crate) fn is_mailbox(name: &str) -> bool {
    (1..=1_000).contains(&name.len()) && name.bytes().all(|b| (b' '..0x7f).contains(&b) && b != b'&')
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The key of a message: that of the transport `imap`.
pub(crate) fn id(account: &str, folder: &str, validity: u32, uid: u32) -> MessageId {
    MessageId::new("imap", [account, folder, &validity.to_string(), &uid.to_string()])
}

/// UIDVALIDITY and UID of a key of this mailbox.
///
/// # Errors
/// `InvalidInput` for any other key.
pub(crate) fn key(id: &MessageId, account: &str, folder: &str) -> Result<(u32, u32)> {
    let [of_account, of_folder, validity, uid] = id.parts::<4>("imap")?;
    // Each message has one key: other spellings of its numbers are none.
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0 && n.to_string() == text);
    match (number(&validity), number(&uid)) {
        (Some(validity), Some(uid)) if of_account == account && of_folder == folder => Ok((validity, uid)),
        _ => {
            let what = format!("\"{}\" is not a key of this mailbox", id.as_str().escape_debug());
            Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
                .with_advice("use the keys that list() of the same transport gave"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_set_names_each_uid_once_in_as_few_ranges_as_it_takes() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert_eq!(set(&[]), "");
    }

    #[test]
    fn a_key_comes_back_and_no_other_does() {
        let good = id("me@h", "a/b", 7, 42);
        assert_eq!(key(&good, "me@h", "a/b").unwrap(), (7, 42));
        assert!(key(&good, "you@h", "a/b").is_err() && key(&good, "me@h", "b").is_err());
        for bad in ["imap:me@h/a%2Fb/07/42", "imap:me@h/a%2Fb/7/0", "pop3:me@h/a%2Fb/7/42"] {
            assert!(key(&MessageId::parse(bad).unwrap(), "me@h", "a/b").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mailbox_name_can_not_leave_its_command() {
        assert!(is_mailbox("Archive/2026 \"x\\") && quoted("a\"\\") == "\"a\\\"\\\\\"");
        assert!(!is_mailbox("") && !is_mailbox("a\r\nb") && !is_mailbox("Entwürfe") && !is_mailbox("a&b"));
    }
}
