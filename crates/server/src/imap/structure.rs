//! BODYSTRUCTURE and BODY: RFC 3501 §7.4.2.

use super::envelope;
use super::write::{nstring, string};
use crate::mime::{self, ContentType, Kind, Part};

/// Appends the structure of a part; `extended` for BODYSTRUCTURE.
pub(super) fn write(out: &mut Vec<u8>, message: &[u8], part: &Part, extended: bool) {
    let header = message.get(part.header.clone()).unwrap_or_default();
    out.push(b'(');
    let (main, sub) = part.content.value.split_once('/').unwrap_or(("text", "plain"));
    if let Kind::Multipart(parts) = &part.kind {
        parts.iter().for_each(|inner| write(out, message, inner, extended));
        out.push(b' ');
        string(out, sub.as_bytes());
        if extended {
            out.push(b' ');
            parameters(out, &part.content);
            common_extension(out, header);
        }
    } else {
        single(out, message, part, (main, sub), extended);
        if extended {
            out.push(b' ');
            nstring(out, mime::field(header, "Content-MD5").as_deref());
            common_extension(out, header);
        }
    }
    out.push(b')');
}

fn single(out: &mut Vec<u8>, message: &[u8], part: &Part, (main, sub): (&str, &str), extended: bool) {
    let header = message.get(part.header.clone()).unwrap_or_default();
    let body = message.get(part.body.clone()).unwrap_or_default();
    // A multipart without parts has no form of its own: it goes as plain bytes.
    let (main, sub) = if main == "multipart" { ("application", "octet-stream") } else { (main, sub) };
    string(out, main.as_bytes());
    out.push(b' ');
    string(out, sub.as_bytes());
    out.push(b' ');
    parameters(out, &part.content);
    for name in ["Content-ID", "Content-Description"] {
        out.push(b' ');
        nstring(out, mime::field(header, name).as_deref());
    }
    out.push(b' ');
    let encoding = mime::field(header, "Content-Transfer-Encoding").filter(|value| !value.is_empty());
    string(out, encoding.as_deref().unwrap_or(b"7BIT"));
    out.extend_from_slice(format!(" {}", body.len()).as_bytes());
    let lines = body.iter().filter(|&&b| b == b'\n').count();
    if let Kind::Message(inner) = &part.kind {
        out.push(b' ');
        envelope::write(out, message.get(inner.header.clone()).unwrap_or_default());
        out.push(b' ');
        write(out, message, inner, extended);
        out.extend_from_slice(format!(" {lines}").as_bytes());
    } else if main == "text" {
        out.extend_from_slice(format!(" {lines}").as_bytes());
    }
}

/// Disposition, language, location.
fn common_extension(out: &mut Vec<u8>, header: &[u8]) {
    out.push(b' ');
    let disposition = mime::field(header, "Content-Disposition").and_then(|value| mime::content_type(&value));
    match disposition {
        Some(disposition) => {
            out.push(b'(');
            string(out, disposition.value.as_bytes());
            out.push(b' ');
            parameters(out, &disposition);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    for name in ["Content-Language", "Content-Location"] {
        out.push(b' ');
        nstring(out, mime::field(header, name).as_deref());
    }
}

fn parameters(out: &mut Vec<u8>, content: &ContentType) {
    if content.parameters.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for (at, (name, value)) in content.parameters.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value.as_bytes());
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(message: &[u8]) -> String {
        let mut out = Vec::new();
        write(&mut out, message, &mime::parse(message), true);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn structures() {
        assert_eq!(
            structure(b"A: b\r\n\r\none\r\n"),
            r#"("text" "plain" NIL NIL NIL "7BIT" 5 1 NIL NIL NIL NIL)"#
        );
        let mixed = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: image/png; name=x\r\nContent-Disposition: attachment\r\n\r\nPNG\r\n--b--\r\n";
        assert_eq!(
            structure(mixed),
            concat!(
                r#"(("text" "plain" NIL NIL NIL "7BIT" 3 0 NIL NIL NIL NIL)"#,
                r#"("image" "png" ("name" "x") NIL NIL "7BIT" 3 NIL ("attachment" NIL) NIL NIL)"#,
                r#" "mixed" ("boundary" "b") NIL NIL NIL)"#
            )
        );
    }
}
