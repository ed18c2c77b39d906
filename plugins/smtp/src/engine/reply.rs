//! Replies (RFC 5321 §4.2), within limits.

use postrider_core::{Error, ErrorKind, Phase, Reply, Result};
use postrider_wire::Redactor;

/// Longest line of a reply, in bytes.
pub(crate) const LINE: usize = 4 * 1024;
const TOTAL: usize = 64 * 1024;
const LINES: usize = 1_000;

/// A whole reply of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpReply {
    /// 200 to 599.
    pub code: u16,
    /// Enhanced status code (RFC 2034), taken off the text.
    pub enhanced: Option<String>,
    /// The text of all lines, joined by line feeds.
    pub text: String,
}

impl SmtpReply {
    /// 2xx.
    pub fn is_success(&self) -> bool {
        self.code < 300
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// As the contract's reply, with the session's secrets masked.
    pub(crate) fn to_core(&self, redactor: &Redactor) -> Reply {
        redactor.reply(&self.code.to_string(), self.enhanced.as_deref(), &self.text)
    }
}

/// Puts lines together to replies.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: Option<u16>,
    enhanced: Option<String>,
    text: String,
    lines: usize,
}

impl ReplyReader {
    /// Takes the next line, without its line end; gives the reply when it is whole.
    ///
    /// # Errors
    /// `Protocol` for what is no reply line, `Limit` for a reply of over 64 KiB or 1,000 lines.
    pub fn line(&mut self, line: &[u8], phase: Phase) -> Result<Option<SmtpReply>> {
        let broken = || {
            let shown: String = String::from_utf8_lossy(line).chars().take(200).collect();
            Error::new(ErrorKind::Protocol, phase, format!("not an SMTP reply: \"{}\"", shown.escape_debug()))
                .with_advice("check that host and port are those of an SMTP server")
        };
        let (Some([a, b, c]), rest) = (line.first_chunk::<3>(), line.get(3..).unwrap_or_default()) else {
            return Err(broken());
        };
        let digits = [a, b, c].map(|d| d.is_ascii_digit().then(|| u16::from(d - b'0')));
        let [Some(a), Some(b), Some(c)] = digits else { return Err(broken()) };
        let code = a * 100 + b * 10 + c;
        if !(200..600).contains(&code) || self.code.is_some_and(|known| known != code) || line.contains(&0) {
            return Err(broken());
        }
        let (last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(broken()),
        };
        self.lines += 1;
        if self.lines > LINES || self.text.len() + text.len() > TOTAL {
            return Err(Error::new(
                ErrorKind::Limit,
                phase,
                "the server's reply is longer than 64 KiB or 1,000 lines",
            ));
        }
        self.code = Some(code);
        let text = String::from_utf8_lossy(text);
        let (enhanced, text) = split_enhanced(code, &text);
        if self.lines > 1 {
            self.text.push('\n');
        } else {
            self.enhanced = enhanced.map(str::to_owned);
        }
        self.text.push_str(text);
        if !last {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(SmtpReply { code, enhanced: done.enhanced, text: done.text }))
    }
}

/// `5.1.1 text` becomes its code and the text, if the class fits the reply code (RFC 2034 §4).
fn split_enhanced(code: u16, text: &str) -> (Option<&str>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = word.split('.');
    let number = |p: Option<&str>| {
        p.filter(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())).is_some()
    };
    let class = parts.next();
    let fits = class.is_some_and(|c| c.len() == 1 && c == (code / 100).to_string());
    if fits && number(parts.next()) && number(parts.next()) && parts.next().is_none() {
        (Some(word), rest)
    } else {
        (None, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> Result<Option<SmtpReply>> {
        let mut reader = ReplyReader::default();
        let mut out = None;
        for line in lines {
            out = reader.line(line.as_bytes(), Phase::Greeting)?;
        }
        Ok(out)
    }

    #[test]
    fn replies_are_put_together_with_their_enhanced_code() {
        let reply = read(&["550-5.1.1 No such", "550 5.1.1 user"]).unwrap().unwrap();
        assert_eq!(
            (reply.code, reply.enhanced.as_deref(), reply.text.as_str()),
            (550, Some("5.1.1"), "No such\nuser")
        );
        let reply = read(&["250 2.0"]).unwrap().unwrap();
        assert_eq!((reply.enhanced, reply.text.as_str()), (None, "2.0"));
        assert_eq!(read(&["250"]).unwrap().unwrap().text, "");
        assert_eq!(read(&["250 4.0.0 x"]).unwrap().unwrap().enhanced, None);
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for bad in ["", "25", "2x0 a", "250x", "999 a", "100 a", "250 a\0b", "+OK hi", "* OK hi"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        assert!(read(&["250-a", "251 b"]).is_err());
        let long = vec!["250-x"; 1_001];
        assert_eq!(read(&long).unwrap_err().kind(), ErrorKind::Limit);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut reader = ReplyReader::default();
            for line in lines {
                let _ = reader.line(&line, Phase::Greeting);
            }
        }
    }
}
