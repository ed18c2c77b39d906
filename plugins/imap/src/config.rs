//! The properties of `imap` and the typed configuration read from them once.

use postrider_core::{
    Bytes, Error, ErrorKind, Milliseconds, Phase, Ports, Properties, Property, PropertySpec, Result, Target,
    session_property,
};
use postrider_wire::{Login, Timing};
use std::num::NonZeroU32;
use std::time::Duration;

const FOLDER: Property<String> =
    Property::new("folder", "Name of the mailbox, in plain text: INBOX, Archive/2026, Entwürfe.")
        .default("INBOX");
const READ_ONLY: Property<bool> = Property::new(
    "readonly",
    "Open the mailbox by EXAMINE: nothing in it can be changed, and messages can only be kept.",
)
.default("false");
const PEEK: Property<bool> = Property::new(
    "peek",
    "Fetch messages without marking them \\Seen. false lets the server mark each message that is fetched.",
)
.default("true");
const PARTIAL_FETCH: Property<bool> = Property::new(
    "partialfetch",
    "Fetch a message in pieces of fetchsize, one command each, for servers that fail at long answers. false: by one \
     command, streamed, whatever fetchsize says. Unset: in pieces if fetchsize is set.",
);
const FETCH_SIZE: Property<Bytes> = Property::new(
    "fetchsize",
    "Size of these pieces, 1 to 4294967295 bytes, or with a unit; 16384 with partialfetch=true alone. Each piece waits \
     for an answer: large ones are faster.",
);
const ALLOW_READ_ONLY: Property<bool> = Property::new(
    "allowreadonlyselect",
    "Go on where the server opens the mailbox for reading only and readonly is not set; messages can't be settled \
     then. false: that is an error at once, before anything is received.",
)
.default("false");
const MAX_SIZE: Property<Bytes> =
    Property::new("maxsize", "Largest message that is read, in bytes or with a unit.").default("50MiB");
const IDLE: Property<bool> =
    Property::new("idle", "Wait for news by IDLE where the server offers it; false polls.").default("true");
const POLL_INTERVAL: Property<Milliseconds> = Property::new(
    "pollinterval",
    "Time between two looks at the mailbox while waiting for news without IDLE.",
)
.default("60s");
const ID: Property<bool> =
    Property::new("id", "Tell a server that offers ID our name and version; some providers want it.")
        .default("true");
const EXPUNGE_OTHERS: Property<bool> = Property::new(
    "expungeothers",
    "On a server without UIDPLUS, delete even if that also deletes what others have marked \\Deleted in the mailbox.",
)
.default("false");

const WINDOW: Property<u32> = Property::new(
    "window",
    "Most messages that are asked for ahead of the one that is read, on each connection, 1 to 100000, when the host \
     says which ones it will fetch; half as many at first, and all when so many were fetched with no other call in \
     between. Not with partialfetch, nor with peek=false: a message nobody came to read would be marked.",
)
.default("2000");
const WINDOW_BYTES: Property<Bytes> = Property::new(
    "windowsize",
    "While fewer bytes of messages than this are due on a connection, more may be asked for, in the same way half as \
     many at first; and so much is kept of messages that come before their turn or when something else is wanted. More is \
     faster where round trips are long: the bandwidth times the round trip, and a third more.",
)
.default("8MiB");
const CONNECTIONS: Property<u32> = Property::new(
    "connectionpoolsize",
    "Connections over which many messages are fetched at once, 1 to 16, where the host says which ones it will fetch. \
     All else goes over the first.",
)
.default("1");
const COMPRESS: Property<bool> = Property::new(
    "compress.enable",
    "Compress what is said where the server offers COMPRESS=DEFLATE (RFC 4978), once signed in. Inside TLS the length of \
     what is sent then tells something about its content to those who can put text of theirs beside it.",
)
.default("false");
const COMPRESS_LEVEL: Property<String> = Property::new(
    "compress.level",
    "How hard to compress what we send: 0, not at all, to 9, best; -1 leaves it to the library.",
)
.default("-1");
const PIPELINING: Property<bool> = Property::new(
    "pipelining",
    "Send commands without waiting for the answer to the one before, where RFC 9051 §5.5 allows it. false: one at a \
     time, for a server that breaks this.",
)
.default("true");

/// The registered ports: 993 with TLS, 143 otherwise (RFC 8314 §3.2).
const PORTS: Ports = Ports::new(993, 143, 143);

/// Everything an IMAP transport can be told, typed. Each field is the property of the same meaning.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImapConfig {
    /// The server.
    pub target: Target,
    /// Who we are.
    pub login: Login,
    /// Deadlines.
    pub timing: Timing,
    /// The mailbox, by its name in plain text. Default `INBOX`.
    pub folder: String,
    /// Open the mailbox by EXAMINE. Default false.
    pub read_only: bool,
    /// Fetch without marking as seen. Default true.
    pub peek: bool,
    /// Fetch messages in pieces of so many bytes; `None`, the default: by one command, streamed.
    pub fetch_size: Option<NonZeroU32>,
    /// Go on where the server opens the mailbox for reading only. Default false.
    pub allow_read_only: bool,
    /// Largest message that is read, in bytes. Default 50 MiB.
    pub max_size: u64,
    /// Wait by IDLE where offered. Default true.
    pub idle: bool,
    /// Time between two looks while waiting without IDLE. Default 60 s.
    pub poll_interval: Duration,
    /// Tell name and version of this library by ID (RFC 2971). Default true.
    pub id: bool,
    /// Without UIDPLUS, delete even if that deletes what others have marked. Default false.
    pub expunge_others: bool,
    /// Most messages asked for ahead on each connection, 1 and up. Default 2,000, half of it
    /// at first.
    pub window: usize,
    /// More messages are asked for while fewer bytes than this are due on a connection; so much is kept of messages
    /// that come before their turn. Default 8 MiB, half of it at first.
    pub window_bytes: u64,
    /// Connections over which many messages are fetched at once, 1 and up. Default 1.
    pub connections: usize,
    /// Send commands without waiting for the answer to the one before. Default true.
    pub pipelining: bool,
    /// Compress by COMPRESS=DEFLATE where offered. Default false.
    pub compress: bool,
    /// How hard, 0 to 9; `None`, the default, leaves it to the library.
    pub compress_level: Option<u32>,
    /// Write the dialogue to the transcript. Default false.
    pub debug: bool,
}

impl ImapConfig {
    /// The properties of IMAP's own that [`ImapConfig::read`] reads, beside those of [`Target`], [`Login`] and
    /// [`Timing`]: for a transport that is built on this one.
    pub const PROPERTIES: &'static [PropertySpec] = &[
        FOLDER.spec(),
        READ_ONLY.spec(),
        PEEK.spec(),
        PARTIAL_FETCH.spec(),
        FETCH_SIZE.spec(),
        ALLOW_READ_ONLY.spec(),
        MAX_SIZE.spec(),
        IDLE.spec(),
        POLL_INTERVAL.spec(),
        ID.spec(),
        EXPUNGE_OTHERS.spec(),
        WINDOW.spec(),
        WINDOW_BYTES.spec(),
        CONNECTIONS.spec(),
        PIPELINING.spec(),
        COMPRESS.spec(),
        COMPRESS_LEVEL.spec(),
    ];

    /// A server and who we are there, the mailbox INBOX, all else as the properties' defaults.
    pub fn new(target: Target, login: Login) -> Self {
        Self {
            target,
            login,
            timing: Timing::default(),
            folder: "INBOX".into(),
            read_only: false,
            peek: true,
            fetch_size: None,
            allow_read_only: false,
            max_size: 50 << 20,
            idle: true,
            poll_interval: Duration::from_secs(60),
            id: true,
            expunge_others: false,
            window: 2_000,
            window_bytes: 8 << 20,
            connections: 1,
            pipelining: true,
            compress: false,
            compress_level: None,
            debug: false,
        }
    }

    /// Reads everything from the properties of the transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, PORTS)?;
        let login = Login::read(properties, &target)?;
        let folder = properties.require(&FOLDER)?;
        if let Some(why) = mailbox_fault(&folder) {
            return Err(properties.fault(&FOLDER, why));
        }
        Ok(Self {
            timing: Timing::read(properties)?,
            folder,
            read_only: properties.require(&READ_ONLY)?,
            peek: properties.require(&PEEK)?,
            fetch_size: fetch_size(properties)?,
            allow_read_only: properties.require(&ALLOW_READ_ONLY)?,
            max_size: properties.require(&MAX_SIZE)?.0,
            idle: properties.require(&IDLE)?,
            poll_interval: properties.require(&POLL_INTERVAL)?.0,
            id: properties.require(&ID)?,
            expunge_others: properties.require(&EXPUNGE_OTHERS)?,
            window: within(properties, &WINDOW, 100_000)?,
            window_bytes: properties.require(&WINDOW_BYTES)?.0,
            connections: within(properties, &CONNECTIONS, 16)?,
            pipelining: properties.require(&PIPELINING)?,
            compress: properties.require(&COMPRESS)?,
            compress_level: compress_level(properties)?,
            debug: properties.require(&session_property::DEBUG)?,
            ..Self::new(target, login)
        })
    }

    /// The first part of every message key: `user@host`.
    pub(crate) fn account(&self) -> String {
        format!("{}@{}", self.login.user, self.target.host.to_lowercase())
    }
}

/// A number from 1 to `most`.
fn within(properties: &Properties, key: &Property<u32>, most: u32) -> Result<usize> {
    let number = properties.require(key)?;
    if (1..=most).contains(&number) {
        return Ok(usize::try_from(number).unwrap_or(usize::MAX));
    }
    Err(properties.fault(key, &format!("a number from 1 to {most} is expected")))
}

fn compress_level(properties: &Properties) -> Result<Option<u32>> {
    let level = properties.require(&COMPRESS_LEVEL)?;
    match level.parse::<i8>() {
        Ok(-1) => Ok(None),
        Ok(level @ 0..=9) => Ok(u32::try_from(level).ok()),
        _ => Err(properties.fault(&COMPRESS_LEVEL, "-1 to 9 is expected")),
    }
}

/// What partialfetch and fetchsize say together.
fn fetch_size(properties: &Properties) -> Result<Option<NonZeroU32>> {
    const USUAL: Option<NonZeroU32> = NonZeroU32::new(16_384);
    let size = match properties.read(&FETCH_SIZE)? {
        Some(size) => {
            let size = u32::try_from(size.0).ok().and_then(NonZeroU32::new);
            Some(size.ok_or_else(|| properties.fault(&FETCH_SIZE, "1 to 4294967295 bytes are expected"))?)
        }
        None => None,
    };
    Ok(match properties.read(&PARTIAL_FETCH)? {
        Some(true) => size.or(USUAL),
        Some(false) => None,
        None => size,
    })
}

/// Longest name of a mailbox, in bytes.
const MAX_NAME: usize = 1_000;

/// Why no mailbox can have this name.
fn mailbox_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Some("the name of a mailbox, of 1 to 1000 bytes, is expected");
    }
    name.chars().any(char::is_control).then_some("the name of a mailbox has no control characters")
}

/// The name of a mailbox as it stands in keys and commands: INBOX is written in capitals (RFC 9051 §5.1).
///
/// # Errors
/// `InvalidInput` if no mailbox can have this name.
pub(crate) fn mailbox_name(name: &str, phase: Phase) -> Result<String> {
    if let Some(why) = mailbox_fault(name) {
        let shown: String = name.chars().take(100).collect();
        let what = format!("\"{}\" can't be a mailbox: {why}", shown.escape_debug());
        return Err(Error::new(ErrorKind::InvalidInput, phase, what));
    }
    Ok(if name.eq_ignore_ascii_case("INBOX") { "INBOX".into() } else { name.to_owned() })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
