//! The TRANSACTION state: looking at messages and marking them deleted.

use std::sync::Arc;

use super::Session;
use crate::error::Result;

impl Session<'_> {
    pub(super) async fn transaction(&mut self, verb: &str, rest: &str) -> Result<()> {
        match verb {
            "STAT" => self.stat(),
            "LIST" => self.listing(rest, |entry| entry.bytes.len().to_string()),
            "UIDL" if self.options().offers("UIDL") => self.listing(rest, |entry| entry.unique.clone()),
            "RETR" => self.retr(rest).await?,
            "TOP" if self.options().offers("TOP") => self.top(rest).await?,
            "DELE" => self.dele(rest),
            "RSET" => self.reset(),
            _ => self.mistake("Not now, or never heard of"),
        }
        Ok(())
    }

    fn stat(&mut self) {
        let Some(maildrop) = &self.maildrop else { return };
        let sizes: Vec<usize> = maildrop.present().map(|(_, entry)| entry.bytes.len()).collect();
        let reply = format!("{} {}", sizes.len(), sizes.iter().sum::<usize>());
        self.ok(&reply);
    }

    /// LIST and UIDL: of one message in one line, or of all in many.
    fn listing(&mut self, rest: &str, what: impl Fn(&super::maildrop::Entry) -> String) {
        let Some(maildrop) = &mut self.maildrop else { return };
        if rest.is_empty() {
            let lines: Vec<String> =
                maildrop.present().map(|(number, entry)| format!("{number} {}\r\n", what(entry))).collect();
            self.ok(&format!("{} messages", lines.len()));
            lines.iter().for_each(|line| self.conn.put(line));
            return self.conn.put(".\r\n");
        }
        match number(rest).and_then(|n| maildrop.get(n).map(|entry| format!("{n} {}", what(entry)))) {
            Some(line) => self.ok(&line),
            None => self.mistake("No such message"),
        }
    }

    async fn retr(&mut self, rest: &str) -> Result<()> {
        match self.bytes(rest) {
            Some(bytes) => {
                self.ok(&format!("{} octets", bytes.len()));
                self.multi_line(&bytes).await
            }
            None => {
                self.mistake("No such message");
                Ok(())
            }
        }
    }

    async fn top(&mut self, rest: &str) -> Result<()> {
        let Some((message, lines)) = rest.split_once(' ') else {
            self.mistake("TOP message lines, please");
            return Ok(());
        };
        match (self.bytes(message), number(lines)) {
            (Some(bytes), Some(lines)) => {
                self.ok("The top of it");
                self.multi_line(top_of(&bytes, lines)).await
            }
            _ => {
                self.mistake("No such message");
                Ok(())
            }
        }
    }

    fn dele(&mut self, rest: &str) {
        let maildrop = self.maildrop.as_mut();
        match number(rest).and_then(|n| maildrop?.get(n)) {
            Some(entry) => {
                entry.deleted = true;
                self.ok("Gone at QUIT");
            }
            None => self.mistake("No such message"),
        }
    }

    fn reset(&mut self) {
        for entry in self.maildrop.iter_mut().flat_map(|maildrop| &mut maildrop.entries) {
            entry.deleted = false;
        }
        self.ok("None deleted");
    }

    fn bytes(&mut self, rest: &str) -> Option<Arc<[u8]>> {
        let maildrop = self.maildrop.as_mut()?;
        number(rest).and_then(|n| maildrop.get(n)).map(|entry| Arc::clone(&entry.bytes))
    }

    /// Sends text with its dots stuffed, in pieces so that little of it is held twice.
    async fn multi_line(&mut self, text: &[u8]) -> Result<()> {
        let mut starts = true;
        for line in text.split_inclusive(|&b| b == b'\n') {
            if starts && line.starts_with(b".") {
                self.conn.put(".");
            }
            self.conn.put(line);
            starts = line.ends_with(b"\r\n");
            self.conn.drain().await?;
        }
        self.conn.put(if text.is_empty() || text.ends_with(b"\r\n") { ".\r\n" } else { "\r\n.\r\n" });
        Ok(())
    }
}

/// The header, the empty line and as many lines of the body.
fn top_of(message: &[u8], lines: usize) -> &[u8] {
    let header = crate::mime::body_start(message);
    let body = message.get(header..).unwrap_or_default();
    let shown: usize = body.split_inclusive(|&b| b == b'\n').take(lines).map(<[u8]>::len).sum();
    message.get(..header + shown).unwrap_or(message)
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top() {
        let message = b"A: b\r\n\r\none\r\ntwo\r\n";
        assert_eq!(top_of(message, 0), b"A: b\r\n\r\n");
        assert_eq!(top_of(message, 1), b"A: b\r\n\r\none\r\n");
        assert_eq!(top_of(message, 9), message);
        assert_eq!(top_of(b"A: b", 1), b"A: b");
    }
}
