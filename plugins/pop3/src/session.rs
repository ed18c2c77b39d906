//! One connection: opening it, and whether it can be used again.

use crate::Pop3Config;
use crate::engine::capabilities::Capabilities;
use crate::engine::maildrop::Maildrop;
use crate::engine::pipelining::Pipelining;
use crate::engine::reply::{self, LINE, Line, Status};
use postrider_core::{Error, ErrorKind, Host, Phase, Result, TlsMode};
use postrider_wire::Channel;
use std::sync::Arc;
use std::time::Duration;

/// A connection idle for longer is looked at before it is used again.
const IDLE: Duration = Duration::from_secs(5);

/// A signed-in POP3 session. Between calls it is either in step with the server or busy, and then dropped.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    /// `None` if the server has no CAPA or was not to be asked.
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) maildrop: Option<Maildrop>,
    /// The maildrop has been shown to the host.
    pub(crate) listed: bool,
    /// Commands go one at a time whatever the server offers.
    pub(crate) lock_step: bool,
    /// The capabilities are those of before signing in, and are to be asked for once more.
    pub(crate) asks_again: bool,
    /// The kind of failure, if an answer failed that was due to a command sent behind others.
    pub(crate) suspect: Option<ErrorKind>,
    /// How many such answers came.
    pub(crate) behind: u32,
    /// The last RETR was refused behind others, and the server did not say why.
    pub(crate) unexplained: bool,
    /// It is not known what the server's next bytes belong to.
    pub(crate) astray: bool,
    /// Nothing has been heard since the last call began: what failed may be the idle connection alone.
    pub(crate) silent: bool,
    reused: bool,
    used: Duration,
}

impl Session {
    /// Looks up the credentials, connects, encrypts and signs in; once more if all that was wrong is the age of an
    /// access token. If the maildrop is to be read next and the server takes several commands at a time, what it
    /// can do is left to be asked for together with that.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    pub(crate) async fn open(
        config: &Pop3Config,
        host: &Arc<dyn Host>,
        pipelining: &mut Pipelining,
        reads_on: bool,
    ) -> Result<Self> {
        crate::auth::check(&config.login)?;
        let login = config.login.resolved(host.as_ref()).await?;
        let resolved = Pop3Config { login, ..config.clone() };
        match Self::open_as(&resolved, host, pipelining, reads_on).await {
            // With APOP it may have been the password that was refused.
            Err(error) if resolved.login.may_be_stale(&error) && !config.apop => {
                let fresh = config.login.renewed(&resolved.login, host.as_ref()).await?;
                let Some(login) = fresh else { return Err(error) };
                Self::open_as(&Pop3Config { login, ..resolved }, host, pipelining, reads_on).await
            }
            opened => opened,
        }
    }

    /// With credentials that are known.
    async fn open_as(
        config: &Pop3Config,
        host: &Arc<dyn Host>,
        pipelining: &mut Pipelining,
        reads_on: bool,
    ) -> Result<Self> {
        crate::auth::check(&config.login)?;
        let (target, timing) = (config.target.clone(), config.timing.clone());
        let mut channel = Channel::connect(Arc::clone(host), target, timing, "pop3", config.debug).await?;
        config.login.secrets().for_each(|secret| channel.mask(secret));
        let mut session = Self {
            channel,
            capabilities: None,
            maildrop: None,
            listed: false,
            lock_step: pipelining.is_broken(),
            asks_again: false,
            suspect: None,
            behind: 0,
            unexplained: false,
            astray: false,
            silent: true,
            reused: false,
            used: host.now(),
        };
        let opened = session.set_up(config, pipelining.is_proven(), reads_on).await;
        if let Some(kind) = session.suspect {
            pipelining.doubt(kind, session.behind);
        }
        opened.map(|()| session)
    }

    async fn set_up(&mut self, config: &Pop3Config, proven: bool, reads_on: bool) -> Result<()> {
        self.begin(Phase::Greeting)?;
        let greeting = self.greeting().await?;
        self.read_capabilities(config).await?;
        if config.target.tls != TlsMode::Implicit {
            self.encrypt(config).await?;
        }
        self.sign_in(config, &greeting, proven).await?;
        // A server may tell more, or otherwise, to those it knows (RFC 2449 §5).
        self.asks_again = self.capabilities.is_some();
        if self.asks_again && !(reads_on && self.pipelines(config)) {
            self.read_capabilities(config).await?;
        }
        self.finish();
        self.reused = false;
        Ok(())
    }

    /// Another call begins.
    pub(crate) fn next_call(&mut self) {
        (self.silent, self.reused, self.unexplained) = (true, true, false);
    }

    /// Whether a session with nothing in flight can be used for another call.
    pub(crate) async fn is_alive(&mut self) -> bool {
        if self.astray || self.channel.is_busy() {
            return false;
        }
        if self.channel.host().now().saturating_sub(self.used) < IDLE {
            return true;
        }
        // A server that gave up on us has closed, some say -ERR first: both are there to be read by now.
        match self.channel.fill(Duration::ZERO, Phase::Connect).await {
            Err(error) => error.kind() == ErrorKind::Timeout,
            Ok(()) => !self.channel.input().starts_with(b"-ERR"),
        }
    }

    /// True if a call failed because the connection had ended before it: it can be made again on another.
    pub(crate) fn was_dead(&self, error: &Error) -> bool {
        self.reused && self.silent && error.kind() == ErrorKind::Closed
    }

    /// True if the server offers to hear several commands at a time.
    pub(crate) fn pipelines(&self, config: &Pop3Config) -> bool {
        !self.lock_step && config.pipelining.unwrap_or_else(|| self.has("PIPELINING"))
    }

    /// The least time the server wants between two sessions.
    pub(crate) fn login_delay(&self) -> Duration {
        self.capabilities.as_ref().and_then(|c| c.login_delay()).unwrap_or_default()
    }

    /// True if the server lists this capability.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.capabilities.as_ref().is_some_and(|c| c.has(name))
    }

    /// Begins a dialogue: the connection is busy from now on.
    pub(crate) fn begin(&mut self, phase: Phase) -> Result<()> {
        self.channel.begin(phase)
    }

    /// Ends a dialogue: every reply has been read.
    pub(crate) fn finish(&mut self) {
        self.used = self.channel.host().now();
        self.channel.finish();
    }

    async fn greeting(&mut self) -> Result<String> {
        let wait = self.channel.timing().command();
        let line =
            self.channel.line(LINE, wait, Phase::Greeting).await.map_err(|error| match error.kind() {
                ErrorKind::Closed => {
                    error.with_advice("check the port, and whether it expects TLS from the start")
                }
                ErrorKind::Limit => error.with_advice("this may not be a POP3 server; check host and port"),
                _ => error,
            })?;
        match Line::parse(&line) {
            Some(reply) if reply.is_ok() => Ok(reply.text),
            Some(reply) if reply.status == Status::Err => {
                let what = "the server refuses to talk to us";
                Err(self.refused(&reply, ErrorKind::Rejected, Phase::Greeting, what))
            }
            _ => Err(reply::not_a_greeting(&line, &self.words(&line))),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("channel", &self.channel).finish_non_exhaustive()
    }
}
