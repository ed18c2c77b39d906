//! What is wrong with settings, or should be known about them, in one shape for people and programs.

use crate::{Error, Note, NoteKind, Origin};
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The settings can't be used.
    Error,
    /// They can be used, and likely don't do what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What it is about, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DiagnosisKind {
    /// The text can't be read at all.
    Syntax,
    /// There is no such key.
    UnknownKey,
    /// A key of Jakarta Mail's that is refused by name, or is fixed to another value.
    RefusedKey,
    /// The value is not of its key's type, or can't be used.
    BadValue,
    /// Something that is needed is not set.
    Missing,
    /// Quotes around a value.
    Quotes,
    /// Blanks around a value.
    Blanks,
    /// One source sets a key twice.
    SetTwice,
    /// Another value beats this one.
    Covered,
    /// A locked value beats this one.
    Locked,
    /// No transport that is chosen reads it.
    NotRead,
    /// A choice of encryption that is read differently from its words, or can't work.
    Encryption,
    /// A port that belongs to another protocol.
    Port,
    /// A secret that others may read.
    ExposedSecret,
    /// Something that the reader of a source noticed.
    Source,
}

/// One finding about settings. Never holds a secret; its text is safe to show and to paste.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub kind: DiagnosisKind,
    /// The full key, where it is about one.
    pub key: Option<String>,
    /// Where the value stands; `None` if nothing is set.
    pub origin: Option<Origin>,
    /// What was found, in a sentence.
    pub what: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Diagnosis {
    /// A finding that is about no key yet.
    pub fn new(severity: Severity, kind: DiagnosisKind, what: impl Into<String>) -> Self {
        Self { severity, kind, key: None, origin: None, what: what.into(), advice: None }
    }

    /// Says which key it is about and where its value stands.
    pub fn at(mut self, key: impl Into<String>, origin: Option<Origin>) -> Self {
        self.key = Some(key.into());
        self.origin = origin;
        self
    }

    /// Says what to do.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// An error about settings, as a finding.
    pub fn of_error(error: &Error, kind: DiagnosisKind) -> Self {
        let (key, origin) = match error.property() {
            Some((key, origin)) => (Some(key.to_owned()), origin.cloned()),
            None => (None, None),
        };
        let advice = error.advice().map(str::to_owned);
        Self { severity: Severity::Error, kind, key, origin, what: error.message().to_owned(), advice }
    }

    /// True if the settings can't be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// True if its advice is about this key.
    pub(crate) fn advises(&self, key: &str) -> bool {
        self.advice.as_ref().is_some_and(|advice| advice.contains(key))
    }

    pub(crate) fn of_note(note: &Note, origin: Origin) -> Self {
        let (severity, kind) = match note.kind {
            NoteKind::TrailingBlanks => (Severity::Note, DiagnosisKind::Blanks),
            NoteKind::SetTwice => (Severity::Warning, DiagnosisKind::SetTwice),
            NoteKind::NotUsed => (Severity::Warning, DiagnosisKind::NotRead),
            NoteKind::Encryption => (Severity::Note, DiagnosisKind::Encryption),
            NoteKind::MissingFile => (Severity::Warning, DiagnosisKind::Source),
            _ => (Severity::Note, DiagnosisKind::Source),
        };
        let (key, what) = (note.key.clone(), note.message.clone());
        Self { severity, kind, key: Some(key), origin: Some(origin), what, advice: note.advice.clone() }
    }

    fn place(&self) -> (bool, Option<crate::LayerKind>, String, u32, String, DiagnosisKind) {
        let (kind, position) =
            self.origin.as_ref().map_or((None, ""), |origin| (Some(origin.kind), origin.position.as_str()));
        let (source, line) = match position.rsplit_once(':') {
            Some((source, line)) => line.parse().map_or((position, 0), |line| (source, line)),
            None => (position, 0),
        };
        let key = self.key.clone().unwrap_or_default();
        (kind.is_none(), kind, source.to_owned(), line, key, self.kind)
    }
}

/// By source and line, then by key: the order in which a person goes through a file.
impl Ord for Diagnosis {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place()).then_with(|| self.what.cmp(&other.what))
    }
}

impl PartialOrd for Diagnosis {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{}: ", origin.position)?;
        }
        write!(f, "{}: ", self.severity)?;
        match &self.key {
            // Many a sentence names its key itself.
            Some(key) if !self.what.contains(key.as_str()) => write!(f, "{}: ", key.escape_debug())?,
            _ => {}
        }
        f.write_str(&self.what)?;
        self.advice.iter().try_for_each(|advice| write!(f, " -> {advice}"))
    }
}
