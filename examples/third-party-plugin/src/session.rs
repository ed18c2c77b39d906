//! The driver: greeting, LHLO, one message after the other, QUIT.

use crate::LmtpConfig;
use crate::reply::{LINE, ReplyReader, refusal, verdict};
use crate::transaction::Transaction;
use postrider_core::{
    Address, Body, Envelope, Error, ErrorKind, Host, Phase, Receipt, Reply, Result, TlsMode, within,
};
use postrider_wire::Channel;
use postrider_wire::dot::{Encoder, LineEnds};
use std::sync::Arc;
use std::time::Duration;

/// The body is written in pieces of about this size; the last one takes the terminator along.
const PIECE: usize = 64 * 1024;
/// Longest wait for the answers to a message (RFC 5321 §4.5.3.2.6): the server is writing it to its disk.
const FINAL: Duration = Duration::from_secs(600);
/// Longest time for QUIT.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection to a server that is ready for messages.
pub(crate) struct Session {
    channel: Channel,
    eight_bit: bool,
    utf8: bool,
}

impl Session {
    // docs: open
    /// Dials, hears the greeting and says LHLO.
    pub(crate) async fn open(config: &LmtpConfig, host: Arc<dyn Host>) -> Result<Self> {
        let (target, timing) = (config.target.clone(), config.timing.clone());
        let channel = Channel::connect(host, target, timing, "lmtp", false).await?;
        if config.target.tls == TlsMode::None && !channel.is_private() {
            let what = "the server is another machine, and the connection is not encrypted";
            return Err(Error::new(ErrorKind::Tls, Phase::Connect, what)
                .with_advice("use tls=implicit, or a server on this machine"));
        }
        let mut session = Self { channel, eight_bit: false, utf8: false };
        let greeting = session.reply(Phase::Greeting).await?;
        if greeting.number() != Some(220) {
            return Err(refusal(Phase::Greeting, greeting, "the server does not want to talk"));
        }
        let hello = session.command(&format!("LHLO {}\r\n", config.hello), Phase::Capability).await?;
        if hello.number() != Some(250) {
            return Err(refusal(Phase::Capability, hello, "the server refused LHLO"));
        }
        let offers =
            |what: &str| {
                hello.text().lines().skip(1).any(|line| {
                    line.split(' ').next().is_some_and(|keyword| keyword.eq_ignore_ascii_case(what))
                })
            };
        (session.eight_bit, session.utf8) = (offers("8BITMIME"), offers("SMTPUTF8"));
        session.channel.finish();
        Ok(session)
    }
    // docs: end

    /// True if it can't be used for another message.
    pub(crate) fn is_over(&self) -> bool {
        self.channel.is_busy()
    }

    /// MAIL, the beginning of a message. Where it fails, nothing of the message has been said.
    pub(crate) async fn sender(&mut self, envelope: &Envelope) -> Result<()> {
        let addresses = envelope.from.iter().chain(envelope.to.iter().map(|to| &to.address));
        let utf8 = !addresses.into_iter().all(Address::is_ascii);
        if utf8 && !self.utf8 {
            let what = "an address has characters outside ASCII, and the server does not offer SMTPUTF8";
            return Err(Error::new(ErrorKind::Unsupported, Phase::Sender, what)
                .with_advice("use an ASCII address, or a server that offers SMTPUTF8"));
        }
        let from = envelope.from.as_ref().map_or("", Address::as_str);
        let body = if self.eight_bit { " BODY=8BITMIME" } else { "" };
        let utf8 = if utf8 { " SMTPUTF8" } else { "" };
        let reply = self.command(&format!("MAIL FROM:<{from}>{body}{utf8}\r\n"), Phase::Sender).await?;
        if reply.number() == Some(250) {
            return Ok(());
        }
        self.reset(&reply).await;
        Err(refusal(Phase::Sender, reply, "the server refused the sender"))
    }

    // docs: deliver
    /// The recipients and the message, behind MAIL. The server answers the end of the message once for each recipient.
    pub(crate) async fn deliver(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut transaction = Transaction::new(envelope);
        let ready = self.announce(envelope, &mut transaction).await;
        match ready {
            Ok(true) => {}
            Ok(false) => return transaction.finished(Phase::Recipient),
            Err(error) => return Err(transaction.not_sent(error)),
        }
        let written = self.stream(body).await;
        // An answer that is here already can't be one to a message that is not there yet.
        if let Err(error) = written.and_then(|()| self.channel.begin(Phase::EndOfData)) {
            return Err(transaction.not_sent(error));
        }
        if let Err(error) = self.channel.flush(Phase::EndOfData).await {
            // While its last byte is still here, the end of the message is not complete there.
            let whole = self.channel.output().is_empty();
            return Err(if whole { transaction.unsure(error) } else { transaction.not_sent(error) });
        }
        for at in transaction.accepted() {
            match self.reply(Phase::EndOfData).await {
                Ok(reply) => transaction.answered(at, reply),
                Err(error) => return Err(transaction.unsure(error)),
            }
        }
        self.channel.finish();
        transaction.finished(Phase::EndOfData)
    }
    // docs: end

    /// RCPT for each recipient, and DATA; false if there is nobody to send it to.
    async fn announce(&mut self, envelope: &Envelope, transaction: &mut Transaction) -> Result<bool> {
        let mut last = None;
        for (at, to) in envelope.to.iter().enumerate() {
            let reply =
                self.command(&format!("RCPT TO:<{}>\r\n", to.address.as_str()), Phase::Recipient).await?;
            if !matches!(reply.number(), Some(200..=299)) {
                transaction.refused(at, verdict(reply.clone()));
            }
            last = Some(reply);
        }
        if transaction.accepted().is_empty() {
            if let Some(reply) = last {
                self.reset(&reply).await;
            }
            return Ok(false);
        }
        let reply = self.command("DATA\r\n", Phase::Data).await?;
        if reply.number() == Some(354) {
            return Ok(true);
        }
        self.reset(&reply).await;
        Err(refusal(Phase::Data, reply, "the server refused the message"))
    }

    /// Writes the body but for its last piece, which stays in the buffer with the terminator behind it: an error leaves
    /// no terminator, so nothing is delivered.
    async fn stream(&mut self, mut body: Body<'_>) -> Result<()> {
        let mut encoder = Encoder::new(LineEnds::Normalise);
        while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
            for piece in chunk.chunks(PIECE) {
                encoder.encode(piece, self.channel.output())?;
                if encoder.is_eight_bit() && !self.eight_bit {
                    let what = "the message has bytes above 127 and the server does not offer 8BITMIME";
                    return Err(Error::new(ErrorKind::Unsupported, Phase::Data, what)
                        .with_advice("encode its parts as quoted-printable or base64"));
                }
                if self.channel.output().len() >= PIECE {
                    self.channel.flush(Phase::Data).await?;
                }
            }
        }
        encoder.finish(self.channel.output())
    }

    /// RSET behind a refusal, so that the connection serves the next message. If that fails the session stays busy,
    /// and so it does when the server has said goodbye (421).
    async fn reset(&mut self, refused: &Reply) {
        if refused.number() == Some(421) {
            return;
        }
        if self.command("RSET\r\n", Phase::Reset).await.is_ok_and(|reply| reply.number() == Some(250)) {
            self.channel.finish();
        }
    }

    /// QUIT; nothing that happens here matters to any message.
    pub(crate) async fn quit(mut self) {
        let host = Arc::clone(self.channel.host());
        let goodbye = self.command("QUIT\r\n", Phase::Close);
        if within(host.as_ref(), LAST_WORDS, Phase::Close, goodbye).await.is_ok() {
            self.channel.shutdown().await;
        }
    }

    async fn command(&mut self, line: &str, phase: Phase) -> Result<Reply> {
        // An answer to something nobody asked would be taken for the answer to this.
        self.channel.begin(phase)?;
        self.channel.queue(line.as_bytes());
        self.channel.flush(phase).await?;
        self.reply(phase).await
    }

    /// The next reply. One deadline for all its lines: a server that drips them is not waited for without end.
    async fn reply(&mut self, phase: Phase) -> Result<Reply> {
        let timing = self.channel.timing();
        let wait = if phase == Phase::EndOfData { timing.answer(FINAL) } else { timing.command() };
        let host = Arc::clone(self.channel.host());
        within(host.as_ref(), wait, phase, async {
            let mut reader = ReplyReader::default();
            loop {
                let line = self.channel.line(LINE, wait, phase).await?;
                if let Some(reply) = reader.line(&line, phase)? {
                    return Ok(reply);
                }
            }
        })
        .await
    }
}

/// The error of a body that failed. Its own kind and phase are of wherever it came from.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let what = format!("the message could not be read to its end ({})", error.message());
    Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(error.repeat()).with_source(error)
}
