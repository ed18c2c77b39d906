//! The form that nearly all servers give the answer to `UID FETCH … (UID BODY.PEEK[])`, read where it lies.
//!
//! Whatever differs from it in one byte is left to the framer and the lexer; so this can only be faster, never another
//! reading.

/// What stands behind the literal.
pub(super) const TAIL: &[u8] = b")\r\n";

/// The first line of such a response.
#[derive(Debug, PartialEq)]
pub(super) struct Start {
    pub(super) uid: u32,
    pub(super) size: u64,
    /// Of the line, with its end.
    pub(super) length: usize,
}

/// Reads `* 12 FETCH (UID 345 BODY[] {4096}` at the front of `input`; `None` if it is anything else, or not all there.
pub(super) fn head(input: &[u8]) -> Option<Start> {
    let (_, rest) = digits(input.strip_prefix(b"* ")?)?;
    let (uid, rest) = digits(rest.strip_prefix(b" FETCH (UID ")?)?;
    let (size, rest) = digits(rest.strip_prefix(b" BODY[] {")?)?;
    let rest = rest.strip_prefix(b"}\r\n")?;
    let uid = u32::try_from(uid).ok().filter(|uid| *uid > 0)?;
    Some(Start { uid, size, length: input.len() - rest.len() })
}

/// Whether a response ends here; `None` if that can't be told yet.
pub(super) fn tail(input: &[u8]) -> Option<bool> {
    if input.len() >= TAIL.len() {
        return Some(input.starts_with(TAIL));
    }
    (!TAIL.starts_with(input)).then_some(false)
}

/// The beginning of the response as the framer would have kept it, its literal left out.
pub(super) fn rebuilt(uid: u32) -> String {
    format!("* 1 FETCH (UID {uid} BODY[] {{0}}\r\n")
}

/// One to fifteen digits.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in text.iter().enumerate().take(16) {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            _ => return text.get(at..).filter(|_| at > 0).map(|rest| (number, rest)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_is_read_and_only_when_all_of_it_is_there() {
        let line = b"* 12 FETCH (UID 345 BODY[] {4096}\r\n";
        let start = Some(Start { uid: 345, size: 4096, length: line.len() });
        assert_eq!(head(&[&line[..], b"Subject: x"].concat()), start);
        for end in 0..line.len() {
            assert_eq!(head(&line[..end]), None, "{end}");
        }
        for other in [
            "* 12 FETCH (UID 0 BODY[] {1}\r\n",
            "* 12 FETCH (UID 4294967296 BODY[] {1}\r\n",
            "* 12 FETCH (UID 1 BODY[] {1234567890123456}\r\n",
            "* 12 FETCH (UID 1 BODY[] {-1}\r\n",
            "* 12 FETCH (UID 1 BODY[] {1+}\r\n",
            "* 12 FETCH (UID 1 BODY[] {1}\n",
            "* 12 FETCH (UID 1 BODY[1] {1}\r\n",
            "*  FETCH (UID 1 BODY[] {1}\r\n",
            "* 12 FETCH (UID 1 FLAGS () BODY[] {1}\r\n",
        ] {
            assert_eq!(head(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_end_is_told_as_soon_as_it_can_be() {
        for (text, end) in
            [("", None), (")", None), (")\r", None), (")\r\n* 1", Some(true)), (" ", Some(false))]
        {
            assert_eq!(tail(text.as_bytes()), end, "{text:?}");
        }
        assert_eq!((tail(b"))"), tail(b")\n*")), (Some(false), Some(false)));
    }
}
