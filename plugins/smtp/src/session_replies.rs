//! Commands out, replies in: the part of the driver that every phase uses.

use crate::engine::{Command, LINE, ReplyFault, SmtpReply, refusal};
use crate::session::{LAST_WORDS, Session};
use bytes::Bytes;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// RFC 5321 §4.5.3.2.1 has five minutes. Nearly always a silent port is a wrong one, or one that expects TLS
/// from the start, and a person is waiting: a minute is enough for servers that delay their greeting on
/// purpose (half a minute is usual).
const GREETING: Duration = Duration::from_secs(60);
/// MAIL and RCPT (§4.5.3.2.2 and .3).
const ENVELOPE: Duration = Duration::from_secs(300);
/// DATA (§4.5.3.2.4).
const DATA: Duration = Duration::from_secs(120);

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
        let timing = self.channel.timing();
        let wait = match self.queue.next() {
            Some(Command::Greeting) => timing.answer(GREETING),
            Some(Command::Mail | Command::Rcpt(_) | Command::Reset) => timing.answer(ENVELOPE),
            Some(Command::Data) => timing.answer(DATA),
            // To give up here is not to know: the deadline for everything else does not count.
            Some(Command::EndOfData) => self.final_timeout,
            Some(Command::Quit) => LAST_WORDS,
            _ => timing.command(),
        };
        self.next_within(wait).await
    }

    /// As [`next`](Self::next), within `wait` for the whole reply.
    pub(crate) async fn next_within(&mut self, wait: Duration) -> Result<(Command, SmtpReply)> {
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
        self.answered |= reply.code != 421;
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

    /// Sends what is queued, and listens while it can't: a server that refuses a message half-way may stop
    /// reading it. When it speaks, the rest stays queued. The deadline is that of a write.
    pub(crate) async fn push(&mut self, phase: Phase) -> Result<()> {
        let limit = self.channel.timing().write_timeout;
        let mut timer = self.channel.host().sleep(limit);
        // Both calls keep their state in the channel, so they can be begun anew at each poll.
        poll_fn(|cx| {
            if let Poll::Ready(written) = pin!(self.channel.flush(phase)).poll(cx) {
                return Poll::Ready(written);
            }
            if let Poll::Ready(heard) = pin!(self.channel.fill(limit, phase)).poll(cx) {
                return Poll::Ready(heard);
            }
            let what = "the server takes no more of the message";
            timer.as_mut().poll(cx).map(|()| Err(Error::new(ErrorKind::Timeout, phase, what)))
        })
        .await
    }

    /// Looks, without waiting, whether the server has spoken or closed while a body is due: a refusal then
    /// spares us the rest, and an acceptance can't be one of a message that is not there yet.
    pub(crate) async fn listen(&mut self) -> Result<()> {
        let heard = poll_fn(|cx| match pin!(self.channel.fill(LAST_WORDS, Phase::Data)).poll(cx) {
            Poll::Ready(heard) => Poll::Ready(heard),
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await;
        if self.channel.input().is_empty() {
            return heard;
        }
        Err(self.last_words().await.unwrap_or_else(out_of_turn))
    }

    /// Looks, without waiting, what came while nothing was asked: true if the connection has ended. Words that
    /// came are in the buffer then, where the next command finds them: late, they would be taken for its answer.
    pub(crate) async fn has_closed(&mut self) -> bool {
        poll_fn(|cx| {
            let looked = pin!(self.channel.fill(LAST_WORDS, Phase::Reset)).poll(cx);
            Poll::Ready(matches!(looked, Poll::Ready(Err(_))))
        })
        .await
    }

    /// The refusal that the server has left behind, or leaves within a moment, as an error.
    pub(crate) async fn last_words(&mut self) -> Option<Error> {
        // While a body is due, what it says answers the message as a whole.
        self.queue.expect(Command::EndOfData);
        let (command, reply) = self.next_within(LAST_WORDS).await.ok()?;
        let phase = if command == Command::EndOfData { Phase::Data } else { command.phase() };
        let what = "the server refused the message while it was sent";
        reply.is_refusal().then(|| refusal(phase, &reply, what, self.channel.redactor()))
    }

    fn broken(&self, fault: ReplyFault, line: &Bytes, phase: Phase) -> Error {
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

/// An answer to a message that is not there yet.
pub(crate) fn out_of_turn() -> Error {
    Error::new(ErrorKind::Protocol, Phase::Data, "the server answered before the end of the message")
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
