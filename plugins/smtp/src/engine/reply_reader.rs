//! Lines put together to replies (RFC 5321 §4.2), within limits. Pure.

use super::SmtpReply;
use super::recent::Recent;
use std::borrow::Cow;

/// Longest line of a reply, in bytes.
pub(crate) const LINE: usize = 4 * 1024;
const TOTAL: usize = 64 * 1024;
const LINES: usize = 1_000;

/// Why lines are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyFault {
    /// Not three digits from 200 to 599 with a blank, a hyphen or nothing behind them.
    NotAReply,
    /// The lines of one reply have different codes.
    MixedCodes,
    /// Over 64 KiB or 1,000 lines.
    TooLong,
}

/// Puts lines together to replies.
#[derive(Debug, Default)]
pub(crate) struct ReplyReader {
    code: Option<u16>,
    enhanced: Option<String>,
    text: String,
    lines: usize,
    recent: Recent,
}

impl ReplyReader {
    /// True between two replies.
    pub(crate) fn is_empty(&self) -> bool {
        self.code.is_none()
    }

    /// The reply that this input begins with, if the server has said it a few times, and how long its line is.
    pub(crate) fn known(&mut self, input: &[u8]) -> Option<(SmtpReply, usize)> {
        if self.is_empty() { self.recent.find(input) } else { None }
    }

    /// This line, with its line end, is this reply: it may come again.
    pub(crate) fn keep(&mut self, line: &[u8], reply: &SmtpReply) {
        self.recent.keep(line, reply);
    }

    /// Takes the next line, without its line end; gives the reply when it is whole.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Option<SmtpReply>, ReplyFault> {
        self.put(ReplyLine::read(line).ok_or(ReplyFault::NotAReply)?)
    }

    /// As [`line`](Self::line), for one that is taken apart already.
    pub(crate) fn put(&mut self, line: ReplyLine<'_>) -> Result<Option<SmtpReply>, ReplyFault> {
        let ReplyLine { code, last, text } = line;
        if self.code.is_some_and(|known| known != code) {
            return Err(ReplyFault::MixedCodes);
        }
        self.lines += 1;
        if self.lines > LINES || self.text.len() + text.len() > TOTAL {
            return Err(ReplyFault::TooLong);
        }
        self.code = Some(code);
        let (enhanced, text) = split_enhanced(code, text);
        // Nearly always it is, and that is seen faster.
        let text = match std::str::from_utf8(text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(text),
        };
        if self.lines > 1 {
            self.text.push('\n');
            self.text.push_str(&text);
        } else {
            self.enhanced = enhanced.and_then(|e| std::str::from_utf8(e).ok()).map(str::to_owned);
            self.text = text.into_owned();
        }
        if !last {
            return Ok(None);
        }
        (self.code, self.lines) = (None, 0);
        let reply = SmtpReply::new(code, self.enhanced.take(), std::mem::take(&mut self.text));
        Ok(Some(reply))
    }
}

/// A line of a reply, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyLine<'a> {
    pub(crate) code: u16,
    pub(crate) last: bool,
    text: &'a [u8],
}

impl<'a> ReplyLine<'a> {
    /// Reads a line without its line end.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let ([a, b, c], rest) = line.split_first_chunk::<3>()?;
        if ![a, b, c].iter().all(|d| d.is_ascii_digit()) || memchr::memchr(0, rest).is_some() {
            return None;
        }
        let digit = |d: &u8| u16::from(*d - b'0');
        let code = digit(a) * 100 + digit(b) * 10 + digit(c);
        let (last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return None,
        };
        (200..600).contains(&code).then_some(Self { code, last, text })
    }
}

/// `5.1.1 text` becomes its code and the text, if the class fits the reply code (RFC 2034 §4).
fn split_enhanced(code: u16, text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let class = u16::from(word.first().copied().unwrap_or_default());
    let fits = class == u16::from(b'0') + code / 100 && word.get(1) == Some(&b'.');
    let mut digits = [0; 2];
    let mut part = 0;
    for b in word.get(2..).unwrap_or_default() {
        match (digits.get_mut(part), b) {
            (Some(count), b'0'..=b'9') => *count += 1,
            (Some(_), b'.') => part += 1,
            _ => return (None, text),
        }
    }
    if fits && part == 1 && digits.iter().all(|count| (1..=3).contains(count)) {
        (Some(word), rest.get(1..).unwrap_or_default())
    } else {
        (None, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> Result<Option<SmtpReply>, ReplyFault> {
        let mut reader = ReplyReader::default();
        let mut out = None;
        for line in lines {
            out = reader.line(line.as_bytes())?;
        }
        Ok(out)
    }

    #[test]
    fn replies_are_put_together_with_their_enhanced_code() {
        let reply = read(&["550-5.1.1 No such", "550 5.1.1 user"]).unwrap().unwrap();
        assert_eq!((reply.code, reply.enhanced(), reply.text()), (550, Some("5.1.1"), "No such\nuser"));
        let reply = read(&["250 2.0"]).unwrap().unwrap();
        assert_eq!((reply.enhanced(), reply.text()), (None, "2.0"));
        assert_eq!(read(&["250"]).unwrap().unwrap().text(), "");
        assert_eq!(read(&["250 4.0.0 x"]).unwrap().unwrap().enhanced(), None);
        assert_eq!(read(&["250 2.1.5"]).unwrap().unwrap().enhanced(), Some("2.1.5"));
    }

    #[test]
    fn what_is_no_reply_is_a_fault_of_its_kind() {
        for bad in
            ["", " ", "25", "25 a", "2x0 a", "250x", "999 a", "100 a", "199 ", "600 a", "250 a\0b", "+OK hi"]
        {
            assert_eq!(read(&[bad]), Err(ReplyFault::NotAReply), "{bad:?}");
        }
        assert_eq!(read(&["250-a", "251 b"]), Err(ReplyFault::MixedCodes));
        assert_eq!(read(&vec!["250-x"; 1_001]), Err(ReplyFault::TooLong));
        let long = format!("250-{}", "x".repeat(4_000));
        assert_eq!(read(&vec![long.as_str(); 17]), Err(ReplyFault::TooLong));
        assert!(read(&vec!["250-x"; 1_000]).is_ok());
    }

    #[test]
    fn what_comes_again_is_read_as_the_first_time_whatever_came_between() {
        let (mut reader, mut known) = (ReplyReader::default(), 0);
        let lines =
            ["250 2.1.5 ok", "250 2.0.0 queued as", "250 2.1.5 ok", "550 2.1.5 ok", "250 2.1.5  ok", "250"];
        for n in 0..200usize {
            let line = match n % 7 {
                6 => format!("250 2.0.0 queued as {n}"),
                at => lines[(at * (n / 14 + 1)) % lines.len()].to_owned(),
            };
            if n % 3 == 0 {
                assert_eq!(reader.line(b"250-first").unwrap(), None);
                assert_eq!(reader.known(b"250 2.1.5 ok\r\n"), None, "it ends another one");
                assert_eq!(reader.line(b"250 2.1.5 ok").unwrap().unwrap().text(), "first\nok");
            }
            let told = format!("{line}\r\n250 next\r\n");
            let fresh = ReplyReader::default().line(line.as_bytes()).unwrap();
            if let Some((reply, length)) = reader.known(told.as_bytes()) {
                assert_eq!((length, Some(&reply)), (line.len() + 2, fresh.as_ref()), "{line}");
                known += 1;
            } else {
                let reply = reader.line(line.as_bytes()).unwrap();
                assert_eq!(reply, fresh, "{line}");
                reader.keep(&told.as_bytes()[..line.len() + 2], &reply.unwrap());
            }
            assert_eq!(
                reader.known(&line.as_bytes()[..line.len() - 1]),
                None,
                "a line that is not all there"
            );
        }
        assert!(known > 100, "{known}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut reader = ReplyReader::default();
            for line in lines {
                let _ = reader.line(&line);
            }
        }

        #[test]
        fn what_a_server_says_is_what_is_read(code in 200u16..600, lines in proptest::collection::vec("[a-z ]{0,20}", 1..6)) {
            let mut reader = ReplyReader::default();
            let mut out = None;
            for (i, text) in lines.iter().enumerate() {
                let mark = if i + 1 == lines.len() { ' ' } else { '-' };
                prop_assert!(out.is_none());
                out = reader.line(format!("{code}{mark}{text}").as_bytes()).unwrap();
            }
            prop_assert_eq!(out, Some(SmtpReply::new(code, None, lines.join("\n"))));
        }
    }
}
