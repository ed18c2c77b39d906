//! A message on its way into an outbox.

use super::head::fields;
use bytes::{Bytes, BytesMut};
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, Result};
use std::fmt;
use std::time::{Duration, SystemTime};

/// A whole message with its envelope. Its Message-ID and Date are fixed here and stay through all tries, so that
/// whoever gets it twice can tell.
///
/// A message without them gets them in front of its header; nothing else of it is touched, now or later, and what it
/// has already it keeps. (A message that is signed should bring its own: some signatures count the fields.)
///
/// ```
/// # use postrider_core::Envelope; use postrider_store::outbox::Letter;
/// # fn f() -> postrider_core::Result<()> {
/// let envelope = Envelope::parse(Some("me@example.org"), ["you@example.org"])?;
/// let letter = Letter::new(envelope, "Subject: hello\r\n\r\nHello!\r\n")?;
/// assert!(letter.message_id().ends_with("@example.org>"));
/// # Ok(()) }
/// # f().unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    envelope: Envelope,
    message: Bytes,
    message_id: String,
    expires: Option<Duration>,
}

impl Letter {
    /// A message as it is to be sent, and to whom.
    ///
    /// # Errors
    /// `InvalidInput` for a message with `List-Unsubscribe-Post` to more than one recipient: the link in it
    /// unsubscribes one person (RFC 8058 §3.1), and everybody else would have it too. `Plugin` if the machine has no
    /// random numbers.
    pub fn new(envelope: Envelope, message: impl Into<Bytes>) -> Result<Self> {
        let message = message.into();
        let (mut message_id, mut has_id, mut has_date, mut one_click, mut from) =
            (None, false, false, false, None);
        for (name, value) in fields(&message) {
            match name.as_str() {
                "message-id" => {
                    has_id = true;
                    message_id = message_id.or_else(|| readable(value));
                }
                "date" => has_date = true,
                "list-unsubscribe-post" => one_click = true,
                "from" => from = from.or_else(|| domain(value)),
                _ => {}
            }
        }
        if one_click && envelope.to.len() > 1 {
            return Err(shared_link(envelope.to.len()));
        }
        let mut front = String::new();
        if !has_id {
            let own = envelope.from.as_ref().filter(|a| a.is_ascii()).map(|a| a.domain().to_owned());
            let domain = own.filter(|d| !d.is_empty()).or(from);
            let id = format!("<{}@{}>", word()?, domain.as_deref().unwrap_or("localhost"));
            front.push_str(&format!("Message-ID: {id}\r\n"));
            message_id = Some(id);
        }
        if !has_date {
            front.push_str(&format!("Date: {}\r\n", date(SystemTime::now())));
        }
        if !front.is_empty() && !begins_with_header(&message) {
            // Text alone: its first line must not become a part of the header, or of a field of it.
            front.push_str("\r\n");
        }
        let message = if front.is_empty() {
            message
        } else {
            let mut whole = BytesMut::with_capacity(front.len() + message.len());
            whole.extend_from_slice(front.as_bytes());
            whole.extend_from_slice(&message);
            whole.freeze()
        };
        Ok(Self { envelope, message, message_id: message_id.unwrap_or_default(), expires: None })
    }

    /// Gives it up after so long, instead of what the worker's settings say: a code that is of no use after ten
    /// minutes.
    pub fn expires_after(mut self, time: Duration) -> Self {
        self.expires = Some(time);
        self
    }

    /// Whom it is from and whom it goes to.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The message as it will be sent.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// Its Message-ID with the angle brackets; empty if it has one that can't be read.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    pub(super) fn expiry(&self) -> Option<Duration> {
        self.expires
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("message_id", &self.message_id)
            .field("envelope", &self.envelope)
            .field("size", &self.message.len())
            .finish_non_exhaustive()
    }
}

/// True if it begins with a field, or with the empty line that ends a header without any. A line that begins with a
/// space continues nothing here.
fn begins_with_header(message: &[u8]) -> bool {
    match message.first() {
        None | Some(b'\r' | b'\n') => true,
        Some(b' ' | b'\t') => false,
        // A mailbox's own line before the header, and a field.
        Some(_) => message.starts_with(b"From ") || fields(message).next().is_some(),
    }
}

/// Printable ASCII of a sane length, or nothing.
fn readable(value: &[u8]) -> Option<String> {
    let good = !value.is_empty() && value.len() <= 998 && value.iter().all(|b| (0x20..0x7f).contains(b));
    good.then(|| String::from_utf8_lossy(value).into_owned())
}

/// The domain of the last address of a From field, if it is plain.
fn domain(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_end();
    let text = text.strip_suffix('>').unwrap_or(text);
    let start = text.rfind(['<', ' ', ',']).map_or(0, |at| at + 1);
    let address = Address::new(text.get(start..)?).ok()?;
    address.is_ascii().then(|| address.domain().to_owned())
}

/// 128 random bits as text.
pub(super) fn word() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Plugin, Phase::Configure, format!("no random numbers: {e}")))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// RFC 5322 §3.3. HTTP has the same form but for the zone's name.
fn date(now: SystemTime) -> String {
    httpdate::fmt_http_date(now).replace("GMT", "+0000")
}

fn shared_link(recipients: usize) -> Error {
    let what = format!(
        "a message with List-Unsubscribe-Post can go to one recipient, not to {recipients}: its link unsubscribes one person"
    );
    Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
        .with_advice("make one message for each recipient, with a link of their own (RFC 8058)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(from: Option<&str>, to: &[&str], text: &str) -> Result<Letter> {
        Letter::new(Envelope::parse(from, to.iter().copied()).unwrap(), text.to_owned())
    }

    #[test]
    fn what_a_message_has_it_keeps_and_what_it_lacks_it_gets_once() {
        let whole = "message-id: <x@y>\nDATE: now\n\nbody";
        let kept = letter(Some("a@b"), &["c@d"], whole).unwrap();
        assert_eq!((kept.message().as_ref(), kept.message_id()), (whole.as_bytes(), "<x@y>"));

        let added = letter(Some("a@b.example"), &["c@d"], "Subject: x\r\n\r\nDate: no").unwrap();
        let text = String::from_utf8(added.message().to_vec()).unwrap();
        let id = added.message_id().to_owned();
        assert!(text.starts_with(&format!("Message-ID: {id}\r\nDate: ")), "{text}");
        assert!(
            text.contains(" +0000\r\nSubject: x\r\n\r\nDate: no") && id.ends_with("@b.example>"),
            "{text}"
        );
        let again = Letter::new(added.envelope().clone(), added.message().clone()).unwrap();
        assert_eq!(again, added, "a second time nothing is missing");
    }

    #[test]
    fn text_without_a_header_becomes_the_body() {
        for text in [" folds\r\nSubject: x\r\n\r\n", "\tx", "Hello there\r\n", "Hi,\nTo: you\n"] {
            let letter = letter(Some("a@b.example"), &["c@d"], text).unwrap();
            let message = String::from_utf8(letter.message().to_vec()).unwrap();
            let (header, body) = message.split_once("\r\n\r\n").unwrap();
            assert_eq!((header.lines().count(), body), (2, text));
        }
        for text in ["", "\r\nHello", "\nHello"] {
            let letter = letter(Some("a@b.example"), &["c@d"], text).unwrap();
            assert_eq!(
                letter.message().windows(4).filter(|w| w == b"\r\n\r\n").count(),
                usize::from(text.starts_with('\r'))
            );
            assert!(letter.message().ends_with(text.as_bytes()));
        }
    }

    #[test]
    fn a_message_is_named_in_ascii_whoever_sends_it() {
        let named = |from, text| letter(Some(from), &["c@d"], text).unwrap().message_id().to_owned();
        assert!(named("me@b\u{fc}cher.example", "\r\n").ends_with("@localhost>"));
        assert!(
            named("me@b\u{fc}cher.example", "From: me@plain.example\r\n\r\n").ends_with("@plain.example>")
        );
    }

    #[test]
    fn a_bounce_is_named_after_its_author_and_two_are_never_named_alike() {
        let ids =
            ["From: The Portal <p@portal.example>\r\n\r\n", "From:\r\n p@portal.example\r\n\r\n", "\r\n"]
                .map(|text| letter(None, &["c@d"], text).unwrap().message_id().to_owned());
        assert!(ids[0].ends_with("@portal.example>") && ids[1].ends_with("@portal.example>"), "{ids:?}");
        assert!(ids[2].ends_with("@localhost>") && ids[0] != ids[1]);
    }

    #[test]
    fn a_link_that_unsubscribes_one_person_goes_to_one_person_and_is_never_touched() {
        let text = "Message-ID: <a@b>\r\nDate: x\r\nList-Unsubscribe: <https://x.example/u?1>\r\n\
                    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n";
        assert_eq!(letter(None, &["c@d"], text).unwrap().message().as_ref(), text.as_bytes());
        let error = letter(None, &["c@d", "e@f"], text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        // By mail the list asks who it was.
        let by_mail = "List-Unsubscribe: <mailto:u@x.example>\r\n\r\n";
        assert!(letter(None, &["c@d", "e@f"], by_mail).is_ok());
    }
}
