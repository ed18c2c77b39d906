//! One connection: from the dial to a client that is ready for messages, one message, and the end.

use crate::lent::{Lent, Seen};
use crate::{LettreConfig, session_starttls, told};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use postrider_core::{
    Envelope, Error, ErrorKind, Host, Phase, Receipt, RecipientOutcome, Reply, Result, TlsMode, Verdict,
    within,
};
use postrider_wire::{Channel, Redactor, Timing};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// A client of lettre's that is signed in.
pub(crate) struct Session {
    pub(crate) smtp: AsyncSmtpConnection,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) redactor: Redactor,
    seen: Seen,
    timing: Timing,
    final_timeout: Duration,
}

impl Session {
    /// Looks up the credentials, dials, encrypts and signs in; once more if all that was wrong is the age of an
    /// access token.
    pub(crate) async fn open(config: &LettreConfig, host: &Arc<dyn Host>) -> Result<Self> {
        config.check()?;
        let login = config.login.resolved(host.as_ref()).await?;
        let resolved = LettreConfig { login, ..config.clone() };
        match Self::open_as(&resolved, host).await {
            Err(error) if resolved.login.may_be_stale(&error) => {
                let fresh = config.login.renewed(&resolved.login, host.as_ref()).await?;
                let Some(login) = fresh else { return Err(error) };
                Self::open_as(&LettreConfig { login, ..resolved }, host).await
            }
            opened => opened,
        }
    }

    async fn open_as(config: &LettreConfig, host: &Arc<dyn Host>) -> Result<Self> {
        let (target, timing) = (config.target.clone(), config.timing.clone());
        let mut channel =
            Channel::connect(Arc::clone(host), target, timing.clone(), "lettre", config.debug).await?;
        let mut prelude: &[u8] = b"";
        if matches!(config.target.tls, TlsMode::StartTls | TlsMode::StartTlsIfOffered) {
            let required = config.target.tls == TlsMode::StartTls;
            session_starttls::encrypt(&mut channel, &config.hello, required).await?;
            // lettre's client begins with a greeting, and the server has greeted already.
            prelude = b"220 greeted\r\n";
        }
        let (tls, private) = (channel.tls().cloned(), channel.is_private());
        let mut redactor = Redactor::default();
        config.login.secrets().for_each(|secret| redactor.add(secret));
        let seen = Seen::default();
        let lent = Lent::new(channel.into_connection(Phase::Greeting)?, prelude, seen.clone());
        let phase = || if seen.has_written() { Phase::Capability } else { Phase::Greeting };
        let opening = async {
            AsyncSmtpConnection::connect_with_transport(Box::new(lent), &config.hello)
                .await
                .map_err(|e| told::error(&e, phase(), &seen, &redactor))
        };
        let opened = within(host.as_ref(), timing.command(), Phase::Greeting, opening).await;
        let smtp = opened.map_err(|e| e.in_phase(phase()))?;
        let (host, final_timeout) = (Arc::clone(host), config.final_timeout);
        let mut session = Self { smtp, host, redactor, seen, timing, final_timeout };
        session.sign_in(config, tls.as_ref(), private).await?;
        Ok(session)
    }

    /// One command and its answer, which is a yes: lettre makes an error of everything else.
    pub(crate) async fn ask(&mut self, command: impl Display, phase: Phase) -> Result<Response> {
        let (host, wait) = (Arc::clone(&self.host), self.timing.command());
        let asked = async {
            let answer = self.smtp.command(command).await;
            answer.map_err(|e| told::error(&e, phase, &self.seen, &self.redactor))
        };
        within(host.as_ref(), wait, phase, asked).await
    }

    /// Sends one message. `Ok` and a refusal leave a session that is good for the next one.
    pub(crate) async fn submit(&mut self, envelope: &Envelope, message: &[u8]) -> Result<Receipt> {
        let mail = self.mail(envelope, message)?;
        let addresses: Vec<lettre::Address> =
            envelope.to.iter().map(|r| told::address(&r.address)).collect::<Result<_>>()?;
        let answer = self.ask(mail, Phase::Sender).await?;
        self.expect(&answer, 200..300, Phase::Sender)?;
        let mut replies = Vec::with_capacity(addresses.len());
        let mut refusal = None;
        for address in addresses {
            match self.ask(Rcpt::new(address, Vec::new()), Phase::Recipient).await {
                Ok(answer) => {
                    self.expect(&answer, 200..300, Phase::Recipient)?;
                    replies.push(Verdict::NotSent);
                }
                Err(error) => {
                    let Some(verdict) = verdict(&error) else { return Err(error) };
                    replies.push(verdict);
                    let is_last = error.reply().is_some_and(|reply| reply.number() == Some(421));
                    // For good outweighs for now: a repeat would not help.
                    if refusal.as_ref().is_none_or(|known: &Error| known.kind() == ErrorKind::Deferred) {
                        refusal = Some(error);
                    }
                    if is_last {
                        break;
                    }
                }
            }
        }
        if let Some(error) = refusal {
            return Err(error.with_recipients(outcomes(envelope, replies)));
        }
        let none = || outcomes(envelope, vec![Verdict::NotSent; envelope.to.len()]);
        let go = self.ask(Data, Phase::Data).await.map_err(|e| e.with_recipients(none()))?;
        self.expect(&go, 354..355, Phase::Data).map_err(|e| e.with_recipients(none()))?;
        let answer = self.message(message).await.map_err(|error| {
            let unsure = error.kind() == ErrorKind::Unsure;
            let each = verdict(&error).unwrap_or(if unsure { Verdict::Unsure } else { Verdict::NotSent });
            error.with_recipients(outcomes(envelope, vec![each; envelope.to.len()]))
        })?;
        let accepted = vec![Verdict::Accepted(answer.clone()); envelope.to.len()];
        Ok(Receipt::new(answer, outcomes(envelope, accepted)))
    }

    /// Makes the session good for the next message after a refusal; false if that failed.
    pub(crate) async fn reset(&mut self) -> bool {
        self.ask(Rset, Phase::Reset).await.is_ok()
    }

    /// QUIT; nothing that happens here matters to any message.
    pub(crate) async fn quit(mut self) {
        self.timing.timeout = Some(Duration::from_secs(5));
        let _ = self.ask(Quit, Phase::Close).await;
    }

    fn mail(&self, envelope: &Envelope, message: &[u8]) -> Result<Mail> {
        let offers = |extension| self.smtp.server_info().supports_feature(extension);
        let missing = |what: &str| Err(Error::new(ErrorKind::Unsupported, Phase::Sender, what));
        let mut parameters = Vec::new();
        let mut all = envelope.from.iter().chain(envelope.to.iter().map(|r| &r.address));
        if !all.all(|address| address.is_ascii()) {
            if !offers(Extension::SmtpUtfEight) {
                return missing("an address is not ASCII and the server does not offer SMTPUTF8");
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() {
            if !offers(Extension::EightBitMime) {
                return missing("the message has bytes above 127 and the server does not offer 8BITMIME");
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(Mail::new(envelope.from.as_ref().map(told::address).transpose()?, parameters))
    }

    async fn message(&mut self, message: &[u8]) -> Result<Reply> {
        let (host, seen, wait) = (Arc::clone(&self.host), self.seen.clone(), self.final_timeout);
        let phase = || if seen.end_of_data_left() { Phase::EndOfData } else { Phase::Data };
        let sending = async {
            let answer = self.smtp.message(message).await;
            answer.map_err(|e| told::error(&e, phase(), &self.seen, &self.redactor))
        };
        let sent = within(host.as_ref(), wait, Phase::Data, sending).await;
        let heard = sent.map_err(|e| e.in_phase(phase())).and_then(|answer| {
            self.expect(&answer, 200..300, Phase::EndOfData)?;
            Ok(told::reply(&answer, &self.redactor))
        });
        heard.map_err(|error| {
            if verdict(&error).is_some() || !seen.end_of_data_left() {
                return error;
            }
            let what = format!("the whole message went out, and no answer came ({})", error.message());
            Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
                .with_advice("find out whether it arrived before you send it again")
                .with_source(error)
        })
    }

    /// A yes of the wrong kind: lettre takes 354 for a yes to MAIL and 250 for one to DATA.
    fn expect(&self, answer: &Response, codes: std::ops::Range<u16>, phase: Phase) -> Result<()> {
        if codes.contains(&answer.code().into()) {
            return Ok(());
        }
        let what = "the server's answer does not fit what was asked";
        Err(Error::new(ErrorKind::Protocol, phase, what).with_reply(told::reply(answer, &self.redactor)))
    }
}

/// What a refusal says of a recipient; `None` if it is no refusal.
fn verdict(error: &Error) -> Option<Verdict> {
    let reply = error.reply()?.clone();
    match error.kind() {
        ErrorKind::Rejected => Some(Verdict::Refused(reply)),
        ErrorKind::Deferred => Some(Verdict::Deferred(reply)),
        _ => None,
    }
}

fn outcomes(envelope: &Envelope, verdicts: Vec<Verdict>) -> Vec<RecipientOutcome> {
    let addresses = envelope.to.iter().map(|r| r.address.clone());
    // Whoever was not asked about any more got nothing.
    let verdicts = verdicts.into_iter().chain(std::iter::repeat(Verdict::NotSent));
    addresses.zip(verdicts).map(|(address, verdict)| RecipientOutcome::new(address, verdict)).collect()
}
