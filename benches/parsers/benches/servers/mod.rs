//! Servers in memory: they know no more than these clients ask.

use bench_parsers::Answers;
use bytes::{Buf, Bytes, BytesMut};
use std::fmt::Write as _;

/// The next line without its end.
fn line(input: &mut BytesMut) -> Option<String> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let line = input.split_to(end + 1);
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Takes messages by BDAT.
#[derive(Default)]
pub struct SmtpServer {
    left: usize,
}

impl Answers for SmtpServer {
    fn greeting(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"220 memory ESMTP\r\n");
    }

    fn take(&mut self, input: &mut BytesMut, out: &mut BytesMut) {
        loop {
            if self.left > 0 {
                let n = self.left.min(input.len());
                input.advance(n);
                self.left -= n;
                if self.left > 0 {
                    return;
                }
                out.extend_from_slice(b"250 2.0.0 taken\r\n");
            }
            let Some(line) = line(input) else { return };
            let reply = match line.get(..4).unwrap_or_default() {
                "EHLO" => "250-memory\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n",
                "MAIL" => "250 2.1.0 ok\r\n",
                "RCPT" => "250 2.1.5 ok\r\n",
                "BDAT" => {
                    self.left = line.split(' ').nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
                    continue;
                }
                "RSET" | "NOOP" => "250 2.0.0 ok\r\n",
                "QUIT" => "221 2.0.0 bye\r\n",
                other => panic!("{other:?} was not expected"),
            };
            out.extend_from_slice(reply.as_bytes());
        }
    }
}

/// One mailbox with one message so many times.
pub struct ImapServer {
    pub count: usize,
    pub body: Bytes,
}

impl Answers for ImapServer {
    fn greeting(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] ready\r\n");
    }

    fn take(&mut self, input: &mut BytesMut, out: &mut BytesMut) {
        while let Some(line) = line(input) {
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            self.answer(command, out);
            let _ = write!(out, "{tag} OK done\r\n");
        }
    }
}

impl ImapServer {
    fn answer(&self, command: &str, out: &mut BytesMut) {
        let count = self.count;
        if command.starts_with("SELECT") {
            let _ = write!(out, "* FLAGS (\\Seen)\r\n* {count} EXISTS\r\n* OK [UIDVALIDITY 1] \r\n");
            let _ = write!(out, "* OK [UIDNEXT {}] \r\n", count + 1);
        } else if command.starts_with("UID SEARCH RETURN") {
            let _ = write!(out, "* ESEARCH (TAG \"x\") UID ALL 1:{count}\r\n");
        } else if command.starts_with("UID SEARCH") {
            out.extend_from_slice(b"* SEARCH");
            (1..=count).for_each(|uid| write!(out, " {uid}").unwrap());
            out.extend_from_slice(b"\r\n");
        } else if let Some(fetch) = command.strip_prefix("UID FETCH ") {
            for uid in numbers(fetch.split(' ').next().unwrap_or_default()) {
                if fetch.contains("BODY") {
                    let _ = write!(out, "* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n", self.body.len());
                    out.extend_from_slice(&self.body);
                    out.extend_from_slice(b")\r\n");
                } else {
                    let size = self.body.len();
                    let _ = write!(out, "* {uid} FETCH (UID {uid} FLAGS (\\Seen) RFC822.SIZE {size})\r\n");
                }
            }
        }
    }
}

fn numbers(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        first.parse().unwrap_or(1)..=last.parse().unwrap_or(0)
    })
}

/// One maildrop with one message so many times.
pub struct Pop3Server {
    count: usize,
    size: usize,
    lines: Vec<u8>,
}

impl Pop3Server {
    pub fn new(count: usize, body: &[u8]) -> Self {
        let mut lines = Vec::new();
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                lines.push(b'.');
            }
            lines.extend_from_slice(line);
        }
        lines.extend_from_slice(b".\r\n");
        Self { count, size: body.len(), lines }
    }
}

impl Answers for Pop3Server {
    fn greeting(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"+OK memory\r\n");
    }

    fn take(&mut self, input: &mut BytesMut, out: &mut BytesMut) {
        while let Some(line) = line(input) {
            out.extend_from_slice(b"+OK\r\n");
            match line.split(' ').next().unwrap_or_default() {
                "CAPA" => out.extend_from_slice(b"USER\r\nUIDL\r\nPIPELINING\r\n.\r\n"),
                "UIDL" => {
                    (1..=self.count).for_each(|number| write!(out, "{number} u{number}\r\n").unwrap());
                    out.extend_from_slice(b".\r\n");
                }
                "LIST" => {
                    (1..=self.count).for_each(|number| write!(out, "{number} {}\r\n", self.size).unwrap());
                    out.extend_from_slice(b".\r\n");
                }
                "RETR" => out.extend_from_slice(&self.lines),
                _ => {}
            }
        }
    }
}
