//! Content-Transfer-Encoding, for BINARY.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes a body; `None` for an encoding unknown or broken.
pub(crate) fn decode(body: &[u8], encoding: &str) -> Option<Vec<u8>> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "7bit" | "8bit" | "binary" => Some(body.to_vec()),
        "base64" => {
            let compact: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            LENIENT.decode(compact).ok()
        }
        "quoted-printable" => Some(quoted_printable(body)),
        _ => None,
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|&b| b == b'\n') {
        let ending: &[u8] = if line.ends_with(b"\r\n") {
            b"\r\n"
        } else if line.ends_with(b"\n") {
            b"\n"
        } else {
            b""
        };
        let mut text = line.strip_suffix(ending).unwrap_or(line).trim_ascii_end();
        let soft = text.ends_with(b"=");
        text = text.strip_suffix(b"=").unwrap_or(text);
        while let Some((&byte, rest)) = text.split_first() {
            let escaped = rest.first_chunk::<2>().filter(|_| byte == b'=').and_then(|hex| {
                std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            });
            plain.push(escaped.unwrap_or(byte));
            text = if escaped.is_some() { rest.get(2..).unwrap_or_default() } else { rest };
        }
        if !soft {
            plain.extend_from_slice(ending);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(decode(b"aGVs\r\nbG8=\r\n", "BASE64").unwrap(), b"hello");
        assert_eq!(decode(b"a=3Db=\r\nc =\r\nd=zz\r\n", "quoted-printable").unwrap(), b"a=bc d=zz\r\n");
        assert_eq!(decode(b"x", "8bit").unwrap(), b"x");
        assert_eq!(decode(b"x", "x-uuencode"), None);
    }
}
