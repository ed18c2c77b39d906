//! Commands out, replies in: the part of the driver that every phase uses.

use crate::engine::{Command, LINE, ReplyFault, ReplyLine, SmtpReply};
use crate::session::{LAST_WORDS, Session};
use crate::session_flow::Drive;
use bytes::Buf;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::time::Duration;

/// RFC 5321 §4.5.3.2.1 has five minutes. Nearly always a silent port is a wrong one, or one that expects TLS
/// from the start, and a person is waiting: a minute is enough for servers that delay their greeting on
/// purpose (half a minute is usual).
const GREETING: Duration = Duration::from_secs(60);
/// MAIL, RCPT and a block of data (§4.5.3.2.2, .3 and .5, which has three minutes for the last).
const ENVELOPE: Duration = Duration::from_secs(300);
/// DATA (§4.5.3.2.4).
const DATA: Duration = Duration::from_secs(120);

impl Drive<'_, '_, '_> {
    /// Takes the answers that have come, in place, while answers are due.
    pub(crate) fn hear(&mut self) {
        let channel = &mut self.session.channel;
        let (mut input, mut out) = (std::mem::take(channel.input()), std::mem::take(channel.output()));
        let mut start = 0;
        while self.flow.listens() {
            // At once: what belongs to one message is given away before the next one needs as much.
            self.tell_news();
            let rest = input.get(start..).unwrap_or_default();
            if let Some((reply, length)) = self.session.reader.known(rest) {
                (start, self.searched) = (start + length, 0);
                self.session.channel.heard(without_end(rest.get(..length).unwrap_or_default()));
                self.flow.take(reply, &mut out, self.session.channel.redactor());
                continue;
            }
            let from = self.searched.min(rest.len());
            let found = memchr::memchr(b'\n', rest.get(from..).unwrap_or_default()).map(|at| at + from);
            let phase = self.flow.front().phase();
            if found.unwrap_or(rest.len()) > LINE {
                let what = format!("the server sent a line of over {LINE} bytes");
                let error = Error::new(ErrorKind::Limit, phase, what);
                self.flow.lost(error, self.session.channel.redactor());
                break;
            }
            let Some(end) = found else {
                self.searched = rest.len();
                break;
            };
            let line = without_end(rest.get(..=end).unwrap_or_default());
            (start, self.searched) = (start + end + 1, 0);
            self.session.channel.heard(line);
            let parts = ReplyLine::read(line);
            // An answer whose first line comes too early comes too early.
            let begins = |l: &ReplyLine<'_>| self.session.reader.is_empty() && !l.last && l.code < 400;
            if let Some(ReplyLine { code, .. }) = parts.filter(begins)
                && self.flow.awaited().is_none()
            {
                let reply = SmtpReply::bare(code);
                self.flow.take(reply, &mut out, self.session.channel.redactor());
                continue;
            }
            let alone = self.session.reader.is_empty();
            match parts.ok_or(ReplyFault::NotAReply).and_then(|l| self.session.reader.put(l)) {
                Ok(None) => {}
                Ok(Some(reply)) => {
                    if alone {
                        self.session.reader.keep(rest.get(..=end).unwrap_or_default(), &reply);
                    }
                    self.flow.take(reply, &mut out, self.session.channel.redactor());
                }
                Err(fault) => {
                    let error = self.session.broken(fault, line, phase);
                    self.flow.lost(error, self.session.channel.redactor());
                }
            }
        }
        input.advance(start);
        (*self.session.channel.input(), *self.session.channel.output()) = (input, out);
    }
}

impl Session {
    /// Sends one command while no other is out, and hears its reply.
    pub(crate) async fn command(&mut self, line: &str, command: Command) -> Result<SmtpReply> {
        self.channel.begin(command.phase())?;
        self.channel.queue(line.as_bytes());
        self.exchange(command).await
    }

    /// As [`command`](Self::command), for an AUTH line with a secret in it; `shown` is for the transcript.
    pub(crate) async fn secret_command(&mut self, line: &str, shown: &str) -> Result<SmtpReply> {
        self.channel.begin(Phase::Authenticate)?;
        self.channel.queue_secret(line.as_bytes(), shown);
        self.exchange(Command::Auth).await
    }

    async fn exchange(&mut self, command: Command) -> Result<SmtpReply> {
        self.queue.expect(command);
        self.channel.flush(command.phase()).await?;
        Ok(self.next().await?.1)
    }

    /// The next reply and the command it belongs to, within the deadline of that command.
    pub(crate) async fn next(&mut self) -> Result<(Command, SmtpReply)> {
        let wait = self.queue.next().map_or(LAST_WORDS, |command| self.patience(command));
        self.next_within(wait).await
    }

    /// How long the answer to a command is waited for.
    pub(crate) fn patience(&self, command: Command) -> Duration {
        let timing = self.channel.timing();
        match command {
            Command::Greeting => timing.answer(GREETING),
            Command::Mail | Command::Rcpt(_) | Command::Reset | Command::Chunk => timing.answer(ENVELOPE),
            Command::Data => timing.answer(DATA),
            // To give up here is not to know: the deadline for everything else does not count.
            Command::EndOfData => self.final_timeout,
            Command::Quit => LAST_WORDS,
            Command::Hello | Command::StartTls | Command::Auth => timing.command(),
        }
    }

    /// As [`next`](Self::next), within `wait` for the whole reply.
    async fn next_within(&mut self, wait: Duration) -> Result<(Command, SmtpReply)> {
        let phase = self.queue.next().map_or(Phase::Close, Command::phase);
        let until = self.channel.host().now().saturating_add(wait);
        let reply = loop {
            // One deadline for all lines: a server that drips them is not waited for without end.
            let left = until.saturating_sub(self.channel.host().now()).max(Duration::from_millis(1));
            let line = self.channel.line(LINE, left, phase).await.map_err(|e| at_greeting(e, phase))?;
            match self.reader.line(&line) {
                Ok(Some(reply)) => break reply,
                Ok(None) => {}
                Err(fault) => return Err(self.broken(fault, &line, phase)),
            }
        };
        self.hung_up |= reply.code == 421;
        match self.queue.pair(&reply) {
            Some(command) => Ok((command, reply)),
            None => {
                let what = "the server's answer does not fit what was asked";
                Err(Error::new(ErrorKind::Protocol, phase, what)
                    .with_reply(reply.to_core(self.channel.redactor()))
                    .with_advice(
                        "a server that can't keep up with pipelined commands needs pipelining=false",
                    ))
            }
        }
    }

    /// The error of a line that is no reply.
    pub(crate) fn broken(&self, fault: ReplyFault, line: &[u8], phase: Phase) -> Error {
        // Masked before it is shortened: half a secret would not be known as one.
        let clean = self.channel.redactor().clean(&String::from_utf8_lossy(line));
        let shown: String = clean.chars().take(200).collect();
        let shown = shown.escape_debug();
        let protocol = |what: String| Error::new(ErrorKind::Protocol, phase, what);
        match fault {
            ReplyFault::TooLong => {
                Error::new(ErrorKind::Limit, phase, "the server's reply is longer than 64 KiB or 1,000 lines")
            }
            ReplyFault::MixedCodes => {
                protocol(format!("the lines of one reply have different codes: \"{shown}\""))
            }
            ReplyFault::NotAReply => {
                let speaks = match line.first() {
                    Some(b'+') if phase == Phase::Greeting => "the server speaks POP3, not SMTP",
                    Some(b'*') if phase == Phase::Greeting => "the server speaks IMAP, not SMTP",
                    _ => "not an SMTP reply",
                };
                protocol(format!("{speaks}: \"{shown}\""))
                    .with_advice("check host and port: an outgoing server usually listens on 465 or 587")
            }
        }
    }
}

/// A line without its line end, and with all that stands before it.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn at_greeting(error: Error, phase: Phase) -> Error {
    if phase == Phase::Greeting && error.kind() == ErrorKind::Closed {
        return error.with_advice(
            "check host and port; the port may expect TLS from the start (tls=implicit), or the server may not \
             serve this host",
        );
    }
    error
}
