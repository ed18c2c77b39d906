//! Why bytes from the server can't be accepted.

use postrider_core::{Error, ErrorKind, Phase};

/// A limit that was passed or a rule that was broken; the driver knows the phase and makes an [`Error`] of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: ErrorKind,
    message: String,
}

impl Fault {
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Limit, message: message.into() }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Protocol, message: message.into() }
    }

    pub(crate) fn at(self, phase: Phase) -> Error {
        Error::new(self.kind, phase, self.message)
    }
}
