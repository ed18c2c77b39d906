//! The header of a message that comes as a stream.

use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};

/// The longest header that is read ahead, in bytes.
const LIMIT: usize = 256 * 1024;

/// The fields of a message's header, unfolded, in order. Names in lower case.
pub(crate) struct Head {
    fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a body up to the end of the header and gives it back whole.
    ///
    /// A bare CR or LF ends a line here as it does on the wire, where it becomes CRLF: what would be a field
    /// for who gets the message is one for the rules.
    pub(crate) async fn read(body: Body<'_>) -> Result<(Self, Body<'_>)> {
        let mut body = match body.into_bytes() {
            Ok(whole) => return Ok((Self::parse(&whole)?, Body::from_bytes(whole))),
            Err(body) => body,
        };
        let size = body.size();
        let (mut chunks, mut bytes, mut end) = (Vec::new(), Vec::new(), End::default());
        while let Some(chunk) = body.chunk().await? {
            chunks.push(chunk.clone());
            let part = end.find(&chunk);
            bytes.extend_from_slice(part.and_then(|n| chunk.get(..n)).unwrap_or(&chunk));
            if part.is_some() {
                break;
            }
            if bytes.len() > LIMIT {
                return Err(too_long());
            }
        }
        Ok((Self::of(&bytes)?, joined(chunks, body, size)))
    }

    /// Reads a message that is whole.
    fn parse(whole: &[u8]) -> Result<Self> {
        Self::of(End::default().find(whole).and_then(|n| whole.get(..n)).unwrap_or(whole))
    }

    fn of(head: &[u8]) -> Result<Self> {
        if head.len() > LIMIT {
            return Err(too_long());
        }
        Ok(Self { fields: fields(&String::from_utf8_lossy(head))? })
    }

    /// The values of all fields of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// True if there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// The message with these fields, each with its line end, in front.
pub(crate) fn with_fields(fields: String, body: Body<'_>) -> Body<'_> {
    if fields.is_empty() {
        return body;
    }
    let body = match body.into_bytes() {
        Ok(whole) => return Body::from_bytes([fields.as_bytes(), &whole].concat()),
        Err(body) => body,
    };
    let size = body.size().map(|size| size.saturating_add(fields.len() as u64));
    joined(vec![fields.into()], body, size)
}

/// Chunks that were read or made already, and the rest of a body.
fn joined(chunks: Vec<Bytes>, body: Body<'_>, size: Option<u64>) -> Body<'_> {
    let state = (chunks.into_iter(), body);
    let whole = Body::generate(state, |(mut chunks, mut body)| async move {
        let chunk = match chunks.next() {
            None => body.chunk().await?,
            chunk => chunk,
        };
        Ok(chunk.map(|chunk| (chunk, (chunks, body))))
    });
    match size {
        Some(size) => whole.with_size(size),
        None => whole,
    }
}

/// Finds the empty line that ends a header, in pieces of any size.
struct End {
    line_is_empty: bool,
    after_cr: bool,
}

impl Default for End {
    fn default() -> Self {
        Self { line_is_empty: true, after_cr: false }
    }
}

impl End {
    /// How many bytes of the piece belong to the header, if it ends in it.
    fn find(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            let is_break = *byte == b'\r' || (*byte == b'\n' && !self.after_cr);
            if is_break && self.line_is_empty {
                return Some(at);
            }
            if is_break {
                self.line_is_empty = true;
            } else if *byte != b'\n' {
                self.line_is_empty = false;
            }
            self.after_cr = *byte == b'\r';
        }
        None
    }
}

fn fields(text: &str) -> Result<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            // In front of such a line a field of ours would be continued by it.
            let Some((_, value)) = fields.last_mut() else { return Err(malformed()) };
            value.push_str(line);
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
        } else {
            // The body begins without an empty line before it (or the line is nonsense): either way it is
            // no field, and what follows may be.
            fields.push((String::new(), line.to_owned()));
        }
    }
    Ok(fields)
}

fn too_long() -> Error {
    let what = format!("the header of the message is longer than the {LIMIT} bytes the sending rules read");
    Error::new(ErrorKind::Limit, Phase::Configure, what)
        .with_advice("is it a message? Its header ends with an empty line")
}

fn malformed() -> Error {
    let what = "the message begins with the continuation of a header line";
    Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
        .with_advice("begin a message with a header field, such as From: me@example.org")
}
