//! POP3.

use crate::{Out, Speaks, number};
use std::io::Result;

/// The answer to RETR.
pub fn reply(body: &[u8]) -> Vec<u8> {
    let mut out = format!("+OK {} octets\r\n", body.len()).into_bytes();
    for line in body.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

pub struct Session<'a> {
    reply: &'a [u8],
    mailbox: u64,
    size: u64,
    given: u64,
    /// The response to AUTH comes on the next line.
    responds: bool,
}

impl<'a> Session<'a> {
    pub fn new(reply: &'a [u8], mailbox: u64, size: u64) -> Self {
        Self { reply, mailbox, size, given: 0, responds: false }
    }

    fn listing(&self, number: Option<u64>, out: &mut Out, each: impl Fn(u64) -> String) -> Result<()> {
        match number {
            Some(n) if (1..=self.mailbox).contains(&n) => out.line(format_args!("+OK {}", each(n))),
            Some(_) => out.put(b"-ERR no such message\r\n"),
            None => {
                out.put(b"+OK\r\n")?;
                for n in 1..=self.mailbox {
                    out.line(format_args!("{}", each(n)))?;
                }
                out.put(b".\r\n")
            }
        }
    }
}

impl Speaks for Session<'_> {
    fn greet(&self, out: &mut Out) -> Result<()> {
        out.put(b"+OK source\r\n")
    }

    fn given(&self) -> u64 {
        self.given
    }

    fn answer(&mut self, line: &[u8], out: &mut Out) -> Result<bool> {
        if std::mem::take(&mut self.responds) {
            return out.put(b"+OK in\r\n").map(|()| true);
        }
        let mut words = line.split(|b| *b == b' ');
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let place = words.next().and_then(number);
        match verb.as_slice() {
            b"RETR" if place.is_some_and(|n| (1..=self.mailbox).contains(&n)) => {
                self.given += 1;
                out.put(self.reply)?;
            }
            b"CAPA" => {
                out.put(b"+OK\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\nSASL PLAIN\r\n.\r\n")?;
            }
            // With the response on the line, or on the next.
            b"AUTH" if line.split(|b| *b == b' ').count() < 3 => {
                self.responds = true;
                out.put(b"+ \r\n")?;
            }
            b"STAT" => out.line(format_args!("+OK {} {}", self.mailbox, self.mailbox * self.size))?,
            b"LIST" => self.listing(place, out, |n| format!("{n} {}", self.size))?,
            b"UIDL" => self.listing(place, out, |n| format!("{n} source-{n:08}"))?,
            b"AUTH" | b"USER" | b"PASS" | b"DELE" | b"NOOP" | b"RSET" => out.put(b"+OK\r\n")?,
            b"QUIT" => {
                out.put(b"+OK bye\r\n")?;
                return Ok(false);
            }
            _ => out.put(b"-ERR not known here\r\n")?,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_begin_with_a_dot_have_two() {
        assert_eq!(reply(b".a\r\nb.\r\n..\r\n"), b"+OK 12 octets\r\n..a\r\nb.\r\n...\r\n.\r\n");
    }
}
