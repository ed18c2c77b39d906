//! IMAP: one mailbox, whose UIDs are its messages' numbers.

use crate::{Out, Speaks, number};
use memchr::memmem;
use std::io::{Result, Write};

const CAPABILITY: &str = "CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID UIDPLUS ESEARCH";

pub struct Session<'a> {
    body: &'a [u8],
    mailbox: u64,
    given: u64,
    /// The tag of an AUTHENTICATE whose response comes on the next line.
    responds: Option<Vec<u8>>,
}

impl<'a> Session<'a> {
    pub fn new(body: &'a [u8], mailbox: u64) -> Self {
        Self { body, mailbox, given: 0, responds: None }
    }

    fn done(&self, tag: &[u8], words: &str, out: &mut Out) -> Result<()> {
        out.put(tag)?;
        out.line(format_args!(" {words}"))
    }

    fn select(&self, out: &mut Out) -> Result<()> {
        out.line(format_args!(
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* {0} EXISTS\r\n* 0 RECENT\r\n\
             * OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT {1}] ok",
            self.mailbox,
            self.mailbox + 1
        ))
    }

    /// The messages that a set such as `1,3:5,7:*` means, clipped to the mailbox.
    fn ranges(&self, set: &[u8]) -> Vec<(u64, u64)> {
        let place = |word: &[u8]| if word == b"*" { Some(self.mailbox) } else { number(word) };
        let range = |part: &[u8]| {
            let mut ends = part.splitn(2, |b| *b == b':');
            let first = place(ends.next()?)?;
            let last = ends.next().map_or(Some(first), place)?;
            Some((first.min(last).max(1), first.max(last).min(self.mailbox)))
        };
        set.split(|b| *b == b',').filter_map(range).filter(|(first, last)| first <= last).collect()
    }

    fn fetch(&mut self, set: &[u8], items: &[u8], out: &mut Out) -> Result<()> {
        let whole = memmem::find(items, b"BODY").is_some();
        for (first, last) in self.ranges(set) {
            for n in first..=last {
                if whole {
                    let _ = write!(out.bytes, "* {n} FETCH (UID {n} BODY[] {{{}}}\r\n", self.body.len());
                    out.bytes.extend_from_slice(self.body);
                    out.put(b")\r\n")?;
                    self.given += 1;
                } else {
                    out.line(format_args!("* {n} FETCH (UID {n} FLAGS () RFC822.SIZE {})", self.body.len()))?;
                }
            }
        }
        Ok(())
    }

    /// `RETURN (ALL) UID set`, as ours asks.
    fn search(&self, tag: &[u8], rest: &[u8], out: &mut Out) -> Result<()> {
        let set = memmem::find(rest, b"UID ").map_or(&b"1:*"[..], |place| &rest[place + 4..]);
        let set = set.split(|b| *b == b' ').next().unwrap_or_default();
        let found: Vec<String> =
            self.ranges(set).iter().map(|(first, last)| format!("{first}:{last}")).collect();
        let all = if found.is_empty() { String::new() } else { format!(" ALL {}", found.join(",")) };
        out.line(format_args!("* ESEARCH (TAG \"{}\") UID{all}", String::from_utf8_lossy(tag)))
    }
}

impl Speaks for Session<'_> {
    fn greet(&self, out: &mut Out) -> Result<()> {
        out.line(format_args!("* OK [{CAPABILITY}] source"))
    }

    fn given(&self) -> u64 {
        self.given
    }

    fn answer(&mut self, line: &[u8], out: &mut Out) -> Result<bool> {
        if let Some(tag) = self.responds.take() {
            return self.done(&tag, "OK in", out).map(|()| true);
        }
        let mut words = line.splitn(3, |b| *b == b' ');
        let (tag, mut verb) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_ascii_uppercase());
        let mut rest = words.next().unwrap_or_default();
        if verb == b"UID" {
            let mut words = rest.splitn(2, |b| *b == b' ');
            verb = words.next().unwrap_or_default().to_ascii_uppercase();
            rest = words.next().unwrap_or_default();
        }
        match verb.as_slice() {
            b"FETCH" => {
                let mut words = rest.splitn(2, |b| *b == b' ');
                let (set, items) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                self.fetch(set, items, out)?;
            }
            b"SEARCH" => self.search(tag, rest, out)?,
            b"SELECT" | b"EXAMINE" => self.select(out)?,
            b"CAPABILITY" => out.line(format_args!("* {CAPABILITY}"))?,
            b"ID" => out.put(b"* ID NIL\r\n")?,
            // With the response on the line, or on the next.
            b"AUTHENTICATE" if !rest.contains(&b' ') => {
                self.responds = Some(tag.to_vec());
                return out.put(b"+ \r\n").map(|()| true);
            }
            b"AUTHENTICATE" | b"LOGIN" | b"NOOP" | b"CHECK" | b"CLOSE" => {}
            b"LOGOUT" => {
                out.put(b"* BYE\r\n")?;
                return self.done(tag, "OK bye", out).map(|()| false);
            }
            _ => return self.done(tag, "BAD not known here", out).map(|()| true),
        }
        self.done(tag, "OK done", out).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_mean_what_is_in_the_mailbox() {
        let session = Session::new(b"", 10);
        assert_eq!(session.ranges(b"1:3,5,8:*"), [(1, 3), (5, 5), (8, 10)]);
        assert_eq!(session.ranges(b"9:50000,*:4,11:12,x"), [(9, 10), (4, 10)]);
    }
}
