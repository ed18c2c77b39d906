//! The tree of parts.

use std::ops::Range;

use super::{ContentType, body_start, content_type, field};

const DEEPEST: usize = 20;
const MOST_PARTS: usize = 1_000;

/// A part, as ranges of the message's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
    pub(crate) content: ContentType,
    pub(crate) kind: Kind,
}

/// What is inside a part.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Leaf,
    Multipart(Vec<Part>),
    Message(Box<Part>),
}

impl Part {
    /// The part that IMAP numbers `1.2`. In a message without parts, `1` is its body.
    pub(crate) fn find(&self, path: &[u32]) -> Option<&Part> {
        let Some((&number, rest)) = path.split_first() else { return Some(self) };
        match &self.kind {
            Kind::Multipart(parts) => parts.get(usize::try_from(number).ok()?.checked_sub(1)?)?.below(rest),
            Kind::Leaf | Kind::Message(_) if number == 1 => self.below(rest),
            _ => None,
        }
    }

    fn below(&self, path: &[u32]) -> Option<&Part> {
        match &self.kind {
            _ if path.is_empty() => Some(self),
            Kind::Multipart(_) => self.find(path),
            Kind::Message(inner) => inner.find(path),
            Kind::Leaf => None,
        }
    }
}

/// Takes a message apart, within bounds of depth and number.
pub(crate) fn parse(message: &[u8]) -> Part {
    let mut left = MOST_PARTS;
    part(message, 0..message.len(), DEEPEST, &mut left, "text/plain")
}

fn part(message: &[u8], range: Range<usize>, depth: usize, left: &mut usize, default: &str) -> Part {
    let bytes = message.get(range.clone()).unwrap_or_default();
    let split = range.start + body_start(bytes);
    let (header, body) = (range.start..split, split..range.end);
    let value = field(message.get(header.clone()).unwrap_or_default(), "Content-Type");
    let fallback = ContentType { value: default.into(), parameters: Vec::new() };
    let content = value
        .and_then(|value| content_type(&value))
        .filter(|c| c.value.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()))
        .unwrap_or(fallback);
    let mut kind = Kind::Leaf;
    if depth > 0 && content.value == "message/rfc822" && *left > 0 {
        *left -= 1;
        kind = Kind::Message(Box::new(part(message, body.clone(), depth - 1, left, "text/plain")));
    } else if let Some(boundary) = content.parameter("boundary").filter(|_| depth > 0)
        && content.value.starts_with("multipart/")
    {
        let default = if content.value == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut parts = Vec::new();
        for range in pieces(message, body.clone(), boundary) {
            if *left > 0 {
                *left -= 1;
                parts.push(part(message, range, depth - 1, left, default));
            }
        }
        if !parts.is_empty() {
            kind = Kind::Multipart(parts);
        }
    }
    Part { header, body, content, kind }
}

/// What lies between the boundary lines. The line end in front of one belongs to it (RFC 2046 §5.1.1).
fn pieces(message: &[u8], body: Range<usize>, boundary: &str) -> Vec<Range<usize>> {
    let delimiter = format!("--{boundary}");
    let (mut found, mut start, mut at) = (Vec::new(), None, body.start);
    let bytes = message.get(body.clone()).unwrap_or_default();
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        if let Some(rest) = line.strip_prefix(delimiter.as_bytes()) {
            let last = rest.starts_with(b"--");
            if last || rest.trim_ascii().is_empty() {
                if let Some(from) = start {
                    found.push(from..before_newline(message, from, at));
                }
                start = Some(at + line.len());
                if last {
                    return found;
                }
            }
        }
        at += line.len();
    }
    // A multipart cut short: what there is, is a part.
    found.extend(start.filter(|&from| from < body.end).map(|from| from..body.end));
    found
}

fn before_newline(message: &[u8], from: usize, to: usize) -> usize {
    let text = message.get(from..to).unwrap_or_default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    from + text.strip_suffix(b"\r").unwrap_or(text).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIXED: &[u8] =
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nfor old readers\r\n--b\r\n\r\none\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n--b--\r\nepilogue";

    #[test]
    fn parts_are_found_by_number() {
        let root = parse(MIXED);
        let text = |path: &[u32]| {
            root.find(path).map(|p| String::from_utf8_lossy(&MIXED[p.body.clone()]).into_owned())
        };
        assert_eq!(text(&[1]).as_deref(), Some("one"));
        assert_eq!(text(&[2]).as_deref(), Some("Subject: in\r\n\r\ninner"));
        assert_eq!(text(&[2, 1]).as_deref(), Some("inner"));
        assert_eq!(text(&[3]), None);
        assert_eq!(text(&[0]), None);
        assert_eq!(text(&[1, 1]), None);
        assert!(parse(b"A: b\r\n\r\nx").find(&[1]).is_some());
    }

    #[test]
    fn a_bomb_of_parts_is_bounded() {
        let bomb =
            [b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".as_slice(), &b"--b\r\n\r\n".repeat(5_000)]
                .concat();
        let Kind::Multipart(parts) = parse(&bomb).kind else { panic!("no parts") };
        assert!(parts.len() <= MOST_PARTS);
        parse(&b"Content-Type: message/rfc822\r\n\r\n".repeat(5_000));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in any::<Vec<u8>>(), lines in prop::collection::vec("(--b|--b--|Content-Type: (message/rfc822|multipart/mixed; boundary=b)|)\r?\n", 0..20)) {
            parse(&bytes);
            parse(lines.concat().as_bytes());
        }
    }
}
