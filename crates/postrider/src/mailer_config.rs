//! What a mailer can be told.

use crate::SendingRules;
use postrider_core::{Address, Error, ErrorKind, Phase, Properties, Property, Result, session_property};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How a [`Mailer`](crate::Mailer) shares connections and whom its messages are from, typed. Each field is
/// the property of the same meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailerConfig {
    /// Most connections at a time, 1 and up (`mail.mailer.connections`).
    pub connections: usize,
    /// Longest time an unused connection is kept (`mail.mailer.idletimeout`); zero keeps none.
    pub idle_timeout: Duration,
    /// The host app's own address (`mail.from`): sender of [`Mailer::envelope`](crate::Mailer::envelope) unless
    /// there is an [`envelope_from`](Self::envelope_from).
    pub from: Option<Address>,
    /// Where bounces go (`mail.<transport>.from`): sender of [`Mailer::envelope`](crate::Mailer::envelope), and of
    /// built messages that bring no envelope of their own.
    pub envelope_from: Option<Address>,
    /// The name that goes with it in [`Mailer::mailbox`](crate::Mailer::mailbox) (`mail.from.name`).
    pub from_name: Option<String>,
    /// What holds for every message (`mail.send.…`).
    pub rules: SendingRules,
}

impl Default for MailerConfig {
    /// The defaults of the properties: 4 connections, kept for 45 s; no sender; nothing to reserved domains.
    fn default() -> Self {
        Self {
            connections: 4,
            idle_timeout: Duration::from_secs(45),
            from: None,
            envelope_from: None,
            from_name: None,
            rules: SendingRules::default(),
        }
    }
}

impl MailerConfig {
    /// Reads everything from the properties of the scope of the mailer's transport.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(session: &Properties, scope: &Properties) -> Result<Self> {
        let envelope_from = envelope_from(scope)?;
        let config = Self {
            connections: session.require(CONNECTIONS)?,
            idle_timeout: session.require(&session_property::MAILER_IDLE_TIMEOUT)?.0,
            from: session.read(&session_property::FROM)?.or_else(|| envelope_from.clone()),
            envelope_from,
            from_name: scope.read(&session_property::FROM_NAME)?,
            rules: SendingRules::read(session)?,
        };
        match config.fault() {
            Some(why) => Err(session.fault(CONNECTIONS, &why)),
            None => Ok(config),
        }
    }

    /// Checks what a type can't.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(why) = self.fault() else { return Ok(()) };
        Err(Error::new(
            ErrorKind::Configuration,
            Phase::Configure,
            format!("MailerConfig::connections: {why}"),
        ))
    }

    /// A limit of none would wait forever, and quietly making it one would not be what was asked.
    fn fault(&self) -> Option<String> {
        let most = Semaphore::MAX_PERMITS;
        (self.connections == 0 || self.connections > most)
            .then(|| format!("a number from 1 to {most} is expected"))
    }
}

const CONNECTIONS: &Property<usize> = &session_property::MAILER_CONNECTIONS;

/// `mail.<transport>.from`, which is not `mail.from`: the one is for the envelope, the other for the header.
fn envelope_from(scope: &Properties) -> Result<Option<Address>> {
    let from = &session_property::FROM;
    let address = scope.read(from)?;
    Ok(address.filter(|_| scope.place(from).0 != format!("mail.{}", from.name())))
}
