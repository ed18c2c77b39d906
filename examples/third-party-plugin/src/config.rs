//! The properties of `lmtp` and the typed configuration read from them once.

use postrider_core::{
    Error, ErrorKind, Phase, Ports, Properties, Property, PropertySpec, PropertyValue, Result, Target,
    TlsMode, ValueType,
};
use postrider_wire::Timing;

// docs: property
const LHLO: Property<HelloName> =
    Property::new("localhost", "Name or address literal of this machine, which LHLO gives to the server.")
        .default("localhost");

/// A host name or an address literal (RFC 5321 §4.1.3): nothing in it can end the command early.
struct HelloName(String);

impl PropertyValue for HelloName {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if text.is_empty() || text.len() > 255 || !text.chars().all(good) {
            return Err("a host name or an address literal such as [192.0.2.1] is expected".into());
        }
        Ok(Self(text.to_owned()))
    }
}
// docs: end

/// Everything the transport can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LmtpConfig {
    /// The server. Clear text only where nobody reads along: on this machine.
    pub target: Target,
    /// Deadlines.
    pub timing: Timing,
    /// The name given in LHLO.
    pub hello: String,
}

// docs: config
impl LmtpConfig {
    /// The properties of this transport alone.
    pub const PROPERTIES: &'static [PropertySpec] = &[LHLO.spec()];

    /// Reads what the transport needs from the properties of its scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, Ports::new(24, 24, 24))?;
        if matches!(target.tls, TlsMode::StartTls | TlsMode::StartTlsIfOffered) {
            let what = "this transport does not speak STARTTLS";
            return Err(Error::new(ErrorKind::Configuration, Phase::Configure, what)
                .with_property("mail.lmtp.tls", None)
                .with_advice("use tls=implicit, or tls=none to a server on this machine"));
        }
        let hello = properties.require(&LHLO)?.0;
        Ok(Self { target, timing: Timing::read(properties)?, hello })
    }
}
// docs: end
