//! The end of DATA and the dots in front of lines, found whatever way the bytes are cut.

/// Undoes dot-stuffing (RFC 5321 §4.5.2). Only CRLF makes a line: a dot after a bare LF is data, so no
/// message can be smuggled in another.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unstuffer {
    /// At the start of a line.
    #[default]
    Start,
    Text,
    /// After a CR.
    Cr,
    /// After a dot that opened a line.
    Dot,
    /// After such a dot and a CR.
    DotCr,
    Ended,
}

impl Unstuffer {
    /// Takes the next bytes of the stream, appends the message's part of them to `message`, and returns how
    /// many it took: all of them, unless the end came before.
    pub(crate) fn feed(&mut self, bytes: &[u8], message: &mut Vec<u8>) -> usize {
        let mut taken = 0;
        for &byte in bytes {
            if *self == Self::Ended {
                break;
            }
            taken += 1;
            *self = match (*self, byte) {
                (Self::Start, b'.') => Self::Dot,
                (Self::Dot, b'\r') => Self::DotCr,
                (Self::DotCr, b'\n') => Self::Ended,
                (state, byte) => {
                    if state == Self::DotCr {
                        message.push(b'\r');
                    }
                    message.push(byte);
                    match (state, byte) {
                        (Self::Cr, b'\n') => Self::Start,
                        (_, b'\r') => Self::Cr,
                        _ => Self::Text,
                    }
                }
            };
        }
        taken
    }

    pub(crate) fn has_ended(self) -> bool {
        self == Self::Ended
    }
}

/// Whether a message has a CR without LF, or an LF without CR.
pub(crate) fn has_bare_newline(message: &[u8]) -> bool {
    let mut previous = 0;
    for &byte in message {
        if (previous == b'\r') != (byte == b'\n') {
            return true;
        }
        previous = byte;
    }
    previous == b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unstuff(pieces: &[&[u8]]) -> (Vec<u8>, bool, usize) {
        let (mut unstuffer, mut message, mut taken) = (Unstuffer::default(), Vec::new(), 0);
        for piece in pieces {
            taken += unstuffer.feed(piece, &mut message);
        }
        (message, unstuffer.has_ended(), taken)
    }

    #[test]
    fn the_end_is_a_dot_between_two_crlfs() {
        assert_eq!(unstuff(&[b".\r\nNEXT"]), (b"".to_vec(), true, 3));
        assert_eq!(unstuff(&[b"a\r\n.\r\n"]), (b"a\r\n".to_vec(), true, 6));
        assert_eq!(unstuff(&[b"..a\r\n..\r\n.\r\n"]).0, b".a\r\n.\r\n");
        assert_eq!(unstuff(&[b".a\r\n.\r\n"]).0, b"a\r\n");
        assert_eq!(unstuff(&[b".\ra\r\n.\r\n"]).0, b"\ra\r\n");
        for not_the_end in
            [b"a\n.\r\n".as_slice(), b"a\r.\r\n", b"a\n.\n", b"a\r\n.\n", b"a\r\n.\r", b"a.\r\n"]
        {
            assert!(!unstuff(&[not_the_end]).1, "{not_the_end:?}");
        }
    }

    #[test]
    fn bare_newlines() {
        assert!(!has_bare_newline(b"a\r\nb\r\n\r\n"));
        for bad in [b"a\n".as_slice(), b"\n", b"a\rb", b"a\r", b"\r\r\n", b"\r\n\n"] {
            assert!(has_bare_newline(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_message_survives_any_cut(lines in prop::collection::vec("[.\\ra-b]{0,4}", 0..20), cut in 1_usize..9) {
            let message: String = lines.iter().map(|l| format!("{}\r\n", l.trim_end_matches('\r'))).collect();
            let mut wire = String::new();
            for line in message.split_inclusive("\r\n") {
                if line.starts_with('.') { wire.push('.') }
                wire.push_str(line);
            }
            wire.push_str(".\r\n");
            let mut pieces: Vec<&[u8]> = wire.as_bytes().chunks(cut).collect();
            pieces.push(b"QUIT\r\n");
            let (got, ended, taken) = unstuff(&pieces);
            prop_assert_eq!(got, message.into_bytes());
            prop_assert!(ended);
            prop_assert_eq!(taken, wire.len());
        }
    }
}
