//! Message bodies on SMTP and POP3 lines: dot-stuffing both ways (RFC 5321 §4.5.2, RFC 1939 §3). Pure.

mod encoder;
mod look;

pub use encoder::{Encoder, LineEnds};

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A piece smaller than this is put together with those behind it.
const SMALL: usize = 512;
/// Until there is about this much.
const JOINED: usize = 8 * 1024;

/// What ends a piece, ready to be searched for.
static LINE_THEN_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Reads a dot-stuffed body off the line.
#[derive(Debug, Default)]
pub struct Decoder {
    inside_line: bool,
    ended: bool,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes from `input` what can be decoded now: the next piece of the body, `None` if more must be read
    /// first or the body has ended.
    pub fn decode(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        let first = self.piece(input)?;
        if first.len() >= SMALL {
            return Some(first.freeze());
        }
        // A dot is cut out of the buffer, and a body of many must not become as many pieces.
        let mut joined = BytesMut::new();
        while joined.len() < JOINED
            && let Some(next) = self.piece(input)
        {
            if joined.is_empty() {
                joined.reserve(JOINED);
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&next);
        }
        Some(if joined.is_empty() { first } else { joined }.freeze())
    }

    /// The next piece without a dot to be left out.
    fn piece(&mut self, input: &mut BytesMut) -> Option<BytesMut> {
        if self.ended {
            return None;
        }
        if !self.inside_line {
            match (input.first(), input.get(1), input.get(2)) {
                (None, ..) | (Some(b'.'), None, _) | (Some(b'.'), Some(b'\r'), None) => return None,
                (Some(b'.'), Some(b'\r'), Some(b'\n')) => {
                    let _ = input.split_to(3);
                    self.ended = true;
                    return None;
                }
                (Some(b'.'), ..) => {
                    let _ = input.split_to(1);
                }
                _ => {}
            }
            self.inside_line = true;
        }
        // Within a line, all is text up to a CRLF that a dot follows, or that the buffer ends with.
        let end = match LINE_THEN_DOT.find(input) {
            Some(at) => {
                self.inside_line = false;
                at + 2
            }
            None if input.ends_with(b"\r\n") => {
                self.inside_line = false;
                input.len()
            }
            None if input.ends_with(b"\r") => input.len() - 1,
            None => input.len(),
        };
        (end > 0).then(|| input.split_to(end))
    }

    /// True once the terminator has been read.
    pub fn is_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = Encoder::new(LineEnds::Normalise);
        let mut out = BytesMut::new();
        for piece in pieces {
            encoder.encode(piece, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        out.to_vec()
    }

    fn decode(bytes: &[u8], step: usize) -> (Vec<u8>, bool, usize) {
        let (mut decoder, mut input, mut out) = (Decoder::new(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(step) {
            input.extend_from_slice(piece);
            while let Some(piece) = decoder.decode(&mut input) {
                out.extend_from_slice(&piece);
            }
        }
        (out, decoder.is_ended(), input.len())
    }

    #[test]
    fn no_body_can_end_the_data_early() {
        for x in ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\0"] {
            for y in ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n"] {
                let body = format!("a{x}.{y}b");
                let out = encode(&[body.as_bytes()]);
                let ends: Vec<_> = memchr::memmem::find_iter(&out, b"\r\n.\r\n").collect();
                assert_eq!(ends, [out.len() - 5], "{body:?}");
            }
        }
    }

    #[test]
    fn the_end_of_data_is_one_whatever_the_last_line_is() {
        assert_eq!(encode(&[b""]), b".\r\n");
        assert_eq!(encode(&[b"a"]), b"a\r\n.\r\n");
        assert_eq!(encode(&[b"a\r\n"]), b"a\r\n.\r\n");
        assert_eq!(encode(&[b"a\r"]), b"a\r\n.\r\n");
        assert_eq!(encode(&[b".", b".\n", b"."]), b"...\r\n..\r\n.\r\n");
        let mut strict = Encoder::new(LineEnds::Refuse);
        assert!(strict.encode(b"a\r\nb\nc", &mut BytesMut::new()).is_err());
    }

    #[test]
    fn a_cut_body_never_looks_complete() {
        let wire = b"Subject: x\r\n\r\n..dot\r\nbare\nlf .\r\n..\r\n.\r\n";
        for n in 0..wire.len() {
            assert!(!decode(&wire[..n], 1).1, "{n}");
        }
        assert_eq!(decode(wire, 3), (b"Subject: x\r\n\r\n.dot\r\nbare\nlf .\r\n.\r\n".to_vec(), true, 0));
        assert_eq!(decode(b".\r\n+OK next", 1000), (Vec::new(), true, 8));
    }

    #[test]
    fn a_body_of_dots_comes_in_few_pieces_and_an_ordinary_one_is_not_copied() {
        let (mut decoder, mut input) = (Decoder::new(), BytesMut::from(&b"..\r\n".repeat(16_384)[..]));
        let mut pieces = Vec::new();
        while let Some(piece) = decoder.decode(&mut input) {
            pieces.push(piece);
        }
        assert!(pieces.len() <= 7, "{} pieces", pieces.len());
        assert_eq!(pieces.concat(), b".\r\n".repeat(16_384));
        let mut input = BytesMut::from(&b"a line\r\n".repeat(8_192)[..]);
        let start = input.as_ptr();
        let whole = Decoder::new().decode(&mut input).unwrap();
        assert!(std::ptr::eq(whole.as_ptr(), start) && whole.len() == 65_536);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_normalised_body_however_it_is_cut(
            body in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200),
            at in 0usize..200, step in 1usize..9,
        ) {
            let whole = encode(&[&body]);
            let at = at.min(body.len());
            prop_assert_eq!(&encode(&[&body[..at], &body[at..]]), &whole);
            let one_by_one: Vec<&[u8]> = body.chunks(1).collect();
            prop_assert_eq!(&encode(&one_by_one), &whole);
            let (text, ended, rest) = decode(&whole, step);
            prop_assert!(ended && rest == 0);
            let mut want = Vec::new();
            let mut bytes = body.iter().peekable();
            while let Some(b) = bytes.next() {
                match b {
                    b'\r' => { if bytes.peek() == Some(&&b'\n') { bytes.next(); } want.extend(b"\r\n"); }
                    b'\n' => want.extend(b"\r\n"),
                    b => want.push(*b),
                }
            }
            if !want.is_empty() && !want.ends_with(b"\r\n") { want.extend(b"\r\n"); }
            prop_assert_eq!(text, want);
        }
    }
}
