//! The exchange of a command for its reply.

use crate::engine::reply::{LINE, Line, Status};
use crate::session::Session;
use bytes::{Buf, Bytes};
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::time::Duration;

impl Session {
    /// Sends a command and reads its reply line. What the server said before it was asked answers nothing.
    pub(crate) async fn ask(&mut self, command: &str, phase: Phase) -> Result<Line> {
        self.begin(phase)?;
        self.queue(command);
        self.channel.flush(phase).await?;
        self.reply(phase).await
    }

    /// Puts a command into the buffer. Commands are made of our own words and numbers; whatever a caller
    /// gives is checked in `auth` or looked up in the maildrop.
    pub(crate) fn queue(&mut self, command: &str) {
        self.channel.queue(format!("{command}\r\n").as_bytes());
    }

    /// As [`queue`](Self::queue), for a command for one message; it makes nothing on the heap, for there are as
    /// many as messages.
    pub(crate) fn queue_for(&mut self, verb: &[u8; 4], number: u32) {
        // From the end: ten digits at most, and a verb of four letters.
        let mut line = [b' '; 17];
        let (mut rest, mut start) = (number, line.len() - 2);
        let mut put = |at: usize, byte| line.get_mut(at).map(|b| *b = byte);
        put(start, b'\r');
        put(start + 1, b'\n');
        loop {
            start -= 1;
            put(start, b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        start -= 1 + verb.len();
        for (at, byte) in (start..).zip(verb) {
            put(at, *byte);
        }
        self.channel.queue(line.get(start..).unwrap_or_default());
    }

    /// Reads a reply line.
    pub(crate) async fn reply(&mut self, phase: Phase) -> Result<Line> {
        self.reply_to(false, phase).await
    }

    /// Reads a reply line, waiting for at most this long.
    pub(crate) async fn reply_within(&mut self, wait: Duration, phase: Phase) -> Result<Line> {
        let line = self.channel.line(LINE, wait, phase).await?;
        self.silent = false;
        self.parsed(false, &line, phase)
    }

    /// Reads the reply to a command that was sent `behind` others, before these had theirs.
    pub(crate) async fn reply_to(&mut self, behind: bool, phase: Phase) -> Result<Line> {
        let line = self.heard(behind, LINE, phase).await?;
        self.parsed(behind, &line, phase)
    }

    /// As [`reply_to`](Self::reply_to); `None` is a success, of which nothing more is to be known.
    pub(crate) async fn refusal_to(&mut self, behind: bool, phase: Phase) -> Result<Option<Line>> {
        let line = self.heard(behind, LINE, phase).await?;
        if Line::is_plain_ok(&line) { Ok(None) } else { self.parsed(behind, &line, phase).map(Some) }
    }

    /// A line of at most `limit` bytes that answers a command.
    pub(crate) async fn heard(&mut self, behind: bool, limit: usize, phase: Phase) -> Result<Bytes> {
        let wait = self.channel.timing().command();
        let heard = self.channel.line(limit, wait, phase).await;
        match &heard {
            Ok(_) => self.behind = self.behind.saturating_add(u32::from(behind)),
            Err(error) => self.suspect = self.suspect.or(behind.then_some(error.kind())),
        }
        self.silent &= heard.is_err();
        heard
    }

    fn parsed(&mut self, behind: bool, line: &Bytes, phase: Phase) -> Result<Line> {
        match Line::parse(line) {
            Some(reply) if reply.status != Status::Challenge => Ok(reply),
            _ => {
                self.suspect = self.suspect.or(behind.then_some(ErrorKind::Protocol));
                Err(self.no_reply(line, phase))
            }
        }
    }

    /// Reads the lines of a listing up to its end, byte-unstuffed (RFC 1939 §3).
    pub(crate) async fn lines(
        &mut self,
        phase: Phase,
        mut each: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> Result<()> {
        let wait = self.channel.timing().command();
        self.channel.expect_body();
        loop {
            // Taken out, so that a line is no more than a slice of it: there are as many as messages.
            let mut block = std::mem::take(self.channel.input());
            let (taken, ended) = self.lines_of(&block, phase, &mut each)?;
            block.advance(taken);
            *self.channel.input() = block;
            if ended {
                return Ok(());
            }
            self.channel.fill_body(wait, phase).await?;
        }
    }

    /// Gives each whole line of the block. How many bytes they take, and whether the last one ends the listing.
    fn lines_of(
        &self,
        block: &[u8],
        phase: Phase,
        each: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<(usize, bool)> {
        let mut rest = block;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() > LINE {
                return Err(too_long(phase));
            }
            self.channel.heard(line);
            if line == b"." {
                return Ok((block.len() - rest.len(), true));
            }
            each(line.strip_prefix(b".").unwrap_or(line)).map_err(|error| {
                Error::new(error.kind(), phase, format!("{}: \"{}\"", error.message(), self.words(line)))
            })?;
        }
        if rest.len() > LINE { Err(too_long(phase)) } else { Ok((block.len() - rest.len(), false)) }
    }

    /// The error of a refused command.
    pub(crate) fn refused(&self, reply: &Line, otherwise: ErrorKind, phase: Phase, what: &str) -> Error {
        reply.refusal(otherwise, phase, what, self.channel.redactor())
    }

    /// The error of a line that is no reply.
    pub(crate) fn no_reply(&self, line: &Bytes, phase: Phase) -> Error {
        let what = format!("the server's reply is neither +OK nor -ERR: \"{}\"", self.words(line));
        Error::new(ErrorKind::Protocol, phase, what)
    }

    /// The beginning of what the server said, fit to be shown: masked before it is shortened, for half a secret
    /// would not be known as one.
    pub(crate) fn words(&self, line: &[u8]) -> String {
        let words = self.channel.redactor().clean(&String::from_utf8_lossy(line));
        words.chars().take(200).collect::<String>().escape_debug().to_string()
    }
}

fn too_long(phase: Phase) -> Error {
    Error::new(ErrorKind::Limit, phase, format!("the server sent a line of over {LINE} bytes"))
}
