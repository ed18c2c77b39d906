//! What became of a promise when a plugin was checked.

use std::fmt;

/// What the suite says of a promise that takes a server.
const WANTS_SERVER: &str = "it takes a server that answers";

/// A promise and what became of it.
pub(crate) struct Promise {
    /// For a machine.
    pub(crate) name: String,
    /// In a sentence.
    pub(crate) text: String,
    pub(crate) outcome: Outcome,
}

impl Promise {
    pub(crate) fn new(name: &str, text: &str, outcome: Outcome) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), outcome }
    }

    /// True if it was not tried for want of a server.
    pub(crate) fn wants_server(&self) -> bool {
        matches!(&self.outcome, Outcome::NotTried(why) if why == WANTS_SERVER)
    }
}

/// What became of a promise.
pub(crate) enum Outcome {
    Kept,
    NotTried(String),
    Broken(String),
}

impl Outcome {
    /// For a machine.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NotTried(_) => "not-tried",
            Self::Broken(_) => "broken",
        }
    }

    /// What was seen, or why it was not tried.
    pub(crate) fn seen(&self) -> Option<&str> {
        match self {
            Self::Kept => None,
            Self::NotTried(text) | Self::Broken(text) => Some(text),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::NotTried(why) => write!(f, "not tried: {why}"),
            Self::Broken(seen) => write!(f, "BROKEN: {seen}"),
        }
    }
}
