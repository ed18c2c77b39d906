//! Mailbox names in modified UTF-7 (RFC 3501 §5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// The name as it travels.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut wide: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift_out(&mut wide, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                wide.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    shift_out(&mut wide, &mut out);
    out
}

fn shift_out(wide: &mut Vec<u8>, out: &mut String) {
    if !wide.is_empty() {
        out.push('&');
        out.push_str(&BASE64.encode(&wide));
        out.push('-');
        wide.clear();
    }
}

/// The name that travelled; `None` if it is not exactly what [`encode`] makes: two spellings of one name
/// would be two keys of one message. A name with control characters is not taken either.
pub(crate) fn decode(name: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'&' {
            out.push(char::from(*first));
            rest = tail;
            continue;
        }
        let end = memchr::memchr(b'-', tail)?;
        let (shifted, after) = tail.split_at(end);
        rest = after.get(1..)?;
        if shifted.is_empty() {
            out.push('&');
            continue;
        }
        let wide = BASE64.decode(shifted).ok()?;
        if wide.len() % 2 != 0 {
            return None;
        }
        let units = wide.chunks_exact(2).map(|pair| match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        });
        for c in char::decode_utf16(units) {
            out.push(c.ok()?);
        }
    }
    (!out.chars().any(char::is_control) && encode(&out).as_bytes() == name).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_travel_as_the_rfc_shows_them() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("R&D", "R&-D"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_has_another_spelling_is_not_decoded() {
        for bad in [
            "a&b",
            "&",
            "&AP",
            "&APw",
            "&A-",
            "&AGE-",
            "&APw-&APw-",
            "&2D0-",
            "&AAo-",
            "a\u{7f}",
            "ü",
            "&APx-",
            "&AP/-",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "\\PC*") {
            prop_assume!(!name.chars().any(char::is_control));
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert_eq!(decode(wire.as_bytes()), Some(name));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
