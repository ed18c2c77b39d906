//! The driver of one message, from MAIL FROM to the reply that says what became of it.

use crate::SmtpConfig;
use crate::engine::{Step, Transaction, mail_from, rcpt_to};
use crate::session::Session;
use bytes::Bytes;
use postrider_core::{Body, Envelope, Error, ErrorKind, Phase, Receipt, Repeat, Result};
use postrider_wire::dot::Encoder;
use std::time::Duration;

/// The body is written in pieces of at least this size, the last but one and the terminator together.
const PIECE: usize = 64 * 1024;

impl Session {
    /// Sends one message over an idle session. After an error the session is busy unless the transaction
    /// came to an orderly end.
    pub(crate) async fn submit(
        &mut self,
        config: &SmtpConfig,
        envelope: &Envelope,
        body: &mut Option<Body<'_>>,
    ) -> Result<Receipt> {
        let size = body.as_ref().and_then(Body::size);
        // Everything that can be refused locally is, before a byte goes out.
        let mail = mail_from(envelope, size, &self.caps, config)?;
        let to = envelope.to.iter().map(|r| rcpt_to(r, &self.caps, config)).collect::<Result<Vec<_>>>()?;
        self.check_size(size)?;
        self.channel.begin(Phase::Sender)?;
        let mut transaction = Transaction::new(envelope, config.send_partial);
        self.say_envelope(config, &mail, &to, &mut transaction).await?;
        let step = match transaction.step() {
            Step::SayData => {
                let reply = self.command("DATA\r\n", Phase::Data).await?;
                self.hang_up_on_421(&reply);
                transaction.reply(reply);
                transaction.step()
            }
            step => step,
        };
        match step {
            Step::SendBody => {
                let body = body.take().unwrap_or_else(|| Body::from_bytes(Bytes::new()));
                self.send_body(config, &transaction, body).await
            }
            Step::LoneDot => {
                self.command(".\r\n", Phase::Data).await?;
                self.reset().await;
                Err(transaction.refused(self.channel.redactor()))
            }
            // The session stays busy: it is dropped, and the server forgets the message.
            Step::Abandon => Err(transaction.refused(self.channel.redactor())),
            Step::Reset | Step::SayData => {
                self.reset().await;
                Err(transaction.refused(self.channel.redactor()))
            }
        }
    }

    /// MAIL, RCPT and, in one go with them, DATA.
    async fn say_envelope(
        &mut self,
        config: &SmtpConfig,
        mail: &str,
        to: &[String],
        transaction: &mut Transaction,
    ) -> Result<()> {
        if config.pipelining && self.caps.pipelining {
            self.channel.queue(mail.as_bytes());
            for line in to {
                self.channel.queue(line.as_bytes());
            }
            self.channel.queue(b"DATA\r\n");
            self.channel.flush(Phase::Sender).await?;
            for _ in 0..to.len() + 2 {
                let reply = self.read(transaction.due()).await?;
                let gone = reply.code == 421;
                self.hang_up_on_421(&reply);
                transaction.reply(reply);
                if gone {
                    return Err(transaction.refused(self.channel.redactor()));
                }
            }
            return Ok(());
        }
        for line in std::iter::once(mail).chain(to.iter().map(String::as_str)) {
            let reply = self.command(line, transaction.due()).await?;
            let gone = reply.code == 421;
            self.hang_up_on_421(&reply);
            transaction.reply(reply);
            if gone {
                return Err(transaction.refused(self.channel.redactor()));
            }
            if transaction.sender_refused() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_body(
        &mut self,
        config: &SmtpConfig,
        transaction: &Transaction,
        mut body: Body<'_>,
    ) -> Result<Receipt> {
        let mut encoder = Encoder::new(config.line_ends);
        let mut length: u64 = 0;
        loop {
            // An error of the body leaves here: no terminator is ever written, so nothing is sent.
            let Some(chunk) = body.chunk().await.map_err(|e| not_sent(e, transaction, self))? else { break };
            length += chunk.len() as u64;
            self.check_size(Some(length)).map_err(|e| not_sent(e, transaction, self))?;
            for piece in chunk.chunks(PIECE) {
                encoder.encode(piece, self.channel.output()).map_err(|e| not_sent(e, transaction, self))?;
                if encoder.is_eight_bit() && !self.caps.eight_bit_mime {
                    return Err(not_sent(eight_bit(), transaction, self));
                }
                if self.channel.output().len() >= PIECE
                    && let Err(error) = self.channel.flush(Phase::Data).await
                {
                    return Err(self.broke_off(error, transaction).await);
                }
            }
        }
        self.channel.note(&format!("{length} bytes of body"));
        encoder.finish(self.channel.output()).map_err(|e| not_sent(e, transaction, self))?;
        if let Err(error) = self.channel.flush(Phase::EndOfData).await {
            // While its last byte is still here the terminator is not complete there.
            return Err(if self.channel.output().is_empty() {
                unsure(error, transaction, self)
            } else {
                self.broke_off(error, transaction).await
            });
        }
        let end = match self.read(Phase::EndOfData).await {
            Ok(reply) if reply.is_success() || reply.code >= 400 => reply,
            Ok(reply) => {
                let error =
                    self.refusal(Phase::EndOfData, &reply, "the reply to the end of data makes no sense");
                return Err(unsure(error, transaction, self));
            }
            Err(error) => return Err(unsure(error, transaction, self)),
        };
        self.used = true;
        if end.code != 421 {
            self.channel.finish();
        }
        transaction.finished(&end, self.channel.redactor())
    }

    /// Refuses what is larger than the server takes (RFC 1870 §6.1).
    fn check_size(&self, size: Option<u64>) -> Result<()> {
        match (size, self.caps.max_size) {
            (Some(size), Some(limit)) if size > limit => Err(Error::new(
                ErrorKind::Limit,
                Phase::Sender,
                format!("the message has at least {size} bytes, the server takes {limit}"),
            )
            .with_advice("make the message smaller, or ask for a larger limit")),
            _ => Ok(()),
        }
    }

    /// Writing failed before the end of data: the server may have said why.
    async fn broke_off(&mut self, error: Error, transaction: &Transaction) -> Error {
        match self.read_within(Phase::Data, Duration::from_secs(5)).await {
            Ok(reply) if reply.code >= 400 => {
                let recipients = transaction.outcomes(self.channel.redactor(), None);
                self.refusal(Phase::Data, &reply, "the server refused the message while it was sent")
                    .with_recipients(recipients)
            }
            _ => not_sent(error, transaction, self),
        }
    }

    /// RSET, so that the connection serves the next message. If that fails the session stays busy.
    async fn reset(&mut self) {
        self.used = true;
        if !self.hung_up() && self.command("RSET\r\n", Phase::Reset).await.is_ok_and(|r| r.is_success()) {
            self.channel.finish();
        }
    }
}

/// The body, or the way to the server, failed before the end of data.
fn not_sent(error: Error, transaction: &Transaction, session: &Session) -> Error {
    let recipients = transaction.outcomes(session.channel.redactor(), None);
    error.with_recipients(recipients)
}

fn unsure(error: Error, transaction: &Transaction, session: &Session) -> Error {
    let recipients = transaction.outcomes(session.channel.redactor(), None);
    let mut unsure = Error::new(
        ErrorKind::Unsure,
        Phase::EndOfData,
        format!("the whole message went out, and no answer came ({})", error.message()),
    )
    .with_repeat(Repeat::MayDuplicate)
    .with_recipients(recipients)
    .with_advice("find out whether it arrived before you send it again");
    if let Some(reply) = error.reply() {
        unsure = unsure.with_reply(reply.clone());
    }
    unsure.with_source(error)
}

fn eight_bit() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Phase::Data,
        "the message has bytes above 127 and the server does not offer 8BITMIME",
    )
    .with_advice("encode its parts as quoted-printable or base64")
}
