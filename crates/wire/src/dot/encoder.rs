//! Message bodies on their way to SMTP lines. Pure.

use super::look::{find_dots, is_canonical};
use bytes::BytesMut;
use postrider_core::{Error, ErrorKind, Phase, Result};

/// What becomes of a CR or LF that stands alone in an outgoing body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// It becomes CRLF.
    #[default]
    Normalise,
    /// It is an error.
    Refuse,
}

/// Blocks of this size are looked through at once, and those with nothing to change are copied as they are.
const BLOCK: usize = 3 * 1024;

/// Writes a body so that only CRLF ends a line; and, with dots, that no line is the terminator and the
/// terminator comes once.
#[derive(Debug)]
pub struct Encoder {
    line_ends: LineEnds,
    // False for BDAT (RFC 3030), which tells the length instead.
    dots: bool,
    at_line_start: bool,
    // A CR at the end of a chunk: what it is depends on the next byte.
    pending_cr: bool,
    // Whether bytes above 127 are of interest, and have been seen.
    watched: bool,
    eight_bit: bool,
    // Where in a block the dots stand that are doubled.
    places: Vec<usize>,
}

impl Encoder {
    /// An encoder at the start of a body that a dot ends.
    pub fn new(line_ends: LineEnds) -> Self {
        Self {
            line_ends,
            dots: true,
            at_line_start: true,
            pending_cr: false,
            watched: true,
            eight_bit: false,
            places: Vec::new(),
        }
    }

    /// An encoder at the start of a body whose length is told beforehand (BDAT, RFC 3030): dots are as they
    /// are, and there is no terminator.
    pub fn without_dots(line_ends: LineEnds) -> Self {
        Self { dots: false, ..Self::new(line_ends) }
    }

    /// The same encoder, for whoever does not ask whether the body [is eight-bit](Self::is_eight_bit).
    pub fn unwatched(mut self) -> Self {
        self.watched = false;
        self
    }

    /// Appends the next chunk to `out`, encoded. The result does not depend on how the body is cut up.
    ///
    /// # Errors
    /// `Body` for a lone CR or LF if they are refused.
    pub fn encode(&mut self, mut chunk: &[u8], out: &mut BytesMut) -> Result<()> {
        out.reserve(chunk.len() + 64);
        while !chunk.is_empty() {
            let mut end = chunk.len().min(BLOCK);
            // A CRLF stays in one block.
            if end < chunk.len() && chunk.get(end - 1) == Some(&b'\r') {
                end -= 1;
            }
            let (block, rest) = chunk.split_at(end);
            self.watch(block);
            if self.is_canonical(block) && !self.pending_cr {
                self.stuff(block, out);
            } else {
                self.rewrite(block, out)?;
            }
            chunk = rest;
        }
        Ok(())
    }

    /// True if the next chunk is encoded as it stands. It counts as encoded then: the caller takes it over.
    pub fn passes(&mut self, chunk: &[u8]) -> bool {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return !self.pending_cr };
        let dotted = self.dots && self.at_line_start && *first == b'.';
        if self.pending_cr || dotted || !self.is_canonical(chunk) || !self.places.is_empty() {
            return false;
        }
        self.watch(chunk);
        self.at_line_start = *last == b'\n';
        true
    }

    /// True if the line ends of a block are right. Its dots that have to be doubled, but for the first byte, are known
    /// then.
    fn is_canonical(&mut self, block: &[u8]) -> bool {
        if self.dots { find_dots(block, &mut self.places) } else { is_canonical(block) }
    }

    /// Appends a block whose line ends are right, and whose dots are known.
    fn stuff(&mut self, block: &[u8], out: &mut BytesMut) {
        if self.dots && self.at_line_start && block.first() == Some(&b'.') {
            out.extend_from_slice(b".");
        }
        let mut from = 0;
        for at in self.places.drain(..) {
            out.extend_from_slice(block.get(from..at).unwrap_or_default());
            out.extend_from_slice(b".");
            from = at;
        }
        out.extend_from_slice(block.get(from..).unwrap_or_default());
        self.at_line_start = block.last() == Some(&b'\n');
    }

    fn rewrite(&mut self, mut chunk: &[u8], out: &mut BytesMut) -> Result<()> {
        while let Some(first) = chunk.first() {
            if self.pending_cr {
                self.pending_cr = false;
                if *first == b'\n' {
                    chunk = chunk.get(1..).unwrap_or_default();
                } else {
                    self.lone()?;
                }
                out.extend_from_slice(b"\r\n");
                self.at_line_start = true;
                continue;
            }
            if self.dots && self.at_line_start && *first == b'.' {
                out.extend_from_slice(b".");
            }
            let end = memchr::memchr2(b'\r', b'\n', chunk).unwrap_or(chunk.len());
            let (text, rest) = chunk.split_at(end);
            out.extend_from_slice(text);
            self.at_line_start &= text.is_empty();
            chunk = rest;
            match chunk.first() {
                Some(b'\r') => {
                    self.pending_cr = true;
                    chunk = chunk.get(1..).unwrap_or_default();
                }
                Some(_) => {
                    self.lone()?;
                    out.extend_from_slice(b"\r\n");
                    self.at_line_start = true;
                    chunk = chunk.get(1..).unwrap_or_default();
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Appends the end of the body: a line end if the last line has none, and the terminator if there is one. The next
    /// body may begin then.
    ///
    /// # Errors
    /// `Body` for a lone CR at the end if it is refused.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<()> {
        if self.pending_cr {
            self.lone()?;
            self.at_line_start = false;
        }
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        if self.dots {
            out.extend_from_slice(b".\r\n");
        }
        self.begin();
        Ok(())
    }

    /// Forgets the body before: the next one begins.
    pub fn begin(&mut self) {
        (self.at_line_start, self.pending_cr, self.eight_bit) = (true, false, false);
    }

    /// True at the start of the body and behind a line end: nothing is missing if it ends here.
    pub fn is_at_line_start(&self) -> bool {
        self.at_line_start && !self.pending_cr
    }

    /// True if a byte above 127 has been seen, unless the encoder is [unwatched](Self::unwatched).
    pub fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    fn watch(&mut self, chunk: &[u8]) {
        self.eight_bit |= self.watched && !chunk.is_ascii();
    }

    fn lone(&mut self) -> Result<()> {
        match self.line_ends {
            LineEnds::Normalise => Ok(()),
            LineEnds::Refuse => Err(Error::new(
                ErrorKind::Body,
                Phase::Data,
                "the message holds a CR or LF that is not part of a CRLF",
            )
            .with_advice("write CRLF line ends, or let lone ones be normalised")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_dots_only_line_ends_change_and_nothing_is_put_behind() {
        let encode = |pieces: &[&[u8]]| {
            let (mut encoder, mut out) = (Encoder::without_dots(LineEnds::Normalise), BytesMut::new());
            for piece in pieces {
                encoder.encode(piece, &mut out).unwrap();
            }
            encoder.finish(&mut out).unwrap();
            out.to_vec()
        };
        assert_eq!(encode(&[b""]), b"");
        assert_eq!(encode(&[b".\n..\r\n", b".\r", b"\nx\ry"]), b".\r\n..\r\n.\r\nx\r\ny\r\n");
        assert_eq!(encode(&[b"x\r"]), b"x\r\n");
    }

    #[test]
    fn nothing_of_a_body_that_was_given_up_is_left_in_the_next_one() {
        let body = b"a\r\n.b\r\n";
        for new in [Encoder::new, Encoder::without_dots] {
            let mut wanted = BytesMut::new();
            new(LineEnds::Refuse).encode(body, &mut wanted).unwrap();
            let mut used = new(LineEnds::Refuse);
            for before in [&b"x"[..], b"x\r", b"\xff", b"x\r\n.y\r\n.\n", b"\n", &[b'.'; 4_000]] {
                let _ = used.encode(before, &mut BytesMut::new());
                used.begin();
                let mut out = BytesMut::new();
                used.encode(body, &mut out).unwrap();
                assert!(out == wanted && !used.is_eight_bit(), "{}", before.escape_ascii());
            }
            used.encode(b"\xff\r", &mut BytesMut::new()).unwrap();
            assert!(used.finish(&mut BytesMut::new()).is_err() && used.is_eight_bit());
        }
    }

    #[test]
    fn what_passes_is_exactly_what_comes_out_the_same() {
        let bytes = [b'\r', b'\n', b'.', b'x'];
        for n in 0..4usize.pow(6) {
            let body: Vec<u8> = (0..6).map(|i| bytes[n / 4usize.pow(i) % 4]).collect();
            for dots in [true, false] {
                for at in 0..6 {
                    let new = || Encoder { dots, ..Encoder::new(LineEnds::Normalise) };
                    let (mut slow, mut fast, mut out) = (new(), new(), BytesMut::new());
                    slow.rewrite(&body[..at], &mut out).unwrap();
                    fast.rewrite(&body[..at], &mut BytesMut::new()).unwrap();
                    let before = out.len();
                    slow.rewrite(&body[at..], &mut out).unwrap();
                    if fast.passes(&body[at..]) {
                        assert_eq!(out[before..], body[at..]);
                        assert_eq!(
                            (fast.at_line_start, fast.pending_cr),
                            (slow.at_line_start, slow.pending_cr)
                        );
                    } else {
                        assert!(out[before..] != body[at..] || slow.pending_cr, "{}", body.escape_ascii());
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_change_nothing(lines in proptest::collection::vec("[a.]{0,90}", 90..200), ends in proptest::collection::vec(0usize..40, 200)) {
            let mut body = String::new();
            for (line, end) in lines.iter().zip(&ends) {
                body.push_str(line);
                body.push_str(["\r", "\n"].get(*end).unwrap_or(&"\r\n"));
            }
            let (mut encoder, mut out) = (Encoder::new(LineEnds::Normalise), BytesMut::new());
            encoder.rewrite(body.as_bytes(), &mut out).unwrap();
            encoder.finish(&mut out).unwrap();
            let (mut encoder, mut blocks) = (Encoder::new(LineEnds::Normalise), BytesMut::new());
            encoder.encode(body.as_bytes(), &mut blocks).unwrap();
            encoder.finish(&mut blocks).unwrap();
            prop_assert!(blocks == out);
        }
    }
}
