//! One line of a listing, LIST or UIDL (RFC 1939 §5, §7).

use postrider_core::{Error, ErrorKind, Phase, Result};

/// How far a name can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A UIDL as RFC 1939 §7 has it: the message in every session.
    Stable,
    /// Made from the message or not as the RFC has it, but the only one of its kind now.
    Likely,
    /// Holds for this session alone.
    Session,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) size: Option<u64>,
    pub(crate) trust: Trust,
    pub(crate) deleted: bool,
    // Where in the text its name is; empty as long as it has none.
    pub(crate) start: u32,
    pub(crate) len: u16,
}

impl Entry {
    /// One without a name.
    pub(crate) fn new(number: u32) -> Self {
        Self { number, size: None, trust: Trust::Session, deleted: false, start: 0, len: 0 }
    }
}

/// A message number from 1 up, and what follows the blanks after it.
pub(crate) fn number(line: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = digits(line)?;
    let number = u32::try_from(number).ok().filter(|n| *n > 0)?;
    match rest.first() {
        None => Some((number, rest)),
        Some(b' ') => match rest {
            [b' ', first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => {
                Some((number, rest.get(1..).unwrap_or_default()))
            }
            _ => Some((number, rest.trim_ascii())),
        },
        Some(_) => None,
    }
}

/// The size in a line of LIST. One nobody can read is none; it is not a promise anyway.
pub(crate) fn size(rest: &[u8]) -> Option<u64> {
    digits(rest).filter(|(_, rest)| rest.first().is_none_or(|b| *b == b' ')).map(|(size, _)| size)
}

/// A number of at least one digit, and the rest.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut rest) = (0u64, text);
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = behind;
    }
    (rest.len() < text.len()).then_some((number, rest))
}

/// Puts them in order; a number given twice is an error.
pub(crate) fn sort(entries: &mut [Entry], what: &str) -> Result<()> {
    if entries.is_sorted_by(|a, b| a.number < b.number) {
        return Ok(());
    }
    entries.sort_by_key(|e| e.number);
    match entries.windows(2).find(|w| matches!(w, [a, b] if a.number == b.number)) {
        Some(_) => Err(Error::new(
            ErrorKind::Protocol,
            Phase::List,
            format!("the server gives two messages one number in its {what} listing"),
        )),
        None => Ok(()),
    }
}

/// The error of a line that is none. The driver adds the line: it knows what may be shown.
pub(crate) fn malformed(what: &str) -> Error {
    let what = format!("the server's {what} listing has a line that is none");
    Error::new(ErrorKind::Protocol, Phase::List, what)
}
