//! From the greeting to a signed-in session: CAPA, STLS, UTF8, AUTH.

use crate::Pop3Config;
use crate::auth::{self, Method};
use crate::engine::capabilities::Capabilities;
use crate::engine::reply::{Line, Status};
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Fact, Phase, Result, Secret, TlsMode};
use postrider_wire::sasl::{Exchange, Mechanism};

/// Longest line of a SASL challenge, in bytes (RFC 5034 §4: 12 KiB of base64).
const CHALLENGE: usize = 16 * 1024;
/// Most challenges of one exchange: SCRAM has two.
const CHALLENGES: usize = 8;

impl Session {
    /// Asks what the server can do (RFC 2449 §5). A server that does not know the question can do RFC 1939, and is
    /// not asked again after signing in: the question is answered in both states or in none.
    pub(crate) async fn read_capabilities(&mut self, config: &Pop3Config) -> Result<()> {
        (self.capabilities, self.asks_again) = (None, false);
        if config.disable_capa {
            return Ok(());
        }
        self.begin(Phase::Capability)?;
        self.queue("CAPA");
        self.channel.flush(Phase::Capability).await?;
        self.take_capabilities().await
    }

    /// Reads the answer to CAPA.
    pub(crate) async fn take_capabilities(&mut self) -> Result<()> {
        (self.capabilities, self.asks_again) = (None, false);
        if !self.reply(Phase::Capability).await?.is_ok() {
            return Ok(());
        }
        let mut capabilities = Capabilities::default();
        let too_many =
            || Error::new(ErrorKind::Limit, Phase::Capability, "the server's capabilities have no end");
        self.lines(Phase::Capability, |line| if capabilities.add(line) { Ok(()) } else { Err(too_many()) })
            .await?;
        let words = |word: &str| self.channel.redactor().clean(word);
        let host = self.channel.host();
        host.learned(Fact::Capabilities(capabilities.iter().map(words).collect()));
        host.learned(Fact::Mechanisms(capabilities.mechanisms().into_iter().map(words).collect()));
        self.capabilities = Some(capabilities);
        Ok(())
    }

    /// STLS (RFC 2595 §4) as the configuration wants it.
    pub(crate) async fn encrypt(&mut self, config: &Pop3Config) -> Result<()> {
        // Who forbids the question wants the command tried: only a success goes on.
        let offered = config.disable_capa || self.has("STLS");
        match config.target.tls {
            TlsMode::StartTls if !offered => {
                return Err(Error::new(ErrorKind::Tls, Phase::StartTls, "the server does not offer STLS")
                    .with_advice("set tls=implicit and port 995; nothing secret has been sent"));
            }
            TlsMode::StartTls => {}
            TlsMode::StartTlsIfOffered if self.has("STLS") => {}
            _ => return Ok(()),
        }
        let reply = self.ask("STLS", Phase::StartTls).await?;
        if !reply.is_ok() {
            let error = self.refused(&reply, ErrorKind::Tls, Phase::StartTls, "the server refuses STLS");
            return Err(error.with_advice("set tls=implicit and port 995; nothing secret has been sent"));
        }
        self.channel.start_tls().await?;
        self.read_capabilities(config).await
    }

    /// Signs in. One way is tried, not one after the other: every failure counts towards a lock-out. For that reason
    /// nothing is sent together with it unless the server is `proven` to hear several commands at a time.
    pub(crate) async fn sign_in(&mut self, config: &Pop3Config, greeting: &str, proven: bool) -> Result<()> {
        let (tls, private) = (self.channel.tls(), self.channel.is_private());
        let method = auth::choose(config, self.capabilities.as_ref(), greeting, tls, private)?;
        self.channel.host().learned(Fact::SigningIn(match &method {
            Method::Sasl(mechanism) => format!("AUTH {mechanism}"),
            Method::Apop(_) => "APOP".into(),
            Method::UserPass => "USER and PASS".into(),
        }));
        // RFC 6856 §2: messages come as they are, not downgraded, and names may be UTF-8. A refusal leaves all as
        // it was, so what follows needs not wait for the answer.
        let utf8 = if self.has("UTF8") { self.utf8(proven && self.pipelines(config)).await? } else { false };
        let user = &config.login.user;
        let reply = match method {
            Method::Sasl(mechanism) => return self.sasl(config, mechanism, utf8).await,
            Method::Apop(digest) => {
                self.channel.mask(&digest);
                let line = Secret::new(format!("APOP {user} {}\r\n", digest.expose()));
                self.say_secret(line.expose(), &format!("APOP {user} ***\r\n"), utf8).await?
            }
            Method::UserPass => {
                self.begin(Phase::Authenticate)?;
                self.queue(&format!("USER {user}"));
                self.channel.flush(Phase::Authenticate).await?;
                let reply = self.first_reply(utf8).await?;
                match config.login.plain_password() {
                    Some(password) if reply.is_ok() => {
                        let line = Secret::new(format!("PASS {}\r\n", password.expose()));
                        self.say_secret(line.expose(), "PASS ***\r\n", false).await?
                    }
                    _ => reply,
                }
            }
        };
        if reply.is_ok() { Ok(()) } else { Err(self.not_signed_in(&reply, None)) }
    }

    /// Sends UTF8. True if its answer is still due, for what comes next is sent `together` with it.
    async fn utf8(&mut self, together: bool) -> Result<bool> {
        let phase = Phase::Authenticate;
        self.begin(phase)?;
        self.queue("UTF8");
        if together {
            return Ok(true);
        }
        self.channel.flush(phase).await?;
        self.reply(phase).await.map(|_| false)
    }

    /// The reply to the first command of a sign-in, after the one to UTF8 if that is due.
    async fn first_reply(&mut self, utf8: bool) -> Result<Line> {
        if utf8 {
            self.reply(Phase::Authenticate).await?;
        }
        self.reply_to(utf8, Phase::Authenticate).await
    }

    async fn sasl(&mut self, config: &Pop3Config, mechanism: Mechanism, utf8: bool) -> Result<()> {
        let phase = Phase::Authenticate;
        let offered = auth::offered(&config.login, self.capabilities.as_ref());
        let mut exchange = Exchange::new(mechanism, &config.login, &offered, self.channel.tls())?;
        self.begin(phase)?;
        let initial = exchange.initial();
        // "=" for an empty response is no secret and would mask much.
        if let Some(initial) = initial.as_ref().filter(|initial| initial.expose() != "=") {
            self.channel.mask(initial);
        }
        let opening = auth::opening(mechanism, initial.as_ref(), config.xoauth2_two_lines);
        self.channel.queue_secret(opening.expose().as_bytes(), &format!("AUTH {mechanism} ***\r\n"));
        self.channel.flush(phase).await?;
        if utf8 {
            self.reply(phase).await?;
        }
        for n in 0..CHALLENGES {
            let line = self.heard(utf8 && n == 0, CHALLENGE, phase).await?;
            let Some(reply) = Line::parse(&line) else { return Err(self.no_reply(&line, phase)) };
            match reply.status {
                Status::Ok => return exchange.check_success(),
                Status::Err => return Err(self.not_signed_in(&reply, exchange.failure())),
                Status::Challenge => match exchange.answer(&reply.text) {
                    Ok(answer) => {
                        self.begin(phase)?;
                        self.channel.mask(&answer);
                        let line = Secret::new(format!("{}\r\n", answer.expose()));
                        self.channel.queue_secret(line.expose().as_bytes(), "***\r\n");
                        self.channel.flush(phase).await?;
                    }
                    Err(error) => {
                        // Cancels (RFC 5034 §4); what the server says to that changes nothing.
                        self.queue("*");
                        let _ = self.channel.flush(phase).await;
                        return Err(error);
                    }
                },
            }
        }
        Err(Error::new(
            ErrorKind::Protocol,
            phase,
            format!("{mechanism}: the server's challenges have no end"),
        ))
    }

    async fn say_secret(&mut self, line: &str, shown: &str, utf8: bool) -> Result<Line> {
        self.begin(Phase::Authenticate)?;
        self.channel.queue_secret(line.as_bytes(), shown);
        self.channel.flush(Phase::Authenticate).await?;
        self.first_reply(utf8).await
    }

    fn not_signed_in(&self, reply: &Line, detail: Option<String>) -> Error {
        let (kind, phase) = (ErrorKind::Authentication, Phase::Authenticate);
        let what = "the server does not accept the credentials";
        // Only tokens fail with a reason of their own.
        let Some(detail) = detail else { return self.refused(reply, kind, phase, what) };
        let detail = self.channel.redactor().clean(&detail).replace(char::is_control, " ");
        self.refused(reply, kind, phase, &format!("{what}: {detail}")).with_advice(
            "the token has expired, was revoked or is not meant for this account or for mail: get a fresh one",
        )
    }
}
