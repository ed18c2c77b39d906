//! The properties of `imap` and the typed configuration read from them once.

use postrider_core::{
    Bytes, Error, ErrorKind, Milliseconds, Phase, Ports, Properties, Property, PropertySpec, Result, Target,
    session_property,
};
use postrider_wire::{Login, Timing};
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
        MAX_SIZE.spec(),
        IDLE.spec(),
        POLL_INTERVAL.spec(),
        ID.spec(),
        EXPUNGE_OTHERS.spec(),
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
            max_size: 50 << 20,
            idle: true,
            poll_interval: Duration::from_secs(60),
            id: true,
            expunge_others: false,
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
            max_size: properties.require(&MAX_SIZE)?.0,
            idle: properties.require(&IDLE)?,
            poll_interval: properties.require(&POLL_INTERVAL)?.0,
            id: properties.require(&ID)?,
            expunge_others: properties.require(&EXPUNGE_OTHERS)?,
            debug: properties.require(&session_property::DEBUG)?,
            ..Self::new(target, login)
        })
    }

    /// The first part of every message key: `user@host`.
    pub(crate) fn account(&self) -> String {
        format!("{}@{}", self.login.user, self.target.host.to_lowercase())
    }
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
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind, TlsMode};

    fn read(prefix: &str, text: &str) -> Result<ImapConfig> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
        ImapConfig::read(&Properties::new([layer]).scoped(&[prefix], &specs))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let config = read("imap", "mail.host=IMAP.example\nmail.user=u\nmail.imap.password=p").unwrap();
        assert_eq!((config.target.port, config.target.tls), (993, TlsMode::Implicit));
        assert_eq!(config.account(), "u@imap.example");
        let same = ImapConfig::new(config.target.clone(), config.login.clone());
        assert_eq!(format!("{config:?}"), format!("{same:?}"));
        let all = "mail.imap.host=h\nmail.imap.port=143\nmail.imap.folder=Entwürfe\nmail.imap.readonly=true\n\
                   mail.imap.peek=false\nmail.imap.maxsize=1KiB\nmail.imap.idle=false\n\
                   mail.imap.pollinterval=5s\nmail.imap.id=false\nmail.imap.expungeothers=true\nmail.debug=true";
        let c = read("imap", all).unwrap();
        assert_eq!((c.target.tls, c.folder.as_str()), (TlsMode::StartTls, "Entwürfe"));
        assert!(c.read_only && !c.peek && !c.idle && !c.id && c.expunge_others && c.debug);
        assert_eq!((c.max_size, c.poll_interval.as_secs()), (1024, 5));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let long = format!("mail.imap.folder={}", "x".repeat(1001));
        for (text, part) in
            [("mail.imap.pollinterval=soon", "mail.imap.pollinterval"), (long.as_str(), "mail.imap.folder")]
        {
            let error = read("imap", &format!("mail.host=h\n{text}")).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("file:2"), "{error}");
        }
    }

    #[test]
    fn names_that_no_mailbox_has_are_refused() {
        for bad in ["", "a\r\nb", "a\0", "a\u{7f}", "a\u{85}b", &"x".repeat(1001)] {
            assert_eq!(mailbox_name(bad, Phase::Settle).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(mailbox_name("inBox", Phase::Settle).unwrap(), "INBOX");
    }
}
