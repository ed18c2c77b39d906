//! What a watch can be told.

use super::Quarantine;
use postrider_core::{
    Address, Direction, Error, ErrorKind, Phase, Properties, Property, Registry, Result, Settle,
    session_property as key,
};
use std::time::Duration;

/// How an inbox is watched, typed. Each field is the property `mail.watch.…` of the same meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchConfig {
    /// What becomes of a message on the server once it was handled (`settle`).
    pub settle: Settle,
    /// What becomes of one that can't be handled (`quarantine`).
    pub quarantine: Quarantine,
    /// How many failures put a message aside, 1 and up (`failures`).
    pub failures: u32,
    /// How many attempts cut short do, 1 and up (`interruptions`).
    pub interruptions: u32,
    /// How long a handler may take (`deadline`).
    pub deadline: Duration,
    /// When a message is handed over again, the first time (`retry`).
    pub retry: Duration,
    /// How soon a silent link is noticed (`probe`).
    pub probe: Duration,
    /// The first pause after a failure of the connection (`backoff`).
    pub backoff: Duration,
    /// The longest (`backoffmax`).
    pub backoff_max: Duration,
    /// The pause after a failed sign-in (`authretry`).
    pub auth_retry: Duration,
    /// How many messages are fetched ahead, 1 and up (`ahead`).
    pub ahead: usize,
    /// How many bytes are (`aheadsize`).
    pub ahead_size: u64,
    /// How many days the ledger remembers what is not in the mailbox any more (`remember`).
    pub remember: u32,
    /// Whose messages are our own: addresses, and domains with an `@` before them (`own`).
    pub own: Vec<String>,
}

impl Default for WatchConfig {
    /// The defaults of the properties.
    fn default() -> Self {
        Self {
            settle: Settle::Keep,
            quarantine: Quarantine::Keep,
            failures: 5,
            interruptions: 10,
            deadline: Duration::from_secs(300),
            retry: Duration::from_secs(30),
            probe: Duration::from_secs(300),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            auth_retry: Duration::from_secs(900),
            ahead: 64,
            ahead_size: 16 << 20,
            remember: 90,
            own: Vec::new(),
        }
    }
}

impl WatchConfig {
    /// Reads everything from the properties of a session and the scope of its incoming transport.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(session: &Properties, scope: &Properties) -> Result<Self> {
        let own = match session.read(&key::WATCH_OWN)? {
            Some(own) => own.0,
            None => own_addresses(session, scope)?,
        };
        let probe = session.require(&key::WATCH_PROBE)?.0;
        if probe < Duration::from_secs(1) {
            return Err(session.fault(&key::WATCH_PROBE, "a time of 1s or more is expected"));
        }
        let ahead = session.require(&key::WATCH_AHEAD)?;
        if ahead == 0 {
            return Err(session.fault(&key::WATCH_AHEAD, "a number from 1 up is expected"));
        }
        Ok(Self {
            settle: read_as(session, &key::WATCH_SETTLE, settle)?,
            quarantine: read_as(session, &key::WATCH_QUARANTINE, quarantine)?,
            failures: from_one(session, &key::WATCH_FAILURES)?,
            interruptions: from_one(session, &key::WATCH_INTERRUPTIONS)?,
            deadline: session.require(&key::WATCH_DEADLINE)?.0,
            retry: session.require(&key::WATCH_RETRY)?.0,
            probe,
            backoff: session.require(&key::WATCH_BACKOFF)?.0,
            backoff_max: session.require(&key::WATCH_BACKOFF_MAX)?.0,
            auth_retry: session.require(&key::WATCH_AUTH_RETRY)?.0,
            ahead,
            ahead_size: session.require(&key::WATCH_AHEAD_SIZE)?.0,
            remember: session.require(&key::WATCH_REMEMBER)?,
            own,
        })
    }
}

/// The name of the mailbox that the properties of a session lead to, for the ledger: of the user, the host and the
/// folder, or, where a transport has none of these, of what tells where its mail is.
pub(super) fn mailbox_name(session: &Properties, registry: &Registry, protocol: &str) -> Result<String> {
    if let Some(name) = session.read(&key::WATCH_NAME)? {
        return Ok(name);
    }
    const USER: Property<String> = Property::new("user", "").shared();
    const HOST: Property<String> = Property::new("host", "").shared();
    const FOLDER: Property<String> = Property::new("folder", "");
    const PATH: Property<String> = Property::new("path", "");
    const NAME: Property<String> = Property::new("name", "");
    let scope = registry.scope(Direction::Incoming, protocol, session)?;
    let text = |property: &Property<String>| scope.read(property).ok().flatten();
    let folder = text(&FOLDER).unwrap_or_else(|| "INBOX".to_owned());
    let place = match (text(&USER), text(&HOST)) {
        (user, Some(host)) => format!("{}@{}", user.unwrap_or_default(), host.to_ascii_lowercase()),
        _ => match text(&PATH).or_else(|| text(&NAME)) {
            Some(place) => format!("{protocol}:{place}"),
            None => protocol.to_owned(),
        },
    };
    Ok(format!("{place}/{folder}"))
}

fn own_addresses(session: &Properties, scope: &Properties) -> Result<Vec<String>> {
    const USER: Property<String> = Property::new("user", "").shared();
    let from = session.read(&key::FROM)?.map(|address| address.to_string());
    let user = scope
        .read(&USER)
        .ok()
        .flatten()
        .filter(|user| Address::new(user.as_str()).is_ok() && user.contains('@'));
    Ok(from.into_iter().chain(user).collect())
}

fn read_as<T>(
    properties: &Properties,
    property: &Property<String>,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<T> {
    read(&properties.require(property)?).map_err(|why| properties.fault(property, why))
}

fn from_one(properties: &Properties, property: &Property<u32>) -> Result<u32> {
    match properties.require(property)? {
        0 => Err(properties.fault(property, "a number from 1 up is expected")),
        number => Ok(number),
    }
}

fn settle(text: &str) -> Result<Settle, &'static str> {
    match text {
        "keep" => Ok(Settle::Keep),
        "seen" => Ok(Settle::Seen),
        "delete" => Ok(Settle::Delete),
        _ => match text.strip_prefix("move:") {
            Some(mailbox) if !mailbox.is_empty() => Ok(Settle::Move(mailbox.to_owned())),
            _ => Err("one of keep, seen, delete, move:MAILBOX is expected"),
        },
    }
}

fn quarantine(text: &str) -> Result<Quarantine, &'static str> {
    match text.split_once(':') {
        None if text == "keep" => Ok(Quarantine::Keep),
        Some(("move", mailbox)) if !mailbox.is_empty() => Ok(Quarantine::Move(mailbox.to_owned())),
        Some(("folder", folder)) if !folder.is_empty() => Ok(Quarantine::Folder(folder.into())),
        _ => Err("one of keep, move:MAILBOX, folder:DIRECTORY is expected"),
    }
}

/// An error of a typed configuration.
pub(super) fn check(config: &WatchConfig) -> Result<()> {
    let fault = if config.failures == 0 || config.interruptions == 0 || config.ahead == 0 {
        "failures, interruptions and ahead are numbers from 1 up"
    } else if config.probe < Duration::from_secs(1) {
        "probe is 1 s or more"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Configuration, Phase::Configure, format!("WatchConfig: {fault}")))
}
