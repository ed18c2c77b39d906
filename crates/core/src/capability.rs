//! What a transport can do beyond what every transport must.

use serde::Serialize;
use std::fmt;

/// Something that the contract leaves to the transport. One that does not have it says `Unsupported` when it is asked
/// for it, or does it one after the other.
///
/// A constant of the [factory](crate::TransportFactory): what the transport can do wherever its server can. It is there
/// to choose a transport by and to show; a host still hears `Unsupported` from the call itself. The conformance suite
/// holds it against what the transport does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Capability {
    /// `connect()` tries the settings without sending or receiving. In both directions.
    Connect,
    /// Of several recipients of a message it says which ones were refused.
    Recipients,
    /// `send_all()` has more than one message on its way at a time.
    Batch,
    /// `list()` can leave out what has been seen.
    Unseen,
    /// `settle()` can mark messages as seen.
    Seen,
    /// `settle()` can move messages to another mailbox.
    Move,
    /// `settle()` can delete messages.
    Delete,
}

impl Capability {
    /// Its name, as `postrider plugins` shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Recipients => "recipients",
            Self::Batch => "batch",
            Self::Unseen => "unseen",
            Self::Seen => "seen",
            Self::Move => "move",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
