//! Header fields.

/// A Content-Type, or anything of that shape such as a Content-Disposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// `text/plain`, in lower case.
    pub(crate) value: String,
    /// Names in lower case.
    pub(crate) parameters: Vec<(String, String)>,
}

impl ContentType {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Where the body begins: behind the first empty line.
pub(crate) fn body_start(message: &[u8]) -> usize {
    let mut at = 0;
    for line in message.split_inclusive(|&b| b == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return at;
        }
    }
    message.len()
}

/// The fields of a header: the name, and the whole field with its folds and its line end.
pub(crate) fn fields(header: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut close = |from: usize, to: usize| {
        let whole = header.get(from..to).unwrap_or_default();
        if let Some(colon) = whole.iter().position(|&b| b == b':') {
            found.push((whole.get(..colon).unwrap_or_default().trim_ascii_end(), whole));
        }
    };
    for line in header.split_inclusive(|&b| b == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            close(start, at);
            start = at;
        }
        at += line.len();
    }
    close(start, at);
    found
}

/// The unfolded value of the first field of a name.
pub(crate) fn field(header: &[u8], name: &str) -> Option<Vec<u8>> {
    let (found, whole) = fields(header).into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
    let colon = whole.iter().skip(found.len()).position(|&b| b == b':')? + found.len();
    Some(unfold(whole.get(colon + 1..)?))
}

/// A value on one line, without the blanks around it.
pub(crate) fn unfold(value: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect();
    line.trim_ascii().to_vec()
}

/// Reads `type/subtype; name=value; name="value"`. `None` when there is no type worth the name.
pub(crate) fn content_type(value: &[u8]) -> Option<ContentType> {
    let text = String::from_utf8_lossy(value);
    let mut pieces = split_unquoted(&text, ';').into_iter();
    let value = pieces.next()?.trim().to_ascii_lowercase();
    let parameter = |piece: &str| {
        let (name, value) = piece.split_once('=')?;
        let value = value.trim();
        let plain = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).map(unquote);
        Some((name.trim().to_ascii_lowercase(), plain.unwrap_or_else(|| value.to_owned())))
    };
    let parameters = pieces.filter_map(parameter).filter(|(name, _)| !name.is_empty()).take(50).collect();
    (!value.is_empty()).then_some(ContentType { value, parameters })
}

fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
    .collect()
}

fn unquote(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_folds() {
        let header = b"A: 1\r\nSubject:  two\r\n words\r\nnonsense\r\nB : 3\r\n\r\n";
        assert_eq!(field(header, "subject").unwrap(), b"two words");
        assert_eq!(field(header, "B").unwrap(), b"3");
        assert_eq!(field(header, "C"), None);
        assert_eq!(fields(header).len(), 3);
        assert_eq!(body_start(header), header.len());
        assert_eq!(body_start(b"\r\nbody"), 2);
    }

    #[test]
    fn content_types() {
        let parsed = content_type(b"Multipart/Mixed; boundary=\"a;\\\"b\"; Charset=utf-8").unwrap();
        assert_eq!(parsed.value, "multipart/mixed");
        assert_eq!(parsed.parameter("boundary"), Some("a;\"b"));
        assert_eq!(parsed.parameter("charset"), Some("utf-8"));
        assert_eq!(content_type(b""), None);
    }
}
