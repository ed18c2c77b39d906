//! From the dial to an open mailbox. What comes before the sign-in is by hand: async-imap's client shows no
//! capabilities before it, and would bring TLS of its own.

use crate::AsyncImapConfig;
use crate::auth::Answers;
use crate::lent::{Lent, Swap};
use crate::session::{ROOM, Session};
use crate::told;
use async_imap::Client;
use postrider_core::{Error, ErrorKind, Fact, Host, Phase, Result, TlsMode, within};
use postrider_wire::sasl::{self, Exchange};
use postrider_wire::{Channel, Redactor};
use std::sync::Arc;

/// Longest line before the sign-in.
const LINE: usize = 8 * 1024;
/// Most lines of one answer before the sign-in.
const LINES: usize = 200;

impl Session {
    /// Looks up the credentials, dials, encrypts, signs in and opens the mailbox; once more if all that was wrong
    /// is the age of an access token.
    pub(crate) async fn open(config: &AsyncImapConfig, host: &Arc<dyn Host>) -> Result<Self> {
        let login = config.login.resolved(host.as_ref()).await?;
        let resolved = AsyncImapConfig { login, ..config.clone() };
        match Self::open_as(&resolved, host).await {
            Err(error) if resolved.login.may_be_stale(&error) => {
                let fresh = config.login.renewed(&resolved.login, host.as_ref()).await?;
                let Some(login) = fresh else { return Err(error) };
                Self::open_as(&AsyncImapConfig { login, ..resolved }, host).await
            }
            opened => opened,
        }
    }

    async fn open_as(config: &AsyncImapConfig, host: &Arc<dyn Host>) -> Result<Self> {
        let (target, timing) = (config.target.clone(), config.timing.clone());
        let mut channel =
            Channel::connect(Arc::clone(host), target, timing, "async-imap", config.debug).await?;
        let offered = greet(&mut channel, config.target.tls).await?;
        let mechanisms: Vec<&str> = offered.iter().filter_map(|word| word.strip_prefix("AUTH=")).collect();
        let mechanism = sasl::choose(&config.login, &mechanisms, channel.tls(), channel.is_private())?;
        let exchange = Exchange::new(mechanism, &config.login, &mechanisms, channel.tls())?;
        host.learned(Fact::SigningIn(format!("AUTHENTICATE {mechanism}")));
        let (swap, mut redactor) = (Swap::default(), Redactor::default());
        config.login.secrets().for_each(|secret| redactor.add(secret));
        let mut lent = Lent::new(channel.into_connection(Phase::Authenticate)?, swap.clone());
        lent.allow(ROOM);
        let mut answers = Answers { exchange, swap, redactor: &mut redactor, rounds: 0, failed: None };
        let signing_in = async {
            let signed_in = Client::new(lent).authenticate(mechanism.name(), &mut answers).await;
            // The client comes back with the error; after a refusal it is of no use.
            Ok(signed_in.map_err(|(error, _)| error))
        };
        let wait = config.timing.command();
        let signed_in = within(host.as_ref(), wait, Phase::Authenticate, signing_in).await?;
        if let Some(error) = answers.failed.take() {
            return Err(error);
        }
        if signed_in.is_ok() {
            answers.exchange.check_success()?;
        }
        let imap = signed_in.map_err(|error| told::error(error, Phase::Authenticate, &redactor))?;
        let mut session = Self::new(imap, Arc::clone(host), config.timing.clone(), redactor);
        session.select(config).await?;
        Ok(session)
    }

    /// Opens the mailbox, once it is known what the server offers inside.
    async fn select(&mut self, config: &AsyncImapConfig) -> Result<()> {
        let offered = self.run("CAPABILITY", Phase::Capability).await?.capabilities;
        self.capabilities = offered.into_iter().collect();
        if !told::is_mailbox(&config.folder) {
            let what = "async-imap can't say the name of this mailbox: it must be ASCII without &";
            return Err(Error::new(ErrorKind::Unsupported, Phase::Configure, what));
        }
        let heard = self.run(&format!("SELECT {}", told::quoted(&config.folder)), Phase::Select).await?;
        let without = "the server keeps no UIDs, and without them no message has a key";
        self.validity =
            heard.validity.ok_or_else(|| Error::new(ErrorKind::Unsupported, Phase::Select, without))?;
        self.news = false;
        Ok(())
    }
}

/// Hears the greeting, encrypts where that is wanted, and asks what the server offers, in upper case.
async fn greet(channel: &mut Channel, mode: TlsMode) -> Result<Vec<String>> {
    let wait = channel.timing().command();
    let greeting = channel.line(LINE, wait, Phase::Greeting).await?;
    let shown = channel.redactor().clean(&String::from_utf8_lossy(&greeting));
    match shown.split(' ').take(2).collect::<Vec<_>>().join(" ").to_ascii_uppercase().as_str() {
        "* OK" => {}
        "* PREAUTH" => {
            let what = "the server has signed us in already, which async-imap's client has no place for";
            return Err(Error::new(ErrorKind::Unsupported, Phase::Greeting, what));
        }
        "* BYE" => {
            let reply = channel.redactor().reply("BYE", None, shown.get(5..).unwrap_or_default().trim());
            let what = "the server does not want to talk";
            return Err(Error::new(ErrorKind::Rejected, Phase::Greeting, what).with_reply(reply));
        }
        _ => {
            return Err(Error::new(ErrorKind::Protocol, Phase::Greeting, "the server does not speak IMAP")
                .with_advice("check host and port: IMAP usually listens on 993 or 143"));
        }
    }
    let offered = capabilities(channel).await?;
    let encrypt = matches!(mode, TlsMode::StartTls | TlsMode::StartTlsIfOffered);
    if !encrypt {
        return Ok(offered);
    }
    if !offered.iter().any(|word| word == "STARTTLS") {
        if mode == TlsMode::StartTlsIfOffered {
            return Ok(offered);
        }
        return Err(Error::new(ErrorKind::Tls, Phase::StartTls, "the server does not offer STARTTLS")
            .with_advice("use port 993 with tls=implicit if the server has it"));
    }
    command(channel, "STARTTLS", Phase::StartTls).await.map_err(|error| match error.reply() {
        Some(reply) => Error::new(ErrorKind::Tls, Phase::StartTls, error.message()).with_reply(reply.clone()),
        None => error,
    })?;
    channel.start_tls().await?;
    // What was offered before TLS counts for nothing inside it (RFC 9051 §6.2.1).
    capabilities(channel).await
}

async fn capabilities(channel: &mut Channel) -> Result<Vec<String>> {
    let lines = command(channel, "CAPABILITY", Phase::Capability).await?;
    let words = lines.iter().filter_map(|line| line.strip_prefix("* CAPABILITY "));
    Ok(words.flat_map(str::split_ascii_whitespace).map(str::to_owned).collect())
}

/// One command before the sign-in; its untagged lines in upper case.
async fn command(channel: &mut Channel, text: &str, phase: Phase) -> Result<Vec<String>> {
    // async-imap's tags begin with A.
    const TAG: &str = "P1 ";
    let wait = channel.timing().command();
    channel.begin(phase)?;
    channel.queue(format!("{TAG}{text}\r\n").as_bytes());
    channel.flush(phase).await?;
    let mut lines = Vec::new();
    for _ in 0..LINES {
        let line = channel.line(LINE, wait, phase).await?;
        let line = String::from_utf8_lossy(&line);
        let Some(answer) = line.strip_prefix(TAG) else {
            lines.push(line.to_ascii_uppercase());
            continue;
        };
        channel.finish();
        let (status, words) = answer.split_once(' ').unwrap_or((answer, ""));
        if status.eq_ignore_ascii_case("OK") {
            return Ok(lines);
        }
        let reply = channel.redactor().reply(status, None, words);
        return Err(
            Error::new(ErrorKind::Rejected, phase, format!("the server refused {text}")).with_reply(reply)
        );
    }
    Err(Error::new(ErrorKind::Limit, phase, "the server's answer has too many lines"))
}
