//! The driver of a session: from the dial to a server that is ready for messages.

use crate::engine::{Capabilities, ReplyReader, SmtpReply};
use crate::{SmtpConfig, auth};
use postrider_core::{Error, ErrorKind, Host, Phase, Result, TlsMode};
use postrider_wire::Channel;
use std::sync::Arc;
use std::time::Duration;

/// MAIL and RCPT (RFC 5321 §4.5.3.2.2 and .3).
const ENVELOPE: Duration = Duration::from_secs(300);
/// DATA (§4.5.3.2.4).
const DATA: Duration = Duration::from_secs(120);
/// The reply to the end of data (§4.5.3.2.6).
const END_OF_DATA: Duration = Duration::from_secs(600);

/// A connection that is signed in.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    pub(crate) caps: Capabilities,
    reader: ReplyReader,
    /// A message has been through it, so the server may have closed it since.
    pub(crate) used: bool,
    hung_up: bool,
}

impl Session {
    /// Dials, greets, encrypts and signs in.
    pub(crate) async fn open(config: &SmtpConfig, host: Arc<dyn Host>) -> Result<Self> {
        let channel =
            Channel::connect(host, config.target.clone(), config.timing.clone(), "smtp", config.debug)
                .await?;
        let mut session = Self {
            channel,
            caps: Capabilities::default(),
            reader: ReplyReader::default(),
            used: false,
            hung_up: false,
        };
        for secret in config.login.secrets() {
            session.channel.mask(secret);
        }
        session.channel.begin(Phase::Greeting)?;
        session.greeting().await?;
        session.hello(config).await?;
        session.encrypt(config).await?;
        auth::sign_in(&mut session, config).await?;
        session.channel.finish();
        Ok(session)
    }

    async fn greeting(&mut self) -> Result<()> {
        let line = self.channel.timing().answer(Duration::from_secs(60));
        let greeting = self.read_within(Phase::Greeting, line).await?;
        if greeting.code == 220 {
            return Ok(());
        }
        let reply = greeting.to_core(self.channel.redactor());
        let kind = if greeting.is_permanent() { ErrorKind::Rejected } else { ErrorKind::Deferred };
        Err(Error::new(kind, Phase::Greeting, "the server does not want to talk")
            .with_reply(reply)
            .with_advice("check that this host may use the server; try again later if it is busy"))
    }

    /// EHLO, or HELO where the server does not know it and nothing that needs EHLO is wanted.
    pub(crate) async fn hello(&mut self, config: &SmtpConfig) -> Result<()> {
        if config.ehlo {
            let reply = self.command(&format!("EHLO {}\r\n", config.hello), Phase::Capability).await?;
            if reply.is_success() {
                self.caps = Capabilities::read(&reply);
                return Ok(());
            }
            if !matches!(reply.code, 500 | 501 | 502 | 504) {
                return Err(self
                    .refusal(Phase::Capability, &reply, "the server refused EHLO")
                    .with_advice("check the property localhost, the name given in EHLO"));
            }
        }
        self.caps = Capabilities::default();
        let reply = self.command(&format!("HELO {}\r\n", config.hello), Phase::Capability).await?;
        if reply.is_success() {
            return Ok(());
        }
        Err(self
            .refusal(Phase::Capability, &reply, "the server refused HELO")
            .with_advice("check the property localhost, the name given in HELO"))
    }

    async fn encrypt(&mut self, config: &SmtpConfig) -> Result<()> {
        let mode = config.target.tls;
        if self.channel.tls().is_some() || mode == TlsMode::None {
            return Ok(());
        }
        if !self.caps.starttls {
            if mode == TlsMode::StartTlsIfOffered {
                return Ok(());
            }
            return Err(Error::new(ErrorKind::Tls, Phase::StartTls, "the server does not offer STARTTLS")
                .with_advice("use port 465 with tls=implicit if the server has it; someone may also be taking STARTTLS out of its answers"));
        }
        let reply = self.command("STARTTLS\r\n", Phase::StartTls).await?;
        if reply.code != 220 {
            return Err(self
                .refusal(Phase::StartTls, &reply, "the server offered STARTTLS and refused it")
                .with_advice("use port 465 with tls=implicit, or try again later"));
        }
        self.channel.start_tls().await?;
        // What was said in the clear counts for nothing (RFC 3207 §4.2).
        self.hello(config).await
    }

    /// Sends one command and reads its reply.
    pub(crate) async fn command(&mut self, line: &str, phase: Phase) -> Result<SmtpReply> {
        self.channel.queue(line.as_bytes());
        self.channel.flush(phase).await?;
        self.read(phase).await
    }

    /// The next reply, within the deadline of its phase.
    pub(crate) async fn read(&mut self, phase: Phase) -> Result<SmtpReply> {
        let timing = self.channel.timing();
        let wait = match phase {
            Phase::Sender | Phase::Recipient | Phase::Reset => timing.answer(ENVELOPE),
            Phase::Data => timing.answer(DATA),
            // A short timeout must not turn a slow acceptance into doubt.
            Phase::EndOfData => timing.answer(END_OF_DATA).max(END_OF_DATA),
            Phase::Close => timing.command().min(Duration::from_secs(5)),
            _ => timing.command(),
        };
        self.read_within(phase, wait).await
    }

    pub(crate) async fn read_within(&mut self, phase: Phase, wait: Duration) -> Result<SmtpReply> {
        let until = self.channel.host().now().saturating_add(wait);
        loop {
            let left = until.saturating_sub(self.channel.host().now()).max(Duration::from_millis(1));
            let line = self.channel.line(crate::engine::LINE, left, phase).await?;
            if phase == Phase::Greeting && (line.starts_with(b"+OK") || line.starts_with(b"* ")) {
                let what = if line.starts_with(b"+") { "POP3" } else { "IMAP" };
                return Err(Error::new(
                    ErrorKind::Protocol,
                    phase,
                    format!("the server speaks {what}, not SMTP"),
                )
                .with_advice("set the port of the outgoing server: 465 or 587"));
            }
            if let Some(reply) = self.reader.line(&line, phase)? {
                return Ok(reply);
            }
        }
    }

    /// 421 announces that the server closes the connection, whatever it answers (RFC 5321 §3.8).
    pub(crate) fn hang_up_on_421(&mut self, reply: &SmtpReply) {
        self.hung_up |= reply.code == 421;
    }

    /// True if the server has said goodbye: in an answer, or unasked while the connection was idle.
    pub(crate) fn hung_up(&mut self) -> bool {
        self.hung_up || self.channel.input().starts_with(b"421")
    }

    /// An error for a refusing reply.
    pub(crate) fn refusal(&self, phase: Phase, reply: &SmtpReply, what: &str) -> Error {
        crate::engine::refusal(phase, Some(reply), what.to_owned(), self.channel.redactor())
    }

    /// QUIT; nothing that happens here matters to any message.
    pub(crate) async fn quit(mut self, config: &SmtpConfig) {
        if self.channel.begin(Phase::Close).is_err() {
            return;
        }
        self.channel.queue(b"QUIT\r\n");
        if self.channel.flush(Phase::Close).await.is_ok() && config.quit_wait {
            let _ = self.read(Phase::Close).await;
        }
        self.channel.shutdown().await;
    }
}
