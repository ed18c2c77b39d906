//! ENVELOPE: RFC 3501 §7.4.2.

use super::write::{nstring, string};
use crate::mime;

/// Appends the envelope of a header.
pub(super) fn write(out: &mut Vec<u8>, header: &[u8]) {
    out.push(b'(');
    for name in ["Date", "Subject"] {
        nstring(out, mime::field(header, name).as_deref());
        out.push(b' ');
    }
    // Without one of their own, Sender and Reply-To are From.
    for name in ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"] {
        let own = mime::field(header, name).filter(|value| !value.is_empty());
        let value = match name {
            "Sender" | "Reply-To" => own.or_else(|| mime::field(header, "From")),
            _ => own,
        };
        addresses(out, value.as_deref());
        out.push(b' ');
    }
    nstring(out, mime::field(header, "In-Reply-To").as_deref());
    out.push(b' ');
    nstring(out, mime::field(header, "Message-ID").as_deref());
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let list = value.map(mime::addresses).unwrap_or_default();
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for mime::Address { name, mailbox, host } in &list {
        out.push(b'(');
        nstring(out, name.as_deref().map(str::as_bytes));
        out.extend_from_slice(b" NIL ");
        nstring(out, mailbox.as_deref().map(str::as_bytes));
        out.push(b' ');
        match host {
            Some(host) => string(out, host.as_bytes()),
            None => out.extend_from_slice(b"NIL"),
        }
        out.push(b')');
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_envelope() {
        let mut out = Vec::new();
        super::write(&mut out, b"From: A <a@b>\r\nTo: c@d\r\nSubject: \"x\"\r\n\r\n");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"(NIL "\"x\"" (("A" NIL "a" "b")) (("A" NIL "a" "b")) (("A" NIL "a" "b")) ((NIL NIL "c" "d")) NIL NIL NIL NIL)"#
        );
    }
}
