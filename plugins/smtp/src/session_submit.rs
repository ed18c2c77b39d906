//! The driver of one message, from MAIL FROM to the reply that says what became of it.

use crate::SmtpConfig;
use crate::engine::{Command, Step, Transaction, envelope_lines};
use crate::session::{LAST_WORDS, Session};
use crate::session_replies::out_of_turn;
use bytes::Bytes;
use postrider_core::{Body, Envelope, Error, ErrorKind, Phase, Receipt, Repeat, Result};
use postrider_wire::dot::Encoder;

/// The body is written in pieces of about this size; the last one takes the terminator along.
const PIECE: usize = 64 * 1024;
/// Most commands that are out at a time. The server answers while we write: were there no bound, thousands of
/// recipients could fill both directions, and each side would wait for the other to read (RFC 2920 §3.1).
const WINDOW: usize = 100;

impl Session {
    /// Sends one message over an idle session. Takes the body when the server is ready for it. After an error
    /// the session [is over](Session::is_over) unless the transaction came to an orderly end.
    pub(crate) async fn submit(
        &mut self,
        config: &SmtpConfig,
        envelope: &Envelope,
        body: &mut Option<Body<'_>>,
    ) -> Result<Receipt> {
        self.answered = false;
        let size = body.as_ref().and_then(Body::size);
        // Everything that can be refused locally is, before a byte goes out.
        let lines = envelope_lines(envelope, size, &self.caps, config)?;
        self.check_size(size)?;
        if lines.without_dsn {
            self.channel.note("the server does not offer DSN: delivery-status wishes are left out");
        }
        let mut transaction = Transaction::new(envelope, config.send_partial);
        let pipelined = config.pipelining && self.caps.pipelining;
        let envelope_said = self.say_envelope(&lines.mail, &lines.rcpt, pipelined, &mut transaction).await;
        envelope_said.map_err(|e| self.not_sent(e, &transaction))?;
        match transaction.step() {
            Step::SendBody => {
                let body = body.take().unwrap_or_else(|| Body::from_bytes(Bytes::new()));
                return self.send_body(config, &transaction, body).await;
            }
            // What these say changes nothing: the message is refused. If they fail the session stays busy.
            Step::LoneDot => {
                if self.command(".\r\n", Command::EndOfData).await.is_ok() {
                    self.reset().await;
                }
            }
            Step::Reset | Step::SayData => self.reset().await,
            // Stays busy: it is dropped, and the server forgets the message.
            Step::Abandon => {}
        }
        Err(transaction.refused(self.channel.redactor()))
    }

    /// MAIL, RCPT and DATA: in one go, or one by one.
    async fn say_envelope(
        &mut self,
        mail: &str,
        rcpt: &[String],
        pipelined: bool,
        transaction: &mut Transaction,
    ) -> Result<()> {
        let mut commands = vec![(Command::Mail, mail)];
        commands.extend(rcpt.iter().enumerate().map(|(i, line)| (Command::Rcpt(i), line.as_str())));
        commands.push((Command::Data, "DATA\r\n"));
        for group in commands.chunks(if pipelined { WINDOW } else { 1 }) {
            let phase = group.first().map_or(Phase::Sender, |(command, _)| command.phase());
            self.channel.begin(phase)?;
            let said =
                group.iter().filter(|(command, _)| *command != Command::Data || transaction.may_say_data());
            let said: Vec<_> = said.collect();
            for (command, line) in &said {
                self.channel.queue(line.as_bytes());
                self.queue.expect(*command);
            }
            if let Err(error) = self.channel.flush(phase).await {
                return Err(self.last_words().await.unwrap_or(error));
            }
            for _ in said {
                let (command, reply) = self.next().await?;
                transaction.take(command, reply);
                if self.hung_up {
                    return Ok(());
                }
            }
            if transaction.is_lost() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_body(
        &mut self,
        config: &SmtpConfig,
        transaction: &Transaction,
        body: Body<'_>,
    ) -> Result<Receipt> {
        self.stream(config, body).await.map_err(|e| self.not_sent(e, transaction))?;
        self.queue.expect(Command::EndOfData);
        let written = self.push(Phase::EndOfData).await;
        // While its last byte is still here, the terminator is not complete there.
        let whole = self.channel.output().is_empty();
        if !whole || !self.channel.input().is_empty() {
            let error = written.err().unwrap_or_else(out_of_turn);
            return Err(match self.last_words().await {
                Some(refused) => self.not_sent(refused, transaction),
                None if whole => self.unsure(error, transaction),
                None => self.not_sent(error, transaction),
            });
        }
        let end = match written {
            Ok(()) => self.next().await,
            // All of it has left: the server may have answered it and gone.
            Err(error) => self.next_within(LAST_WORDS).await.map_err(|_| error),
        };
        match end {
            Ok((_, end)) => {
                // From here on nothing can turn an acceptance into an error.
                self.channel.finish();
                transaction.finished(&end, self.channel.redactor())
            }
            Err(error) => Err(self.unsure(error, transaction)),
        }
    }

    /// Writes the body but for its last piece, listening all the while: an answer too many would be taken for
    /// the one to the end of data. The last piece stays in the buffer with the terminator behind it. An
    /// error leaves no terminator behind, so nothing is sent.
    async fn stream(&mut self, config: &SmtpConfig, mut body: Body<'_>) -> Result<()> {
        let mut encoder = Encoder::new(config.line_ends);
        let mut length: u64 = 0;
        while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
            length = length.saturating_add(chunk.len() as u64);
            self.check_size(Some(length))?;
            for piece in chunk.chunks(PIECE) {
                encoder.encode(piece, self.channel.output())?;
                if encoder.is_eight_bit() && !self.caps.eight_bit_mime {
                    return Err(eight_bit());
                }
                if self.channel.output().len() >= PIECE {
                    if let Err(error) = self.push(Phase::Data).await {
                        return Err(self.last_words().await.unwrap_or(error));
                    }
                    self.listen().await?;
                }
            }
        }
        self.channel.note(&format!("a body of {length} bytes"));
        self.listen().await?;
        encoder.finish(self.channel.output())
    }

    /// Refuses what is larger than the server takes (RFC 1870 §6.1). Dots that stuffing adds don't count.
    fn check_size(&self, size: Option<u64>) -> Result<()> {
        match (size, self.caps.max_size) {
            (Some(size), Some(limit)) if size > limit => Err(Error::new(
                ErrorKind::Limit,
                Phase::Sender,
                format!("the message has {size} bytes or more, the server takes at most {limit}"),
            )
            .with_advice("make the message smaller, or ask for a larger limit")),
            _ => Ok(()),
        }
    }

    /// RSET, so that the connection serves the next message. If that fails the session stays busy.
    async fn reset(&mut self) {
        if !self.hung_up && self.command("RSET\r\n", Command::Reset).await.is_ok_and(|r| r.is_success()) {
            self.channel.finish();
        }
    }

    /// The error of a message whose end of data can't have reached the server.
    fn not_sent(&self, error: Error, transaction: &Transaction) -> Error {
        error.with_recipients(transaction.outcomes(self.channel.redactor(), false))
    }

    /// The error of a message whose end of data may have reached the server.
    fn unsure(&self, error: Error, transaction: &Transaction) -> Error {
        let what = format!("the whole message went out, and no answer came ({})", error.message());
        let mut unsure = Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
            .with_advice("find out whether it arrived before you send it again")
            .with_recipients(transaction.outcomes(self.channel.redactor(), false));
        if let Some(reply) = error.reply() {
            unsure = unsure.with_reply(reply.clone());
        }
        unsure.with_source(error)
    }
}

/// The error of a body that failed. Its own kind, phase and reply are of wherever it came from: a mailbox that
/// refuses to give a message out is no server that refuses to take it.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    let failed = Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat);
    match error.advice() {
        Some(advice) => failed.with_advice(advice.to_owned()),
        None => failed,
    }
    .with_source(error)
}

fn eight_bit() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Phase::Data,
        "the message has bytes above 127 and the server does not offer 8BITMIME",
    )
    .with_advice("encode its parts as quoted-printable or base64")
}
