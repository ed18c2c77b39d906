//! Small servers for the ready-made benches. They share no code with any client, and do as little as will do.

pub(super) mod imap;
mod imap_fetch;
pub(super) mod mailbox;
pub(super) mod pop3;
pub(super) mod smtp;

use mailbox::Content;

/// How much an endless talker says at most. A client has to give up long before.
const ENDLESS: usize = 64 << 20;

/// What has come in and is not yet a line.
#[derive(Default)]
struct Incoming {
    bytes: Vec<u8>,
    at: usize,
}

impl Incoming {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line, which ends in CRLF and nothing else, without it.
    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.at..];
        let mut from = 0;
        loop {
            let end = from + rest[from..].iter().position(|b| *b == b'\n')?;
            if end > 0 && rest[end - 1] == b'\r' {
                let line = rest[..end - 1].to_vec();
                self.at += end + 1;
                return Some(line);
            }
            from = end + 1;
        }
    }

    /// So many bytes, if they are there.
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let taken = self.bytes.get(self.at..self.at + count)?.to_vec();
        self.at += count;
        Some(taken)
    }
}

/// What a server goes on saying when its answer has been read.
#[derive(Default)]
enum Flood {
    #[default]
    Dry,
    /// The same again and again.
    Endless(&'static str, usize),
    /// A message from here to there, and what stands behind it.
    Message { content: Content, at: u64, end: u64, tail: String },
}

impl Flood {
    fn endless(text: &'static str) -> Self {
        Self::Endless(text, ENDLESS)
    }

    fn more(&mut self) -> Vec<u8> {
        match self {
            Self::Dry => Vec::new(),
            Self::Endless(text, left) if *left > 0 => {
                let out = text.repeat(4_096 / text.len() + 1);
                *left = left.saturating_sub(out.len());
                out.into_bytes()
            }
            Self::Endless(..) => Vec::new(),
            Self::Message { content, at, end, tail } => {
                let mut out = content.part(*at, (*end - *at).min(32_768));
                *at += out.len() as u64;
                if *at >= *end {
                    out.extend_from_slice(tail.as_bytes());
                    *self = Self::Dry;
                }
                out
            }
        }
    }
}
