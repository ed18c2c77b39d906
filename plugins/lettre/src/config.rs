//! What the transport can be told.

use lettre::transport::smtp::extension::ClientId;
use postrider_core::{
    Bytes, Error, ErrorKind, Milliseconds, Phase, Ports, Properties, Property, PropertySpec, PropertyValue,
    Result, Target, ValueType, session_property,
};
use postrider_wire::{Login, Timing};
use std::time::Duration;

const LOCALHOST: Property<HelloName> =
    Property::new("localhost", "Name or address literal to introduce ourselves with in EHLO.")
        .default("[127.0.0.1]");
const MAX_SIZE: Property<Bytes> = Property::new(
    "maxsize",
    "Largest message that is sent, in bytes or with a unit: lettre's client needs all of it in memory.",
)
.default("50MiB");
const FINAL_TIMEOUT: Property<Milliseconds> = Property::new(
    "finaltimeout",
    "Longest time for a message from its first byte to the answer to its end: lettre's client does both at once.",
)
.default("10m");

/// Everything the transport can be told, typed. Each field is the property of the same meaning.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LettreConfig {
    /// The server.
    pub target: Target,
    /// Who we are; without credentials no sign-in happens.
    pub login: Login,
    /// Deadlines.
    pub timing: Timing,
    /// Who we say we are in EHLO. Default `[127.0.0.1]`.
    pub hello: ClientId,
    /// Largest message, in bytes. Default 50 MiB.
    pub max_size: u64,
    /// Longest time for a message and the answer to its end. Default 10 min.
    pub final_timeout: Duration,
    /// Write the dialogue to the transcript, as far as it is ours.
    pub debug: bool,
}

impl LettreConfig {
    /// The properties of this transport's own that [`LettreConfig::read`] reads.
    pub const PROPERTIES: &'static [PropertySpec] =
        &[LOCALHOST.spec(), MAX_SIZE.spec(), FINAL_TIMEOUT.spec()];

    /// A server and credentials, all else as the properties' defaults.
    pub fn new(target: Target, login: Login) -> Self {
        Self {
            target,
            login,
            timing: Timing::default(),
            hello: ClientId::Ipv4([127, 0, 0, 1].into()),
            max_size: 50 << 20,
            final_timeout: Duration::from_secs(600),
            debug: false,
        }
    }

    /// Checks what goes onto the wire: a text from properties is checked already, a typed one is not.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.hello {
            ClientId::Domain(name) if !is_host_name(name) => {
                let what = "hello is not a host name";
                Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what))
            }
            _ => Ok(()),
        }
    }

    /// Reads everything from the properties of the transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, Ports::new(465, 587, 25))?;
        let login = Login::read(properties, &target)?;
        Ok(Self {
            timing: Timing::read(properties)?,
            hello: properties.require(&LOCALHOST)?.0,
            max_size: properties.require(&MAX_SIZE)?.0,
            final_timeout: properties.require(&FINAL_TIMEOUT)?.0,
            debug: properties.require(&session_property::DEBUG)?,
            ..Self::new(target, login)
        })
    }
}

/// A name that can stand in EHLO: nothing in it ends the command.
struct HelloName(ClientId);

impl PropertyValue for HelloName {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let what = "a host name or an address literal such as [192.0.2.1] is expected";
        if let Some(literal) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            return match literal.strip_prefix("IPv6:") {
                Some(six) => six.parse().map(ClientId::Ipv6),
                None => literal.parse().map(ClientId::Ipv4),
            }
            .map(Self)
            .map_err(|_| what.into());
        }
        if is_host_name(text) { Ok(Self(ClientId::Domain(text.to_owned()))) } else { Err(what.into()) }
    }
}

fn is_host_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    (1..=255).contains(&text.len()) && text.bytes().all(good)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn read(text: &str) -> Result<LettreConfig> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
        LettreConfig::read(&Properties::new([layer]).scoped(&["lettre"], &specs))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let config = read("mail.host=h").unwrap();
        let same = LettreConfig::new(config.target.clone(), config.login.clone());
        assert_eq!(format!("{config:?}"), format!("{same:?}"));
        let config = read(
            "mail.lettre.host=h\nmail.lettre.localhost=pc\nmail.lettre.maxsize=1KiB\n\
             mail.lettre.finaltimeout=20m\nmail.lettre.timeout=5000\nmail.debug=true",
        )
        .unwrap();
        assert_eq!((config.hello.to_string().as_str(), config.max_size, config.debug), ("pc", 1024, true));
        assert_eq!(config.final_timeout, Duration::from_secs(1200));
        assert_eq!(config.timing.timeout, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        for text in ["localhost=a b", "localhost=[x]", "maxsize=big", "finaltimeout=soon"] {
            let error = read(&format!("mail.host=h\nmail.lettre.{text}")).unwrap_err().to_string();
            let key = text.split('=').next().unwrap();
            assert!(error.contains(key) && error.contains("file:2"), "{error}");
        }
    }
}
