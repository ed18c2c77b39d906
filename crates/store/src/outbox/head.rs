//! The header of a message, as far as an outbox has to know it.

/// The names of the header's fields, in small letters. Lines end as they will on the wire, where a bare CR or LF
/// becomes CRLF; the header ends with the first line that is empty or no field (RFC 5322 §2.2).
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let (line, after) = line(rest);
            if line.is_empty() {
                return None;
            }
            // A continuation belongs to the field before it.
            if matches!(line.first(), Some(b' ' | b'\t')) {
                rest = after;
                continue;
            }
            let colon = line.iter().position(|b| *b == b':')?;
            let (name, value) = line.split_at(colon);
            let name = name.trim_ascii_end();
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return None;
            }
            rest = after;
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            // What is folded starts on the next line, and is found there.
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let folded = matches!(rest.first(), Some(b' ' | b'\t')).then(|| self::line(rest).0.trim_ascii());
            return Some((name, if value.is_empty() { folded.unwrap_or_default() } else { value }));
        }
    })
}

/// The first line without its end, and what comes after it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = text.iter().position(|b| matches!(b, b'\r' | b'\n')) else { return (text, &[]) };
    let (line, rest) = text.split_at(at);
    let end = if rest.starts_with(b"\r\n") { 2 } else { 1 };
    (line, rest.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        fields(text.as_bytes()).map(|(name, _)| name).collect()
    }

    #[test]
    fn a_header_ends_where_it_ends_on_the_wire_whatever_its_lines_end_in() {
        for end in ["\r\n", "\n", "\r"] {
            let text =
                ["Date: x", "To: a,", " Message-ID: no", "Subject: y", "", "Message-ID: <no>"].join(end);
            assert_eq!(names(&text), ["date", "to", "subject"], "{end:?}");
        }
        assert_eq!(names("From me\nDate: x"), [""; 0]);
        assert_eq!(names(""), [""; 0]);
        assert_eq!(names("a b: c"), [""; 0]);
        assert_eq!(names("\u{fc}: c"), [""; 0]);
    }

    #[test]
    fn a_value_is_found_behind_its_fold() {
        let text = b"Message-ID:\r\n <a@b>\r\nSubject : x\r\n\r\n";
        let all: Vec<(String, &[u8])> = fields(text).collect();
        assert_eq!(all, [("message-id".into(), &b"<a@b>"[..]), ("subject".into(), b"x")]);
    }
}
