//! Why bytes from the server can't be accepted.

use postrider_core::{Error, ErrorKind, Phase};

/// A limit that was passed; the driver knows the phase and makes an [`Error`] of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    message: String,
    advice: Option<&'static str>,
}

impl Fault {
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self { message: message.into(), advice: None }
    }

    /// Says what a person can do about it.
    pub(crate) fn with_advice(mut self, advice: &'static str) -> Self {
        self.advice = Some(advice);
        self
    }

    pub(crate) fn at(self, phase: Phase) -> Error {
        let error = Error::new(ErrorKind::Limit, phase, self.message);
        match self.advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}
