//! What an outbox can be told.

use super::{Backoff, DomainRates, OnUnsure, Terms};
use postrider_core::{Error, ErrorKind, Phase, Properties, Property, Result, session_property as key};
use std::time::Duration;

/// How an outbox works, typed. Each field is the property of the same meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxConfig {
    /// How it chooses among several accounts (`mail.outbox.order`).
    pub order: Order,
    /// Most messages that one worker has in hand, 1 and up (`mail.outbox.inflight`).
    pub in_flight: usize,
    /// What is done with a message that may have been accepted (`mail.outbox.unsure`).
    pub unsure: Unsure,
    /// When a message is tried again (`mail.outbox.retry`, `mail.outbox.retryfactor`, `mail.outbox.retrymax`).
    pub backoff: Backoff,
    /// How long a message is tried (`mail.outbox.expire`).
    pub expire: Duration,
    /// How long what has ended is kept (`mail.outbox.keep`).
    pub keep: Duration,
    /// Most messages to one domain (`mail.outbox.domainrate`).
    pub domain_rates: DomainRates,
    /// How often it looks for messages of other processes (`mail.outbox.poll`).
    pub poll: Duration,
    /// After how long a silent worker counts as dead (`mail.outbox.lease`).
    pub lease: Duration,
    /// How long a worker waits for answers when it is to stop (`mail.outbox.stoptimeout`).
    pub stop_timeout: Duration,
}

/// How an outbox chooses among several accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// The first that works.
    #[default]
    Failover,
    /// Each in its turn.
    RoundRobin,
}

/// What is done with a message that may have been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unsure {
    /// It is told, and stays until somebody decides.
    #[default]
    Report,
    /// It is told and tried again: somebody may get it twice.
    Repeat,
    /// It is told and taken as sent: somebody may get it never.
    Sent,
}

impl Default for OutboxConfig {
    /// The defaults of the properties.
    fn default() -> Self {
        let terms = Terms::default();
        Self {
            order: Order::Failover,
            in_flight: 32,
            unsure: Unsure::Report,
            backoff: Backoff::default(),
            expire: terms.expire,
            keep: terms.keep,
            domain_rates: DomainRates::default(),
            poll: Duration::from_secs(2),
            lease: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

impl OutboxConfig {
    /// Reads everything from the properties of a session.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(session: &Properties) -> Result<Self> {
        let words = session.read(&key::OUTBOX_DOMAIN_RATE)?.unwrap_or_default();
        let rates =
            DomainRates::parse(&words.0).map_err(|why| session.fault(&key::OUTBOX_DOMAIN_RATE, &why))?;
        let config = Self {
            order: one_of(
                session,
                &key::OUTBOX_ORDER,
                &[("failover", Order::Failover), ("roundrobin", Order::RoundRobin)],
            )?,
            in_flight: session.require(&key::OUTBOX_IN_FLIGHT)?,
            unsure: one_of(
                session,
                &key::OUTBOX_UNSURE,
                &[("report", Unsure::Report), ("repeat", Unsure::Repeat), ("sent", Unsure::Sent)],
            )?,
            backoff: Backoff {
                first: session.require(&key::OUTBOX_RETRY)?.0,
                factor: session.require(&key::OUTBOX_RETRY_FACTOR)?,
                longest: session.require(&key::OUTBOX_RETRY_MAX)?.0,
            },
            expire: session.require(&key::OUTBOX_EXPIRE)?.0,
            keep: session.require(&key::OUTBOX_KEEP)?.0,
            domain_rates: rates,
            poll: session.require(&key::OUTBOX_POLL)?.0,
            lease: session.require(&key::OUTBOX_LEASE)?.0,
            stop_timeout: session.require(&key::OUTBOX_STOP_TIMEOUT)?.0,
        };
        if config.in_flight == 0 {
            return Err(session.fault(&key::OUTBOX_IN_FLIGHT, "a number from 1 up is expected"));
        }
        if config.backoff.factor == 0 {
            return Err(session.fault(&key::OUTBOX_RETRY_FACTOR, "a number from 1 up is expected"));
        }
        Ok(config)
    }

    /// Checks what a type can't.
    pub(super) fn check(&self) -> Result<()> {
        let why = match self {
            Self { in_flight: 0, .. } => "in_flight: a number from 1 up is expected",
            Self { backoff: Backoff { factor: 0, .. }, .. } => {
                "backoff.factor: a number from 1 up is expected"
            }
            Self { lease: Duration::ZERO, .. } | Self { poll: Duration::ZERO, .. } => {
                "lease and poll: a time above zero is expected"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Configuration, Phase::Configure, format!("OutboxConfig::{why}")))
    }

    /// What the storage has to know of it; a doubt is repeated as if this was the first try.
    pub(super) fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        terms.expire = self.expire;
        terms.keep = self.keep;
        terms.on_unsure = match self.unsure {
            Unsure::Report => OnUnsure::Report,
            Unsure::Repeat => OnUnsure::Repeat(self.backoff.after(1)),
            Unsure::Sent => OnUnsure::Sent,
        };
        terms
    }
}

fn one_of<T: Copy>(session: &Properties, property: &Property<String>, choices: &[(&str, T)]) -> Result<T> {
    let text = session.require(property)?;
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        session.fault(property, &format!("one of {} is expected", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn read(text: &str) -> Result<OutboxConfig> {
        OutboxConfig::read(&Properties::new([Layer::parse(LayerKind::Account, "file", text).unwrap()]))
    }

    #[test]
    fn defaults_are_those_of_the_typed_door_and_every_key_reaches_its_field() {
        assert_eq!(read("").unwrap(), OutboxConfig::default());
        let all = "mail.outbox.order=roundrobin\nmail.outbox.inflight=3\nmail.outbox.unsure=Repeat\n\
                   mail.outbox.retry=1s\nmail.outbox.retryfactor=5\nmail.outbox.retrymax=1h\nmail.outbox.expire=2h\n\
                   mail.outbox.keep=3h\nmail.outbox.domainrate=1/1m, x.example=2/1m\nmail.outbox.poll=4s\n\
                   mail.outbox.lease=5s\nmail.outbox.stoptimeout=6s";
        let hour = Duration::from_secs(3600);
        let want = OutboxConfig {
            order: Order::RoundRobin,
            in_flight: 3,
            unsure: Unsure::Repeat,
            backoff: Backoff { first: Duration::from_secs(1), factor: 5, longest: hour },
            expire: hour * 2,
            keep: hour * 3,
            domain_rates: DomainRates::parse(&["1/1m".into(), "x.example=2/1m".into()]).unwrap(),
            poll: Duration::from_secs(4),
            lease: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(6),
        };
        assert_eq!(read(all).unwrap(), want);
    }

    #[test]
    fn what_can_not_be_is_told_with_its_key() {
        for text in
            ["order=both", "inflight=0", "unsure=maybe", "retryfactor=0", "domainrate=many", "lease=0s"]
        {
            let error = read(&format!("mail.outbox.{text}")).unwrap_err();
            let key = format!("mail.outbox.{}", text.split('=').next().unwrap());
            assert_eq!(error.property().unwrap().0, key, "{error}");
        }
    }
}
