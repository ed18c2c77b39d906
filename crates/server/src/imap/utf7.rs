//! Mailbox names in modified UTF-7 (RFC 3501 §5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Decodes a name; `None` if it isn't one.
pub(super) fn decode(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.is_ascii())?;
    let mut pieces = name.split('&');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (encoded, rest) = piece.split_once('-')?;
        if encoded.is_empty() {
            plain.push('&');
        } else {
            let bytes = BASE64.decode(encoded).ok()?;
            let units: Vec<u16> =
                bytes.chunks(2).map(|c| c.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
            if bytes.len() % 2 == 1 {
                return None;
            }
            plain.push_str(&String::from_utf16(&units).ok()?);
        }
        plain.push_str(rest);
    }
    Some(plain)
}

/// Encodes a name.
pub(super) fn encode(name: &str) -> String {
    let (mut encoded, mut pending) = (String::new(), Vec::new());
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift(&mut encoded, &mut pending);
            encoded.push(c);
            encoded.push_str(if c == '&' { "-" } else { "" });
        } else {
            pending.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift(&mut encoded, &mut pending);
    encoded
}

fn shift(encoded: &mut String, pending: &mut Vec<u8>) {
    if !pending.is_empty() {
        encoded.push('&');
        BASE64.encode_string(std::mem::take(pending), encoded);
        encoded.push('-');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let name = "~peter/mail/台北/日本語";
        assert_eq!(encode(name), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").as_deref(), Some(name));
        assert_eq!(encode("a&b"), "a&-b");
        assert_eq!(decode(b"&Jjo"), None);
        assert_eq!(decode("é".as_bytes()), None);
    }

    proptest! {
        #[test]
        fn there_and_back(name in any::<String>()) {
            prop_assert_eq!(decode(encode(&name).as_bytes()), Some(name));
        }

        #[test]
        fn garbage_never_panics(bytes in any::<Vec<u8>>()) {
            decode(&bytes);
        }
    }
}
