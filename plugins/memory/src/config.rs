//! The properties of `memory` and the typed configuration read from them once.

use postrider_core::{Bytes, Properties, Property, PropertySpec, Result};

const NAME: Property<String> =
    Property::new("name", "Name of the memory, which a test holds by Memory::named.").default("default");
const FOLDER: Property<String> = Property::new("folder", "Name of the mailbox.").default("INBOX");
const MAX_SIZE: Property<Bytes> =
    Property::new("maxsize", "Largest message that is taken or read, in bytes or with a unit.")
        .default("50MiB");

/// Everything a memory transport can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// Name of the memory. Default `default`. Without effect where the memory itself is given.
    pub name: String,
    /// Incoming: name of the mailbox. Default `INBOX`.
    pub folder: String,
    /// Largest message that is taken or read, in bytes. Default 50 MiB.
    pub max_size: u64,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { name: "default".into(), folder: "INBOX".into(), max_size: 50 << 20 }
    }
}

impl MemoryConfig {
    /// The properties of the incoming transport.
    pub const INCOMING: &'static [PropertySpec] = &[NAME.spec(), FOLDER.spec(), MAX_SIZE.spec()];

    /// The properties of the outgoing transport.
    pub const OUTGOING: &'static [PropertySpec] = &[NAME.spec(), MAX_SIZE.spec()];

    /// Reads what an incoming transport needs from the properties of its scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read_incoming(properties: &Properties) -> Result<Self> {
        Ok(Self { folder: properties.require(&FOLDER)?, ..Self::read_outgoing(properties)? })
    }

    /// Reads what an outgoing transport needs from the properties of its scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read_outgoing(properties: &Properties) -> Result<Self> {
        let (name, max_size) = (properties.require(&NAME)?, properties.require(&MAX_SIZE)?.0);
        Ok(Self { name, max_size, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let read = |text: &str| {
            let layer = Layer::parse(LayerKind::Account, "file", text).unwrap();
            MemoryConfig::read_incoming(&Properties::new([layer]).scoped(&["memory"], MemoryConfig::INCOMING))
        };
        assert_eq!(format!("{:?}", read("").unwrap()), format!("{:?}", MemoryConfig::default()));
        let all = "mail.memory.name=mine\nmail.memory.folder=Archive\nmail.memory.maxsize=1KiB";
        let config = read(all).unwrap();
        assert_eq!(
            (config.name.as_str(), config.folder.as_str(), config.max_size),
            ("mine", "Archive", 1024)
        );
        let error = read("mail.memory.maxsize=large").unwrap_err().to_string();
        assert!(error.contains("mail.memory.maxsize"), "{error}");
    }
}
