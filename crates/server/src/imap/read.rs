//! Reading one command with its literals.

use super::Session;
use crate::conn::Line;
use crate::error::{Ended, Result};

/// A line, and a command but for a message to append.
const LINE_LIMIT: usize = 64 << 10;

/// The `{n}` or `{n+}` at the end of a line.
#[derive(Debug, PartialEq, Eq)]
struct Literal {
    size: u64,
    waits: bool,
}

impl Session<'_> {
    /// The next command: text with its literals as they came. `None` after one that was refused already.
    pub(super) async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let mut command = Vec::new();
        loop {
            match self.conn.line(LINE_LIMIT).await? {
                Line::Whole(line) => command.extend_from_slice(&line),
                Line::Malformed => {
                    return self.refuse(&command, "BAD a line ends in CRLF, and holds no other CR");
                }
                Line::TooLong => return self.refuse(&command, "BAD that line is too long"),
            }
            let Some(literal) = literal_at_end(&command) else { return Ok(Some(command)) };
            let room = self.room_for(&command);
            let fits = usize::try_from(literal.size).ok().filter(|&size| size <= room);
            match fits {
                Some(size) if literal.waits || self.may_rush(size) => {
                    command.extend_from_slice(b"\r\n");
                    if literal.waits {
                        self.conn.put("+ Go ahead\r\n");
                    }
                    self.conn.exactly(size, &mut command).await?;
                }
                _ if literal.waits => {
                    return self.refuse(&command, "NO [TOOBIG] That is more than this server takes");
                }
                _ => {
                    // It is on its way already, and nobody wants it (RFC 7888 §4).
                    self.conn.put("* BYE [TOOBIG] That literal is too big, or should have waited\r\n");
                    return Err(Ended::Gone);
                }
            }
        }
    }

    fn refuse(&mut self, command: &[u8], text: &str) -> Result<Option<Vec<u8>>> {
        let tag = command.split(|&b| b == b' ').next().filter(|tag| !tag.is_empty());
        let tag = tag.map_or("*".into(), String::from_utf8_lossy);
        self.conn.put(format!("{tag} {text}\r\n"));
        Ok(None)
    }

    /// How many more bytes this command may have.
    fn room_for(&self, command: &[u8]) -> usize {
        let verb = command.split(|&b| b == b' ').nth(1).unwrap_or_default();
        let appends = self.user.is_some() && verb.eq_ignore_ascii_case(b"APPEND");
        let limit = if appends { LINE_LIMIT + self.options().message_limit } else { LINE_LIMIT };
        let limit = limit.saturating_sub(command.len());
        // The message itself must keep its limit whatever room the name left.
        if appends { limit.min(self.options().message_limit) } else { limit }
    }

    /// Whether a client may send a literal without being asked.
    fn may_rush(&self, size: usize) -> bool {
        let options = self.options();
        options.offers("LITERAL+") || (options.offers("LITERAL-") && size <= 4096)
    }
}

fn literal_at_end(line: &[u8]) -> Option<Literal> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let inner = inner.get(open + 1..)?;
    let (digits, waits) = inner.strip_suffix(b"+").map_or((inner, true), |digits| (digits, false));
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    Some(Literal { size: digits.parse().unwrap_or(u64::MAX), waits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        assert_eq!(literal_at_end(b"a LOGIN {5}"), Some(Literal { size: 5, waits: true }));
        assert_eq!(literal_at_end(b"a LOGIN {5+}"), Some(Literal { size: 5, waits: false }));
        assert_eq!(
            literal_at_end(b"{99999999999999999999999}"),
            Some(Literal { size: u64::MAX, waits: true })
        );
        for none in [b"a {5".as_slice(), b"a 5}", b"a {}", b"a {+}", b"a {-5}", b"a {5} ", b"", b"}"] {
            assert_eq!(literal_at_end(none), None);
        }
    }
}
