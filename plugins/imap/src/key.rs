//! Message keys: `imap:<user@host>/<mailbox>/<uidvalidity>/<uid>`.

use postrider_core::{Error, ErrorKind, MessageId, Phase, Result};

/// What a message key stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) validity: u32,
    pub(crate) uid: u32,
}

impl Key {
    /// Reads the key of a message in this mailbox of this account. Each message has one key: other spellings
    /// of its numbers are none.
    ///
    /// # Errors
    /// `InvalidInput`, naming what is wrong.
    pub(crate) fn read(id: &MessageId, own_account: &str, own_mailbox: &str) -> Result<Self> {
        let [account, mailbox, validity, uid] = id.parts::<4>("imap")?;
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0 && n.to_string() == text);
        let what = if account != own_account {
            format!("the key belongs to the account {}, not to {own_account}", account.escape_debug())
        } else if mailbox != own_mailbox {
            format!("the key belongs to the mailbox {}, not to {own_mailbox}", mailbox.escape_debug())
        } else if let (Some(validity), Some(uid)) = (number(&validity), number(&uid)) {
            return Ok(Self { validity, uid });
        } else {
            format!("\"{}\" is not a message key of this transport", id.as_str().escape_debug())
        };
        Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
            .with_advice("use the keys that list() of the same transport gave"))
    }

    /// How every key of a mailbox begins.
    pub(crate) fn prefix(account: &str, mailbox: &str) -> String {
        MessageId::new("imap", [account, mailbox, ""]).as_str().to_owned()
    }

    /// Reads a key that begins like this; `None` if it does not, or its numbers are not as [`id`](Self::id) writes
    /// them.
    pub(crate) fn with_prefix(id: &MessageId, prefix: &str) -> Option<Self> {
        let (validity, uid) = id.as_str().strip_prefix(prefix)?.split_once('/')?;
        Some(Self { validity: plain_number(validity)?, uid: plain_number(uid)? })
    }

    /// The UID of a key that begins like this, with the UIDVALIDITY and the slash behind it.
    pub(crate) fn uid(id: &MessageId, prefix: &str) -> Option<u32> {
        plain_number(id.as_str().strip_prefix(prefix)?)
    }

    /// The key as text, of the mailbox whose keys begin like this.
    pub(crate) fn id(self, prefix: &str) -> MessageId {
        let mut text = String::with_capacity(prefix.len() + 22);
        text.push_str(prefix);
        push_number(&mut text, self.validity);
        text.push('/');
        push_number(&mut text, self.uid);
        // A prefix and two numbers are a key; if they were not, the long way writes one.
        MessageId::parse(&text).unwrap_or_else(|_| MessageId::new("imap", [text.as_str()]))
    }
}

/// Adds a number in digits: as `write!` does, in a tenth of the time, for a listing has two for each message.
fn push_number(text: &mut String, number: u32) {
    let mut power = 1;
    while number / 10 >= power {
        power *= 10;
    }
    while power > 0 {
        text.push(char::from(b'0' + u8::try_from(number / power % 10).unwrap_or(0)));
        power /= 10;
    }
}

/// A number from 1 to 4294967295 without leading zeros.
fn plain_number(text: &str) -> Option<u32> {
    let mut number = 0u32;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || (number == 0 && digit == 0) {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    Some(number).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_everywhere() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, 4_294_967_295] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn a_key_comes_back_and_no_other_spelling_does() {
        let key = Key { validity: 4_294_967_295, uid: 1 };
        let id = key.id(&Key::prefix("me@h", "Entwürfe/x"));
        assert_eq!(id.as_str(), "imap:me@h/Entw%C3%BCrfe%2Fx/4294967295/1");
        assert_eq!(Key::read(&id, "me@h", "Entwürfe/x").unwrap(), key);
        assert_eq!(Key::with_prefix(&id, &Key::prefix("me@h", "Entwürfe/x")), Some(key));
        for bad in [
            "imap:me@h/a/01/1",
            "imap:me@h/a/1/0",
            "imap:me@h/a/1/+1",
            "imap:me@h/a/1/4294967296",
            "imap:me@h/a/1",
            "imap:you@h/a/1/1",
            "imap:me@h/b/1/1",
            "pop3:me@h/a/1/1",
            "imap:me@h/a/1/*",
        ] {
            let id = MessageId::parse(bad).unwrap();
            assert_eq!(Key::read(&id, "me@h", "a").unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
            assert_eq!(Key::with_prefix(&id, &Key::prefix("me@h", "a")), None, "{bad}");
        }
    }
}
