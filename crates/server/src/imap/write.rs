//! Writing strings: quoted where that is possible, else as a literal.

const LONGEST_QUOTED: usize = 1_000;

/// A string that may be missing.
pub(super) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    if text.len() > LONGEST_QUOTED || !text.iter().all(|b| matches!(b, b' '..=b'~')) {
        return literal(out, text);
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

pub(super) fn literal(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
    out.extend_from_slice(text);
}
