//! The properties of `maildir` and the typed configuration read from them once.

use crate::folder;
use postrider_core::{
    Bytes, Milliseconds, Properties, Property, PropertySpec, PropertyValue, Result, ValueType,
};
use std::path::PathBuf;
use std::time::Duration;

const PATH: Property<PathBuf> =
    Property::new("path", "Absolute path of the maildir: the directory that has tmp, new and cur in it.");
const FOLDER: Property<FolderName> =
    Property::new("folder", "Folder inside it (Maildir++), in plain text: INBOX, Archive/2026, Entwürfe.")
        .default("INBOX");
const CREATE: Property<bool> =
    Property::new("create", "Create the maildir, its folder and folders that messages are moved to.")
        .default("false");
const CONVERT: Property<bool> = Property::new(
    "convertlineends",
    "Lines end in LF in the files and in CRLF outside, as other programs expect both. false: bytes go as they are.",
)
.default("true");
const HEADERS: Property<bool> = Property::new(
    "headers",
    "Put Return-Path and Delivered-To headers with the addresses of the envelope on top of each message.",
)
.default("false");
const MAX_SIZE: Property<Bytes> =
    Property::new("maxsize", "Largest message that is read, in bytes or with a unit.").default("50MiB");
const POLL_INTERVAL: Property<Milliseconds> =
    Property::new("pollinterval", "Time between two looks at the directory while waiting for news.")
        .default("2s");

/// Everything a maildir transport can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MaildirConfig {
    /// The maildir, by its absolute path.
    pub path: PathBuf,
    /// The folder inside it, in plain text; hierarchy by `/`. Default `INBOX`, the maildir itself.
    pub folder: String,
    /// Create what is not there. Default false, so that a slip of the pen is an error.
    pub create: bool,
    /// LF in the files, CRLF outside. Default true.
    pub convert_line_ends: bool,
    /// Outgoing: record the envelope in headers. Default false.
    pub headers: bool,
    /// Incoming: largest message that is read, in bytes. Default 50 MiB.
    pub max_size: u64,
    /// Incoming: time between two looks at the directory. Default 2 s.
    pub poll_interval: Duration,
}

impl MaildirConfig {
    /// The properties of the incoming transport.
    pub const INCOMING: &'static [PropertySpec] =
        &[PATH.spec(), FOLDER.spec(), CREATE.spec(), CONVERT.spec(), MAX_SIZE.spec(), POLL_INTERVAL.spec()];

    /// The properties of the outgoing transport.
    pub const OUTGOING: &'static [PropertySpec] =
        &[PATH.spec(), FOLDER.spec(), CREATE.spec(), CONVERT.spec(), HEADERS.spec()];

    /// A maildir; all else as by default.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            folder: "INBOX".into(),
            create: false,
            convert_line_ends: true,
            headers: false,
            max_size: 50 << 20,
            poll_interval: Duration::from_secs(2),
        }
    }

    /// Reads what an incoming transport needs from the properties of its scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read_incoming(properties: &Properties) -> Result<Self> {
        Ok(Self {
            max_size: properties.require(&MAX_SIZE)?.0,
            poll_interval: properties.require(&POLL_INTERVAL)?.0,
            ..Self::read(properties)?
        })
    }

    /// Reads what an outgoing transport needs from the properties of its scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read_outgoing(properties: &Properties) -> Result<Self> {
        Ok(Self { headers: properties.require(&HEADERS)?, ..Self::read(properties)? })
    }

    fn read(properties: &Properties) -> Result<Self> {
        let path = properties.require(&PATH)?;
        if !path.is_absolute() {
            return Err(properties.fault(&PATH, "an absolute path is expected"));
        }
        Ok(Self {
            folder: properties.require(&FOLDER)?.0,
            create: properties.require(&CREATE)?,
            convert_line_ends: properties.require(&CONVERT)?,
            ..Self::new(path)
        })
    }
}

/// A mailbox name that stays inside the maildir.
struct FolderName(String);

impl PropertyValue for FolderName {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        folder::directory(text).map(|_| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn layers(text: &str, specs: &[PropertySpec]) -> Properties {
        let layer = Layer::parse(LayerKind::Account, "file", text).unwrap();
        Properties::new([layer]).scoped(&["maildir"], specs)
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let few = layers("mail.maildir.path=/m", MaildirConfig::INCOMING);
        let same = format!("{:?}", MaildirConfig::new("/m"));
        assert_eq!(format!("{:?}", MaildirConfig::read_incoming(&few).unwrap()), same);
        assert_eq!(format!("{:?}", MaildirConfig::read_outgoing(&few).unwrap()), same);
        let all = "mail.maildir.path=/m\nmail.maildir.folder=A/B\nmail.maildir.create=true\n\
                   mail.maildir.convertlineends=false\nmail.maildir.headers=true\nmail.maildir.maxsize=1KiB\n\
                   mail.maildir.pollinterval=5s";
        let read = MaildirConfig::read_incoming(&layers(all, MaildirConfig::INCOMING)).unwrap();
        assert_eq!((read.folder.as_str(), read.create, read.convert_line_ends), ("A/B", true, false));
        assert_eq!((read.max_size, read.poll_interval.as_secs()), (1024, 5));
        assert!(MaildirConfig::read_outgoing(&layers(all, MaildirConfig::OUTGOING)).unwrap().headers);
    }

    #[test]
    fn a_bad_value_names_its_key() {
        for (text, key) in [
            ("", "mail.maildir.path"),
            ("mail.maildir.path=relative", "mail.maildir.path"),
            ("mail.maildir.path=/m\nmail.maildir.folder=../x", "mail.maildir.folder"),
        ] {
            let error = MaildirConfig::read_incoming(&layers(text, MaildirConfig::INCOMING)).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
