//! Replies (RFC 5321 §4.2), within limits. Pure.

use postrider_core::{Error, ErrorKind, Phase, Reply, Verdict};

/// Longest line of a reply, in bytes.
pub(crate) const LINE: usize = 4 * 1024;
/// Most lines of one reply.
const LINES: usize = 100;

/// Puts lines together to replies.
#[derive(Default)]
pub(crate) struct ReplyReader(Vec<String>);

impl ReplyReader {
    /// Takes the next line, without its end; gives the reply when it is whole.
    pub(crate) fn line(&mut self, line: &[u8], phase: Phase) -> Result<Option<Reply>, Error> {
        let text = String::from_utf8_lossy(line);
        let parts = text.split_at_checked(3).filter(|(code, _)| is_code(code));
        let (code, last, words) = match parts.map(|(code, rest)| (code, rest.split_at_checked(1))) {
            Some((code, Some((" ", words)))) => (code, true, words),
            Some((code, Some(("-", words)))) => (code, false, words),
            Some((code, None)) => (code, true, ""),
            _ => {
                let shown: String = text.chars().take(200).collect();
                let what = format!("not an LMTP reply: \"{}\"", shown.escape_debug());
                return Err(Error::new(ErrorKind::Protocol, phase, what).with_advice("check host and port"));
            }
        };
        if self.0.len() >= LINES {
            return Err(Error::new(ErrorKind::Limit, phase, "the server's reply has more than 100 lines"));
        }
        self.0.push(words.to_owned());
        if !last {
            return Ok(None);
        }
        let mut lines = std::mem::take(&mut self.0);
        let enhanced =
            lines.first().and_then(|first| first.split(' ').next()).filter(|word| is_enhanced(word));
        let enhanced = enhanced.map(str::to_owned);
        if let Some(enhanced) = &enhanced {
            for line in &mut lines {
                let rest = line.strip_prefix(enhanced.as_str()).map(|rest| rest.trim_start().to_owned());
                *line = rest.unwrap_or_else(|| line.clone());
            }
        }
        Ok(Some(Reply::new(code, enhanced, &lines.join("\n"))))
    }
}

fn is_code(code: &str) -> bool {
    code.bytes().all(|b| b.is_ascii_digit()) && ("200".."600").contains(&code)
}

/// `5.1.1` (RFC 3463 §2).
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number)
}

/// What a reply says of the recipient it is about.
pub(crate) fn verdict(reply: Reply) -> Verdict {
    match reply.number() {
        Some(200..=299) => Verdict::Accepted(reply),
        Some(500..) => Verdict::Refused(reply),
        _ => Verdict::Deferred(reply),
    }
}

/// The error of a reply that refuses what was asked.
pub(crate) fn refusal(phase: Phase, reply: Reply, what: &str) -> Error {
    let (kind, advice) = match reply.number() {
        Some(500..) => (ErrorKind::Rejected, "the server's words say what has to change"),
        Some(400..) => (ErrorKind::Deferred, "try again later"),
        _ => (ErrorKind::Protocol, "check that the server speaks LMTP: not every SMTP server does"),
    };
    Error::new(kind, phase, what).with_reply(reply).with_advice(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_replies_and_what_is_none_is_an_error() {
        let mut reader = ReplyReader::default();
        assert!(reader.line(b"250-first", Phase::Capability).unwrap().is_none());
        assert_eq!(reader.line(b"250 last", Phase::Capability).unwrap().unwrap().text(), "first\nlast");
        let full = reader.line(b"452 4.2.2 mailbox full", Phase::EndOfData).unwrap().unwrap();
        assert_eq!((full.code(), full.text()), (Some("4.2.2"), "mailbox full"));
        assert_eq!(reader.line(b"250", Phase::Reset).unwrap().unwrap().text(), "");
        for bad in ["", "2", "25x no", "250_no", "999 no", "ä50 no", "* OK IMAP", "25\u{e4}0"] {
            assert!(reader.line(bad.as_bytes(), Phase::Greeting).is_err(), "{bad}");
        }
        let endless = (0..200).find_map(|_| reader.line(b"250-more", Phase::Capability).err());
        assert_eq!(endless.unwrap().kind(), ErrorKind::Limit);
    }
}
