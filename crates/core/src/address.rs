//! A mailbox address as the envelope carries it.

use crate::{Error, ErrorKind, Phase, Result};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An address that can stand in an envelope: `local@domain`, checked so that it can't break out of its
/// command (RFC 5321 §4.1.2; UTF-8 by RFC 6531 §3.3).
///
/// The local part is a dot-string or a quoted string of at most 64 octets, the domain a name or an address
/// literal of at most 255; control characters, spaces and angle brackets outside a quoted string are
/// refused. Nothing is decoded, folded or rewritten.
/// A clone costs nothing: the text is shared.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Arc<str>);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] naming what is wrong with the text.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text.into())),
            Some(why) => Err(Error::new(
                ErrorKind::InvalidInput,
                Phase::Configure,
                format!("\"{}\" is not a mail address: {why}", text.escape_debug()),
            )
            .with_advice("give one address of the form local@domain, without a display name")),
        }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the last `@`, quotes included.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the last `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// What makes two addresses one mailbox: the local part as it is, since only its server knows what case means in
    /// it, and the domain in small letters (RFC 5321 §2.4).
    pub fn mailbox(&self) -> (&str, String) {
        (self.local(), self.domain().to_lowercase())
    }

    /// True if every octet is ASCII, so that no SMTPUTF8 is needed.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("it holds a control character (line break, NUL, tab …)");
    }
    // U+2028/2029 are line breaks to some software, U+FEFF and friends are invisible, and those that turn the
    // direction of writing make an address look like another.
    let invisible = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if text.chars().any(invisible) {
        return Some("it holds an invisible or line-breaking character");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return Some("there is no @") };
    if local.is_empty() || local.len() > 64 {
        return Some("the part before the @ must be 1 to 64 octets");
    }
    if domain.is_empty() || domain.len() > 255 {
        return Some("the part after the @ must be 1 to 255 octets");
    }
    local_fault(local).or_else(|| domain_fault(domain))
}

fn local_fault(local: &str) -> Option<&'static str> {
    if let Some(rest) = local.strip_prefix('"') {
        let Some(inner) = rest.strip_suffix('"') else { return Some("the quoted part has no closing quote") };
        let mut escaped = false;
        for c in inner.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Some("there is a bare quote inside the quoted part"),
                _ => {}
            }
        }
        return escaped.then_some("the quoted part ends in a backslash");
    }
    let atom = |c: char| {
        !c.is_ascii() && !c.is_whitespace() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    };
    // Consecutive dots are against the RFC and yet in use at large providers; they can break nothing.
    if !local.chars().all(|c| c == '.' || atom(c)) {
        return Some("a character before the @ needs quotes or is not allowed");
    }
    None
}

fn domain_fault(domain: &str) -> Option<&'static str> {
    if let Some(literal) = domain.strip_prefix('[') {
        let Some(inner) = literal.strip_suffix(']') else { return Some("the address literal has no ]") };
        let good = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
        return (inner.is_empty() || !inner.chars().all(good)).then_some("the address literal is malformed");
    }
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| {
                !c.is_ascii() && !c.is_whitespace() || c.is_ascii_alphanumeric() || c == '-' || c == '_'
            })
    };
    (!domain.split('.').all(label)).then_some("the part after the @ is not a domain name")
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_quoted_and_utf8_addresses_are_taken_as_they_are() {
        for text in [
            "a@b.example",
            "o'hara+tag@b",
            "\"two words\"@b.example",
            "grüße@exämple.org",
            "x@[127.0.0.1]",
            "a..b@docomo.example",
        ] {
            assert_eq!(Address::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn whatever_could_leave_its_command_is_refused() {
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b c",
            "a@b\r\nRSET",
            "a\n@b",
            "a@b\0",
            "a@b> SIZE=1",
            "<a@b>",
            "a@b> AUTH=<x>",
            "\"a\r\nb\"@x",
            "\"a@b",
            "\"a\\\"@b",
            "a@-b",
            "a@b..c",
            "a@[1.2",
            "a@b\u{2028}c",
            "a\u{202e}b@c",
            "a\u{2066}b@c",
            "a\u{a0}b@c",
            "a\u{3000}b@c",
            "a@b\u{7f}",
        ] {
            let error = Address::new(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
            assert!(!error.to_string().contains(['\r', '\n', '\0']), "{text:?}");
        }
    }
}
