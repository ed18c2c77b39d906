//! The driver of a session: from the dial to a server that is ready for messages, and its end.

use crate::SmtpConfig;
use crate::auth::{SignIn, Then};
use crate::engine::{Capabilities, Command, ReplyQueue, ReplyReader, is_hello_name, refusal};
use postrider_core::{Error, ErrorKind, Fact, Host, Phase, Result, TlsMode, within};
use postrider_wire::Channel;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for QUIT, and for words a server may have left before it closed.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection that is signed in.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    pub(crate) caps: Capabilities,
    pub(crate) reader: ReplyReader,
    pub(crate) queue: ReplyQueue,
    /// Longest wait for the answer to the end of data.
    pub(crate) final_timeout: Duration,
    /// The server has said goodbye (421): it closes the connection, whatever was asked (RFC 5321 §3.8).
    pub(crate) hung_up: bool,
}

impl Session {
    /// Looks up the credentials, dials, hears the greeting, encrypts and signs in; once more if all that was
    /// wrong is the age of an access token.
    pub(crate) async fn open(config: &SmtpConfig, host: Arc<dyn Host>) -> Result<Self> {
        check(config)?;
        if config.auth == Some(false) {
            return Self::open_as(config, host).await;
        }
        let login = config.login.resolved(host.as_ref()).await?;
        let resolved = SmtpConfig { login, ..config.clone() };
        match Self::open_as(&resolved, Arc::clone(&host)).await {
            Err(error) if resolved.login.may_be_stale(&error) => {
                let fresh = config.login.renewed(&resolved.login, host.as_ref()).await?;
                let Some(login) = fresh else { return Err(error) };
                Self::open_as(&SmtpConfig { login, ..resolved }, host).await
            }
            opened => opened,
        }
    }

    /// With credentials that are known.
    async fn open_as(config: &SmtpConfig, host: Arc<dyn Host>) -> Result<Self> {
        let channel =
            Channel::connect(host, config.target.clone(), config.timing.clone(), "smtp", config.debug)
                .await?;
        let mut session = Self {
            channel,
            caps: Capabilities::default(),
            reader: ReplyReader::default(),
            queue: ReplyQueue::default(),
            final_timeout: config.final_timeout,
            hung_up: false,
        };
        for secret in config.login.secrets() {
            session.channel.mask(secret);
        }
        session.greeting(config).await?;
        session.hello(config).await?;
        session.encrypt(config).await?;
        session.sign_in(config).await?;
        session.channel.finish();
        Ok(session)
    }

    /// True if it can't be used for another message.
    pub(crate) fn is_over(&self) -> bool {
        self.hung_up || self.channel.is_busy()
    }

    /// QUIT; nothing that happens here matters to any message.
    pub(crate) async fn quit(mut self, config: &SmtpConfig) {
        if self.goodbye(config).await {
            self.channel.shutdown().await;
        }
    }

    /// Says QUIT and hears the answer, if it is to be heard; true if the server got it.
    async fn goodbye(&mut self, config: &SmtpConfig) -> bool {
        let host = Arc::clone(self.channel.host());
        let goodbye = async {
            if config.quit_wait {
                self.command("QUIT\r\n", Command::Quit).await?;
            } else {
                self.channel.begin(Phase::Close)?;
                self.channel.queue(b"QUIT\r\n");
                self.channel.flush(Phase::Close).await?;
            }
            Ok(())
        };
        within(host.as_ref(), LAST_WORDS, Phase::Close, goodbye).await.is_ok()
    }

    async fn greeting(&mut self, config: &SmtpConfig) -> Result<()> {
        // The greeting comes unasked: only here may something be in the buffer already.
        self.queue.expect(Command::Greeting);
        let (_, greeting) = self.next().await?;
        if greeting.code == 220 {
            return Ok(());
        }
        let error =
            refusal(Phase::Greeting, &greeting, "the server does not want to talk", self.channel.redactor());
        if config.quit_on_reject && !self.hung_up {
            self.goodbye(config).await;
        }
        Err(error.with_advice("check that this host may use the server; try again later if it is busy"))
    }

    /// EHLO, or HELO where the server does not know it and nothing that needs EHLO is wanted.
    async fn hello(&mut self, config: &SmtpConfig) -> Result<()> {
        // What was offered before TLS counts for nothing inside it (RFC 3207 §4.2).
        self.caps = Capabilities::default();
        if config.ehlo {
            let reply = self.command(&format!("EHLO {}\r\n", config.hello), Command::Hello).await?;
            if reply.is_success() {
                self.caps = Capabilities::read(&reply);
                let words = |line: &str| self.channel.redactor().clean(line.trim());
                let host = self.channel.host();
                host.learned(Fact::Capabilities(reply.text().split('\n').skip(1).map(words).collect()));
                host.learned(Fact::Mechanisms(self.caps.auth.clone()));
                return Ok(());
            }
            let must_encrypt = config.target.tls == TlsMode::StartTls && self.channel.tls().is_none();
            // 500 and 502 say that EHLO is unknown; anything else is a no to us.
            if must_encrypt || !matches!(reply.code, 500 | 502) {
                let error =
                    refusal(Phase::Capability, &reply, "the server refused EHLO", self.channel.redactor());
                return Err(error.with_advice(if must_encrypt {
                    "without EHLO there is no STARTTLS: use tls=implicit and port 465 if the server has it"
                } else {
                    "check the property localhost, the name given in EHLO"
                }));
            }
        }
        let reply = self.command(&format!("HELO {}\r\n", config.hello), Command::Hello).await?;
        if reply.is_success() {
            return Ok(());
        }
        let error = refusal(Phase::Capability, &reply, "the server refused HELO", self.channel.redactor());
        Err(error.with_advice("check the property localhost, the name given in HELO"))
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
            let advice = if self.channel.is_private() {
                "the server is this machine, where nobody reads along: tls=none will do"
            } else {
                "use port 465 with tls=implicit if the server has it; someone between here and the server may also \
                 be taking STARTTLS out of its answers"
            };
            return Err(Error::new(ErrorKind::Tls, Phase::StartTls, "the server does not offer STARTTLS")
                .with_advice(advice));
        }
        let reply = self.command("STARTTLS\r\n", Command::StartTls).await?;
        if reply.code != 220 {
            let what = "the server offered STARTTLS and refused it";
            let advice = "use port 465 with tls=implicit, or try again later";
            let redactor = self.channel.redactor();
            return Err(if (400..500).contains(&reply.code) {
                refusal(Phase::StartTls, &reply, what, redactor).with_advice(advice)
            } else {
                let reply = reply.to_core(redactor);
                Error::new(ErrorKind::Tls, Phase::StartTls, what).with_reply(reply).with_advice(advice)
            });
        }
        self.channel.start_tls().await?;
        self.hello(config).await
    }

    async fn sign_in(&mut self, config: &SmtpConfig) -> Result<()> {
        let private = self.channel.is_private();
        let Some(mut run) = SignIn::plan(config, &self.caps, self.channel.tls(), private)? else {
            return Ok(());
        };
        let (verb, initial) = run.first();
        self.channel.host().learned(Fact::SigningIn(verb.clone()));
        let mut reply = match initial {
            Some(initial) => {
                // A server may repeat the line; "=" for an empty response is no secret and would mask much.
                if initial.expose().len() > 3 {
                    self.channel.mask(&initial);
                }
                let line = format!("{verb} {}\r\n", initial.expose());
                self.secret_command(&line, &format!("{verb} ***")).await?
            }
            None => self.command(&format!("{verb}\r\n"), Command::Auth).await?,
        };
        loop {
            match run.take(&reply, self.channel.redactor())? {
                Then::Done => return Ok(()),
                Then::Say(answer) => {
                    if answer.expose().len() > 3 {
                        self.channel.mask(&answer);
                    }
                    reply = self.secret_command(&format!("{}\r\n", answer.expose()), "***").await?;
                }
                Then::Cancel(error) => {
                    // Its answer changes nothing: we are not signed in, and why is known.
                    let _ = self.command("*\r\n", Command::Auth).await;
                    return Err(error);
                }
            }
        }
    }
}

/// The fields of a typed config that go onto the wire: a text from properties is checked already.
fn check(config: &SmtpConfig) -> Result<()> {
    let what = if !is_hello_name(&config.hello) {
        "hello is neither a host name nor an address literal such as [192.0.2.1]"
    } else if config.submitter.as_ref().is_some_and(|s| !s.is_ascii()) {
        "the submitter must be an ASCII address"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what))
}
