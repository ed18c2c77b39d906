//! The driver of a session: from the dial to a server that knows who we are, and its end.

use crate::ImapConfig;
use crate::codec::{Command, Event, Framer, Response, Status, StatusKind, parse};
use crate::deflate::Deflated;
use crate::listing::Described;
use crate::session_dialogue::nobody;
use crate::session_search::Found;
use crate::state::State;
use crate::window::Window;
use postrider_core::{Error, ErrorKind, Host, Phase, Result, TlsMode, within};
use postrider_wire::Channel;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for LOGOUT.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection on which the server knows who we are. Between calls it is either in step with the server or
/// over, and then it is dropped.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    pub(crate) framer: Framer,
    pub(crate) state: State,
    /// Messages asked for ahead.
    pub(crate) window: Window,
    /// What a search that went along with the opening of the mailbox has found.
    pub(crate) found: Option<Found>,
    /// What was told along with it of the messages that were likely to be there.
    pub(crate) told: Option<Described>,
    /// Commands sent along with the one that is answered now, and how those of them ended that did so first.
    pub(crate) early: Vec<(String, Option<Status>)>,
    /// The dialogue is written to the transcript.
    pub(crate) debug: bool,
    /// Commands need not wait for the answer to the one before.
    pub(crate) pipelining: bool,
    introduced: bool,
    // A limit was passed, the grammar broken, or the server has said goodbye: never used again.
    pub(crate) over: bool,
    // Nothing has been heard since the call began: what failed may be the idle connection alone.
    pub(crate) silent: bool,
    reused: bool,
    // Some call has had it.
    served: bool,
}

impl Session {
    /// Looks up the credentials, dials, hears the greeting, encrypts, signs in and enables what is of use; once more
    /// if all that was wrong is the age of an access token.
    pub(crate) async fn open(config: &ImapConfig, host: Arc<dyn Host>) -> Result<Self> {
        crate::auth::check(&config.login)?;
        let login = config.login.resolved(host.as_ref()).await?;
        let resolved = ImapConfig { login, ..config.clone() };
        match Self::open_as(&resolved, Arc::clone(&host)).await {
            Err(error) if resolved.login.may_be_stale(&error) => {
                let fresh = config.login.renewed(&resolved.login, host.as_ref()).await?;
                let Some(login) = fresh else { return Err(error) };
                Self::open_as(&ImapConfig { login, ..resolved }, host).await
            }
            opened => opened,
        }
    }

    /// With credentials that are known.
    async fn open_as(config: &ImapConfig, host: Arc<dyn Host>) -> Result<Self> {
        crate::auth::check(&config.login)?;
        let (target, timing) = (config.target.clone(), config.timing.clone());
        let mut channel = Channel::connect(host, target, timing, "imap", config.debug).await?;
        config.login.secrets().for_each(|secret| channel.mask(secret));
        let mut session = Self {
            channel,
            framer: Framer::new(),
            state: State::default(),
            window: Window::default(),
            found: None,
            told: None,
            early: Vec::new(),
            debug: config.debug,
            pipelining: config.pipelining,
            introduced: false,
            over: false,
            silent: true,
            reused: false,
            served: false,
        };
        let known = session.greeting().await?;
        session.encrypt(config, known).await?;
        if !known {
            session.sign_in(config).await?;
        }
        if config.compress && session.state.caps.has("COMPRESS=DEFLATE") {
            session.compress(config).await?;
        }
        Ok(session)
    }

    /// A new call begins on this session.
    pub(crate) fn resume(&mut self) {
        (self.reused, self.silent) = (self.served, true);
        self.served = true;
    }

    /// True if it can't be used for another call. With a window under way it can: nothing of that is in a future.
    pub(crate) fn is_over(&self) -> bool {
        self.over || (self.channel.is_busy() && self.window.is_idle())
    }

    /// True if a call failed because the connection had ended before it: it may be made again on another.
    pub(crate) fn was_dead(&self, error: &Error) -> bool {
        self.reused && self.silent && error.kind() == ErrorKind::Closed
    }

    /// LOGOUT; nothing that happens here matters. The mailbox is not closed: that would expunge what others
    /// have marked (RFC 9051 §6.4.1).
    pub(crate) async fn logout(mut self) {
        let host = Arc::clone(self.channel.host());
        let goodbye = async {
            self.begin(Phase::Close)?;
            let command = self.command("LOGOUT");
            let tag = self.send(command, Phase::Close).await?;
            // Its BYE, its OK or the end of the connection: whichever is first is good.
            self.answer(&tag, Phase::Close, &mut nobody).await
        };
        let _ = within(host.as_ref(), LAST_WORDS, Phase::Close, goodbye).await;
        self.channel.shutdown().await;
    }

    /// True if the server knows already who we are (PREAUTH).
    async fn greeting(&mut self) -> Result<bool> {
        let phase = Phase::Greeting;
        self.channel.begin(phase)?;
        let wait = self.channel.timing().command();
        let heard = self.hear(wait, phase).await.map_err(|error| match error.kind() {
            ErrorKind::Closed => {
                error.with_advice("check the port, and whether it expects TLS from the start")
            }
            ErrorKind::Limit => error.with_advice("this may not be an IMAP server; check host and port"),
            _ => error,
        })?;
        let status = match heard {
            Event::Response(text) => match parse(&text).map_err(|f| f.at(phase))? {
                Response::Status(status) => status,
                _ => return Err(self.not_a_greeting(&text)),
            },
            _ => return Err(self.not_a_greeting(b"")),
        };
        match status.kind {
            StatusKind::Ok | StatusKind::Preauth => {}
            StatusKind::Bye => return Err(self.goodbye(&status, phase)),
            _ => return Err(self.refused(&status, phase, "the server does not want to talk")),
        }
        // Inside TLS the certificate has shown whose word that is, and no secret is sent: docs/adr/0015.
        let known = status.kind == StatusKind::Preauth;
        if known && self.channel.tls().is_none() && self.channel.target().tls == TlsMode::StartTls {
            let what = "the server says that it knows us already (PREAUTH), which leaves no room for TLS; someone \
                        may be keeping us from encrypting";
            return Err(Error::new(ErrorKind::Tls, Phase::StartTls, what)
                .with_reply(status.to_core(self.channel.redactor()))
                .with_advice(
                    "use port 993 with tls=implicit, and find out who sits between here and the server",
                ));
        }
        self.state.code(status.code);
        self.channel.finish();
        if self.state.caps.is_empty() {
            self.ask_capabilities().await?;
        }
        Ok(known)
    }

    fn not_a_greeting(&self, text: &[u8]) -> Error {
        let words = self.channel.redactor().clean(&String::from_utf8_lossy(text));
        let words: String = words.chars().take(200).collect();
        let what = format!("this is not the greeting of an IMAP server: \"{}\"", words.escape_debug());
        let advice = "check host and port: 993 with tls=implicit and 143 with tls=starttls are IMAP's";
        Error::new(ErrorKind::Protocol, Phase::Greeting, what).with_advice(advice)
    }

    async fn encrypt(&mut self, config: &ImapConfig, known: bool) -> Result<()> {
        let (mode, phase) = (config.target.tls, Phase::StartTls);
        // STARTTLS is for strangers only (RFC 9051 §6.2.1).
        if self.channel.tls().is_some() || mode == TlsMode::None || known {
            return Ok(());
        }
        let what = if self.state.caps.has("STARTTLS") {
            let status = self.run(self.command("STARTTLS"), phase, &mut nobody).await?;
            if status.kind == StatusKind::Ok {
                return self.start_tls().await;
            }
            let error = self.refused(&status, phase, "the server offered STARTTLS and refused it");
            if error.kind() == ErrorKind::Deferred {
                return Err(error);
            }
            Error::new(ErrorKind::Tls, phase, error.message())
                .with_reply(status.to_core(self.channel.redactor()))
        } else if mode == TlsMode::StartTlsIfOffered {
            return Ok(());
        } else {
            Error::new(ErrorKind::Tls, phase, "the server does not offer STARTTLS")
        };
        Err(what.with_advice(
            "use port 993 with tls=implicit if the server has it; someone between here and the server may also \
             be taking STARTTLS out of its answers",
        ))
    }

    async fn start_tls(&mut self) -> Result<()> {
        self.over = true;
        self.channel.start_tls().await?;
        self.over = false;
        // What was said in the clear counts for nothing inside TLS (RFC 9051 §6.2.1).
        self.state = State::default();
        self.framer = Framer::new();
        self.ask_capabilities().await
    }

    /// Asks anew: what was known is no longer true.
    pub(crate) async fn ask_capabilities(&mut self) -> Result<()> {
        self.state.caps = crate::Capabilities::default();
        self.ok(self.command("CAPABILITY"), Phase::Capability, "the server does not say what it can do")
            .await?;
        if self.state.caps.has("IMAP4REV1") || self.state.caps.has("IMAP4REV2") {
            return Ok(());
        }
        let what = "the server offers neither IMAP4rev1 nor IMAP4rev2";
        Err(Error::new(ErrorKind::Unsupported, Phase::Capability, what))
    }

    /// COMPRESS (RFC 4978 §3). A server that refuses it after all is spoken with as before.
    async fn compress(&mut self, config: &ImapConfig) -> Result<()> {
        let phase = Phase::Capability;
        let status = self.run(self.command("COMPRESS DEFLATE"), phase, &mut nobody).await?;
        if status.kind == StatusKind::Ok {
            // Whatever follows the line of the OK is compressed already.
            let came = self.channel.input().split();
            let level = config.compress_level;
            self.channel.wrap(phase, |inner| Box::new(Deflated::new(inner, came, level)))?;
            self.channel.note("compression is on");
        }
        Ok(())
    }

    /// What is said once to a server that knows who we are, and not said yet: ID (RFC 2971), harmless; and ENABLE (RFC
    /// 5161): names and headers in UTF-8 (RFC 6855), IMAP4rev2. Whatever is answered, a session can go on; what was
    /// enabled is told by untagged data.
    pub(crate) fn introductions(&mut self, config: &ImapConfig) -> Vec<Command> {
        if std::mem::replace(&mut self.introduced, true) {
            return Vec::new();
        }
        let caps = &self.state.caps;
        let utf8 = caps.has("UTF8=ACCEPT") || caps.has("UTF8=ONLY");
        let enable = match (caps.has("ENABLE"), caps.has("IMAP4REV2"), utf8) {
            (false, ..) | (true, false, false) => None,
            (true, true, true) => Some("ENABLE IMAP4rev2 UTF8=ACCEPT"),
            (true, true, false) => Some("ENABLE IMAP4rev2"),
            (true, false, true) => Some("ENABLE UTF8=ACCEPT"),
        };
        let id = concat!("ID (\"name\" \"postrider\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
        let id = (config.id && caps.has("ID")).then_some(id);
        id.into_iter().chain(enable).map(|words| self.command(words)).collect()
    }

    /// Says what is still to be said of that.
    pub(crate) async fn introduce(&mut self, config: &ImapConfig) -> Result<()> {
        let commands = self.introductions(config);
        self.run_all(commands, Phase::Capability).await.map(drop)
    }

    /// A command of these words, for the way this server takes strings.
    pub(crate) fn command(&self, words: &str) -> Command {
        Command::new(words, self.state.caps.syntax(self.state.utf8))
    }

    /// The error of a server that has said goodbye.
    pub(crate) fn goodbye(&self, status: &Status, phase: Phase) -> Error {
        Error::new(ErrorKind::Closed, phase, "the server ended the session")
            .with_reply(status.to_core(self.channel.redactor()))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("channel", &self.channel).finish_non_exhaustive()
    }
}
