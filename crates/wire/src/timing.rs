//! Deadlines every protocol shares.

use postrider_core::{Milliseconds, Properties, Property, PropertySpec, Result};
use std::time::Duration;

const TIMEOUT: Property<Milliseconds> = Property::new(
    "timeout",
    "Longest silence of the server while an answer is due. Unset: 60 s; SMTP's greeting, envelope and data phases wait \
     as RFC 5321 §4.5.3.2 has it. The reply to the end of a message is SMTP's finaltimeout, whatever this says.",
);
const WRITE_TIMEOUT: Property<Milliseconds> =
    Property::new("writetimeout", "Longest time the server may leave our bytes unread.").default("180s");

/// How long to wait for the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// Longest silence while an answer is due, where the user set one.
    pub timeout: Option<Duration>,
    /// Longest time for one write (RFC 5321 §4.5.3.2.5: 3 minutes).
    pub write_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { timeout: None, write_timeout: Duration::from_secs(180) }
    }
}

impl Timing {
    /// The properties that [`Timing::read`] reads.
    pub const PROPERTIES: &'static [PropertySpec] = &[TIMEOUT.spec(), WRITE_TIMEOUT.spec()];

    /// Reads the deadlines from a transport's properties.
    ///
    /// # Errors
    /// `Configuration` naming the key.
    pub fn read(properties: &Properties) -> Result<Self> {
        Ok(Self {
            timeout: properties.read(&TIMEOUT)?.map(|m| m.0),
            write_timeout: properties.require(&WRITE_TIMEOUT)?.0,
        })
    }

    /// The deadline for an answer: what the user set, else `default`.
    pub fn answer(&self, default: Duration) -> Duration {
        self.timeout.unwrap_or(default)
    }

    /// The deadline for an ordinary command: what the user set, else 60 s.
    pub fn command(&self) -> Duration {
        self.answer(Duration::from_secs(60))
    }
}
