//! What the transport can be told.

use postrider_core::{
    Bytes, Milliseconds, Ports, Properties, Property, PropertySpec, PropertyValue, Result, Target, ValueType,
    session_property,
};
use postrider_wire::{Login, Timing};
use std::time::Duration;

const FOLDER: Property<Folder> =
    Property::new("folder", "Name of the mailbox: ASCII without &, for async-imap has no modified UTF-7.")
        .default("INBOX");
const MAX_SIZE: Property<Bytes> = Property::new(
    "maxsize",
    "Largest message that is read, in bytes or with a unit: async-imap holds all of it in memory.",
)
.default("50MiB");
const FETCH_TIMEOUT: Property<Milliseconds> =
    Property::new("fetchtimeout", "Longest time for one message to arrive whole.").default("10m");
const POLL_INTERVAL: Property<Milliseconds> =
    Property::new("pollinterval", "Time between two looks at the mailbox while waiting for news.")
        .default("60s");

/// Everything the transport can be told, typed. Each field is the property of the same meaning.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AsyncImapConfig {
    /// The server.
    pub target: Target,
    /// Who we are.
    pub login: Login,
    /// Deadlines.
    pub timing: Timing,
    /// The mailbox; ASCII without `&`. Default `INBOX`.
    pub folder: String,
    /// Largest message that is read, in bytes. Default 50 MiB.
    pub max_size: u64,
    /// Longest time for one message. Default 10 min.
    pub fetch_timeout: Duration,
    /// Time between two looks while waiting. Default 60 s.
    pub poll_interval: Duration,
    /// Write the dialogue to the transcript, as far as it is ours.
    pub debug: bool,
}

impl AsyncImapConfig {
    /// The properties of this transport's own that [`AsyncImapConfig::read`] reads.
    pub const PROPERTIES: &'static [PropertySpec] =
        &[FOLDER.spec(), MAX_SIZE.spec(), FETCH_TIMEOUT.spec(), POLL_INTERVAL.spec()];

    /// A server and who we are there, the mailbox INBOX, all else as the properties' defaults.
    pub fn new(target: Target, login: Login) -> Self {
        Self {
            target,
            login,
            timing: Timing::default(),
            folder: "INBOX".into(),
            max_size: 50 << 20,
            fetch_timeout: Duration::from_secs(600),
            poll_interval: Duration::from_secs(60),
            debug: false,
        }
    }

    /// Reads everything from the properties of the transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, Ports::new(993, 143, 143))?;
        let login = Login::read(properties, &target)?;
        Ok(Self {
            timing: Timing::read(properties)?,
            folder: properties.require(&FOLDER)?.0,
            max_size: properties.require(&MAX_SIZE)?.0,
            fetch_timeout: properties.require(&FETCH_TIMEOUT)?.0,
            poll_interval: properties.require(&POLL_INTERVAL)?.0,
            debug: properties.require(&session_property::DEBUG)?,
            ..Self::new(target, login)
        })
    }

    /// The account, as it stands in message keys.
    pub(crate) fn account(&self) -> String {
        format!("{}@{}", self.login.user, self.target.host)
    }
}

struct Folder(String);

impl PropertyValue for Folder {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if !crate::told::is_mailbox(text) {
            return Err("a name of printable ASCII characters without & is expected".into());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn read(text: &str) -> Result<AsyncImapConfig> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
        AsyncImapConfig::read(&Properties::new([layer]).scoped(&["async-imap"], &specs))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let config = read("mail.host=h").unwrap();
        let same = AsyncImapConfig::new(config.target.clone(), config.login.clone());
        assert_eq!(format!("{:?}", config.folder), format!("{:?}", same.folder));
        assert_eq!((config.max_size, config.fetch_timeout), (same.max_size, same.fetch_timeout));
        assert_eq!((config.poll_interval, config.timing), (same.poll_interval, same.timing));
        let config = read(
            "mail.async-imap.host=h\nmail.async-imap.folder=Archive/2026\nmail.async-imap.maxsize=1KiB\n\
             mail.async-imap.fetchtimeout=1m\nmail.async-imap.pollinterval=5s\nmail.debug=true",
        )
        .unwrap();
        assert_eq!((config.folder.as_str(), config.max_size, config.debug), ("Archive/2026", 1024, true));
        assert_eq!((config.fetch_timeout.as_secs(), config.poll_interval.as_secs()), (60, 5));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        for text in ["folder=Entwürfe", "folder=a&b", "maxsize=big", "fetchtimeout=soon", "pollinterval=x"] {
            let error = read(&format!("mail.host=h\nmail.async-imap.{text}")).unwrap_err().to_string();
            let key = text.split('=').next().unwrap();
            assert!(error.contains(key) && error.contains("file:2"), "{error}");
        }
    }
}
