//! What a line of a response says of literals, without a look at what was before it.

use super::Fault;
use super::fetch::origin;

/// `BODY[]<18446744073709551615>` and what is before it.
const LONGEST_NAME: usize = 30;

pub(super) fn trim_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// The literal that a line announces at its end: what is before it, and its size.
pub(super) fn literal(line: &[u8]) -> Result<Option<(&[u8], u64)>, Fault> {
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let Some(open) = memchr::memrchr(b'{', inner) else { return Ok(None) };
    let (before, digits) = inner.split_at(open);
    let digits = digits.get(1..).unwrap_or_default();
    let sizelike =
        !digits.is_empty() && digits.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
    if !sizelike {
        return Ok(None);
    }
    let size = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let Some(size) = size.and_then(|d| d.parse::<u64>().ok()) else {
        let shown = String::from_utf8_lossy(digits.get(..40).unwrap_or(digits)).into_owned();
        return Err(Fault::limit(format!("the server announced a literal of impossible size: {{{shown}}}")));
    };
    Ok(Some((before.strip_suffix(b"~").unwrap_or(before), size)))
}

/// True for untagged responses other than the status ones. Looks at the first bytes alone: this is asked
/// again at every literal.
pub(super) fn is_data(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"* ") else { return false };
    let status = |word: &[u8]| {
        let (start, next) = (rest.get(..word.len()), rest.get(word.len()));
        start.is_some_and(|s| s.eq_ignore_ascii_case(word)) && next.is_none_or(|b| *b == b' ')
    };
    ![&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].into_iter().any(status)
}

/// From which byte on the literal that is announced at `end` is the message, by what it is called; `None` if it is
/// something else.
pub(super) fn body_at(text: &[u8], end: usize) -> Option<u64> {
    let head = text.get(..end).unwrap_or_default().trim_ascii_end();
    let name = head.get(head.len().saturating_sub(LONGEST_NAME)..).unwrap_or_default();
    origin(name.rsplit(|b| matches!(b, b' ' | b'(')).next().unwrap_or_default())
}
