//! What a reader of settings noticed that is no error.

use serde::Serialize;
use std::fmt;

/// Something that a person should know about their settings although they can be used: what was left out,
/// changed or is likely not what they meant. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The key, as it stands in the source.
    pub key: String,
    /// Where: file:line, variable name, form field.
    pub position: String,
    /// What was noticed.
    pub message: String,
    /// What to write instead, where there is something to do.
    pub advice: Option<String>,
}

/// The kinds of [`Note`], for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoteKind {
    /// Blanks at the end of a value were dropped.
    TrailingBlanks,
    /// One source sets a key twice; the earlier value was dropped.
    SetTwice,
    /// A key of another program that means something else there, or nothing, or has no counterpart here.
    NotUsed,
    /// A key counts here under another name than it was written with.
    Renamed,
    /// A file that another one includes is not there.
    MissingFile,
    /// What was asked for is read as another kind of encryption than its words say.
    Encryption,
    /// A value was taken as it stands although it looks as if it should be replaced by something.
    Literal,
}

impl Note {
    /// A note about a key at a position.
    pub fn new(
        kind: NoteKind,
        key: impl Into<String>,
        position: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, key: key.into(), position: position.into(), message: message.into(), advice: None }
    }

    /// A note about a key that one source sets twice.
    pub fn set_twice(key: &str, position: &str, earlier: &str) -> Self {
        let message = format!("it is set at {earlier} already; the later line counts");
        Self::new(NoteKind::SetTwice, key, position, message).with_advice("delete one of the two lines")
    }

    /// Says what to write instead.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.position, self.key.escape_debug(), self.message)?;
        self.advice.iter().try_for_each(|advice| write!(f, " -> {advice}"))
    }
}
