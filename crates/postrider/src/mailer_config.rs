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
    /// Sender of [`Mailer::envelope`](crate::Mailer::envelope) (`mail.from`).
    pub from: Option<Address>,
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
        let config = Self {
            connections: session.require(CONNECTIONS)?,
            idle_timeout: session.require(&session_property::MAILER_IDLE_TIMEOUT)?.0,
            from: scope.read(&session_property::FROM)?,
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
