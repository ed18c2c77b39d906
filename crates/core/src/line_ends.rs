//! Line ends, for transports to a place on this machine: files and programs have LF where a message on its way has
//! CRLF. Chunks may break anywhere.

use bytes::{BufMut, Bytes, BytesMut};

/// Makes each CRLF an LF; a CR that stands alone stays.
#[derive(Debug, Default)]
pub struct ToLf {
    // A CR at the end of a chunk waits for what follows it.
    cr: bool,
}

impl ToLf {
    /// What this chunk becomes; a CR at its end is held back.
    pub fn convert(&mut self, chunk: Bytes) -> Bytes {
        if !self.cr && !chunk.contains(&b'\r') {
            return chunk;
        }
        let mut out = BytesMut::with_capacity(chunk.len() + 1);
        for &byte in &chunk {
            if std::mem::replace(&mut self.cr, byte == b'\r') && byte != b'\n' {
                out.put_u8(b'\r');
            }
            if byte != b'\r' {
                out.put_u8(byte);
            }
        }
        out.freeze()
    }

    /// What was held back, at the end of the message.
    pub fn finish(self) -> &'static [u8] {
        if self.cr { b"\r" } else { b"" }
    }
}

/// Makes each LF that has no CR before it a CRLF.
#[derive(Debug, Default)]
pub struct ToCrlf {
    cr: bool,
}

impl ToCrlf {
    /// What this chunk becomes.
    pub fn convert(&mut self, chunk: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(chunk.len() + chunk.len() / 32 + 1);
        for &byte in chunk {
            if byte == b'\n' && !self.cr {
                out.put_u8(b'\r');
            }
            out.put_u8(byte);
            self.cr = byte == b'\r';
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lf(chunks: &[&str]) -> String {
        let mut lines = ToLf::default();
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend_from_slice(&lines.convert(Bytes::copy_from_slice(chunk.as_bytes())));
        }
        out.extend_from_slice(lines.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_end_the_same_wherever_the_chunks_break() {
        assert_eq!(lf(&["a\r\nb\rc\r\r\nd\n\r"]), "a\nb\rc\r\nd\n\r");
        let text = "a\r\nb\rc\r\r\nd\n\r";
        for at in 0..=text.len() {
            assert_eq!(lf(&[&text[..at], &text[at..]]), "a\nb\rc\r\nd\n\r", "{at}");
        }
        let file = b"a\nb\r\nc\n\nd";
        for at in 0..=file.len() {
            let mut lines = ToCrlf::default();
            let both = [lines.convert(&file[..at]), lines.convert(&file[at..])].concat();
            assert_eq!(both, b"a\r\nb\r\nc\r\n\r\nd", "{at}");
        }
    }
}
