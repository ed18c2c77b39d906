//! What a mailer can be told.

use crate::SendingRules;
use postrider_core::{Address, Error, ErrorKind, Phase, Properties, Property, Result, session_property};
use std::num::NonZeroUsize;
use std::time::Duration;

/// How a [`Mailer`](crate::Mailer) shares connections and whom its messages are from, typed. Each field is
/// the property of the same meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailerConfig {
    /// Most connections at a time, 1 and up (`mail.mailer.connections`).
    pub connections: usize,
    /// Longest time an unused connection is kept (`mail.mailer.idletimeout`); zero keeps none.
    pub idle_timeout: Duration,
    /// Messages in flight on every connection before another one is opened, while [`connections`](Self::connections)
    /// allows, 1 and up (`mail.mailer.growat`). Where all are open, messages share them.
    pub grow_at: usize,
    /// Most messages over one connection; `None`: no limit (`mail.mailer.messagesperconnection`). A batch that is
    /// given as a whole is not divided.
    pub messages_per_connection: Option<NonZeroUsize>,
    /// Longest time a connection takes messages; `None`: no limit (`mail.mailer.connectionage`).
    pub connection_age: Option<Duration>,
    /// Longest time a message waits until a connection has room for it; `None`: no limit (`mail.mailer.waittimeout`).
    pub wait_timeout: Option<Duration>,
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
            grow_at: 1,
            messages_per_connection: None,
            connection_age: None,
            wait_timeout: None,
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
        let messages = session.read(MESSAGES)?;
        let zero = || session.fault(MESSAGES, "a number from 1 is expected");
        let config = Self {
            connections: session.require(CONNECTIONS)?,
            idle_timeout: session.require(&session_property::MAILER_IDLE_TIMEOUT)?.0,
            grow_at: session.require(GROW_AT)?,
            messages_per_connection: messages.map(|n| NonZeroUsize::new(n).ok_or_else(zero)).transpose()?,
            connection_age: session.read(&session_property::MAILER_CONNECTION_AGE)?.map(|age| age.0),
            wait_timeout: session.read(&session_property::MAILER_WAIT_TIMEOUT)?.map(|limit| limit.0),
            from: session.read(&session_property::FROM)?.or_else(|| envelope_from.clone()),
            envelope_from,
            from_name: scope.read(&session_property::FROM_NAME)?,
            rules: SendingRules::read(session)?,
        };
        match config.fault() {
            Some((CONNECTIONS_FIELD, why)) => Err(session.fault(CONNECTIONS, why)),
            Some((_, why)) => Err(session.fault(GROW_AT, why)),
            None => Ok(config),
        }
    }

    /// Checks what a type can't.
    pub(crate) fn check(&self) -> Result<()> {
        let Some((field, why)) = self.fault() else { return Ok(()) };
        let what = format!("MailerConfig::{field}: {why}");
        Err(Error::new(ErrorKind::Configuration, Phase::Configure, what))
    }

    /// A limit of none would wait forever, and quietly making it one would not be what was asked.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let why = "a number from 1 is expected";
        let zero = [(CONNECTIONS_FIELD, self.connections), ("grow_at", self.grow_at)];
        zero.into_iter().find(|(_, value)| *value == 0).map(|(field, _)| (field, why))
    }
}

const CONNECTIONS_FIELD: &str = "connections";
const CONNECTIONS: &Property<usize> = &session_property::MAILER_CONNECTIONS;
const GROW_AT: &Property<usize> = &session_property::MAILER_GROW_AT;
const MESSAGES: &Property<usize> = &session_property::MAILER_MESSAGES_PER_CONNECTION;

/// `mail.<transport>.from`, which is not `mail.from`: the one is for the envelope, the other for the header.
fn envelope_from(scope: &Properties) -> Result<Option<Address>> {
    let from = &session_property::FROM;
    let address = scope.read(from)?;
    Ok(address.filter(|_| scope.place(from).0 != format!("mail.{}", from.name())))
}
