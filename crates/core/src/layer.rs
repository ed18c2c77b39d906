//! A named set of property texts that all come from one place.

use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::java_properties::{self, JavaEntry, JavaSyntaxError};
use crate::{Error, Note, NoteKind, Result, Secret};

/// Where a layer stands: the highest that has a key wins, with its whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerKind {
    /// A transport's preset (gmail).
    Preset,
    /// A file or form for the whole system.
    System,
    /// A file or form of one instance: a tenant, a site, a company of a portal.
    Instance,
    /// A file or form of one account.
    Account,
    /// Environment variables.
    Environment,
    /// The host app's code.
    Host,
    /// An account that the host app gives for one message or a few. It makes a session of its own, since a
    /// connection that was signed in for somebody else can't be used.
    Message,
    /// The text box that beats everything else.
    Overrides,
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preset => "preset",
            Self::System => "system",
            Self::Instance => "instance",
            Self::Account => "account",
            Self::Environment => "environment",
            Self::Host => "host code",
            Self::Message => "message",
            Self::Overrides => "overrides",
        })
    }
}

/// Where a value came from: its layer and its position there (file:line, variable name, form field).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// The layer's standing.
    pub kind: LayerKind,
    /// The position in it, for a person: `accounts.toml:12`.
    pub position: String,
}

impl Origin {
    /// A position in a layer of this standing.
    pub fn new(kind: LayerKind, position: impl Into<String>) -> Self {
        Self { kind, position: position.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.position, self.kind)
    }
}

/// One place's worth of properties. Values are text until a typed key reads them.
///
/// Debug shows keys and positions, never values.
#[derive(Clone)]
pub struct Layer {
    kind: LayerKind,
    name: Arc<str>,
    entries: Vec<Entry>,
    // Where each key's entry is: a file of many keys is read in a time that grows with it and no faster.
    index: HashMap<String, usize>,
    notes: Vec<Note>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    // Any value may turn out to be a secret: which keys are is known only once a transport is chosen.
    pub(crate) value: Secret,
    pub(crate) position: String,
    pub(crate) locked: bool,
}

impl Layer {
    /// An empty layer; `name` says in errors and in explain where its values come from (a file name, `form`).
    pub fn new(kind: LayerKind, name: impl AsRef<str>) -> Self {
        Self {
            kind,
            name: name.as_ref().into(),
            entries: Vec::new(),
            index: HashMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a value. A key set twice in one layer has its last value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Secret>) {
        let position = self.name.to_string();
        self.set_at(key, value, position);
    }

    /// Adds a value with its position (`accounts.toml:12`, `POSTRIDER_MAIL_HOST`).
    pub fn set_at(&mut self, key: impl Into<String>, value: impl Into<Secret>, position: impl Into<String>) {
        let (key, value, position) = (key.into(), value.into(), position.into());
        let entry = Entry { key: key.clone(), value, position, locked: false };
        match self.index.get(&key).and_then(|at| self.entries.get_mut(*at)) {
            Some(earlier) => *earlier = entry,
            None => {
                self.index.insert(key, self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    /// Adds a value and returns the layer, for building one in code.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.set(key, value);
        self
    }

    /// Locks a key of this layer: no higher layer can change it.
    pub fn lock(&mut self, key: &str) {
        if let Some(entry) = self.index.get(key).and_then(|at| self.entries.get_mut(*at)) {
            entry.locked = true;
        }
    }

    /// Reads `key=value` lines, as in the text box "additional properties to override the above".
    ///
    /// Java's property syntax, exactly: `=`, `:` or blanks between key and value, `#` and `!` comments, a
    /// backslash at the end of a line continues it, `\t \n \r \f \\ \uXXXX` escapes. Only blanks at the end of
    /// a value are dropped, with a [note](Self::notes) (Java keeps them, and nobody ever meant them).
    ///
    /// # Errors
    /// `Configuration` with the line, for a malformed escape or a line without a key.
    pub fn parse(kind: LayerKind, name: &str, text: &str) -> Result<Self> {
        let (layer, mistakes) = Self::parse_all(kind, name, text);
        mistakes.into_iter().next().map_or(Ok(layer), Err)
    }

    /// As [`parse`](Self::parse), but goes on behind a mistake: what can be read, and every mistake in order of
    /// the lines.
    pub fn parse_all(kind: LayerKind, name: &str, text: &str) -> (Self, Vec<Error>) {
        let (entries, faults) = java_properties::read(text);
        Self::of_java(kind, name, &entries, &faults)
    }

    /// A property file's entries and what could not be read of it, as a layer and as errors.
    pub fn of_java(
        kind: LayerKind,
        name: &str,
        entries: &[JavaEntry],
        faults: &[JavaSyntaxError],
    ) -> (Self, Vec<Error>) {
        let mut layer = Self::new(kind, name);
        let mut mistakes: Vec<(usize, Error)> =
            faults.iter().map(|fault| (fault.line, fault.error(name))).collect();
        for entry in entries {
            if entry.key.is_empty() {
                mistakes.push((entry.line, JavaSyntaxError::without_key(entry.line).error(name)));
                continue;
            }
            let position = format!("{name}:{}", entry.line);
            if let Some(earlier) = layer.position(&entry.key) {
                let note = Note::set_twice(&entry.key, &position, earlier);
                layer.add_note(note);
            }
            layer.set_java(entry.key.clone(), entry, &position);
        }
        mistakes.sort_by_key(|(line, _)| *line);
        (layer, mistakes.into_iter().map(|(_, error)| error).collect())
    }

    /// Adds the value of a property file's entry under a key, without the blanks at its end, which are noted.
    pub fn set_java(&mut self, key: impl Into<String>, entry: &JavaEntry, position: &str) {
        if entry.trailing_blanks > 0 {
            let message = "blanks at the end of the value are left out (Java would keep them)";
            self.add_note(
                Note::new(NoteKind::TrailingBlanks, entry.key.as_str(), position, message)
                    .with_advice("delete them, or write \\u0020 for one that is meant"),
            );
        }
        self.set_at(key, entry.trimmed(), position);
    }

    /// Remembers what a person should know about these settings.
    pub fn add_note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// What was noticed when the layer was read, in order.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The position of a key's value, if the layer has one.
    pub fn position(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.position.as_str())
    }

    /// The text of a key, if the layer has one: for whoever hands settings on to where they are read.
    pub fn value(&self, key: &str) -> Option<&Secret> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// True if the layer has the key and no higher layer can change it.
    pub fn is_locked(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|entry| entry.locked)
    }

    /// The layer's standing.
    pub fn kind(&self) -> LayerKind {
        self.kind
    }

    /// The layer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys that are set, in the order in which they were set first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.key.as_str())
    }

    /// True if the value of this key is a [`SecretRef`](crate::SecretRef) that can be read: where a secret is kept, and
    /// none itself.
    pub fn is_reference(&self, key: &str) -> bool {
        self.entry(key)
            .is_some_and(|entry| matches!(crate::SecretRef::parse(entry.value.expose()), Ok(Some(_))))
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.index.get(key).and_then(|at| self.entries.get(*at))
    }

    pub(crate) fn origin(&self, entry: &Entry) -> Origin {
        Origin { kind: self.kind, position: entry.position.clone() }
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.entries.iter().map(|e| (&e.key, &e.position)).collect();
        f.debug_struct("Layer")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("keys", &keys)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        let layer = Layer::parse(LayerKind::Overrides, "box", text).unwrap();
        layer.entries.iter().map(|e| (e.key.clone(), e.value.expose().into(), e.position.clone())).collect()
    }

    #[test]
    fn java_syntax_is_read_with_line_numbers() {
        let text = "# a comment\n a.b = one \n! too\nc:two\nd three\\\n   more\ne\\=f=\\u00e9\\ud83d\\ude00\\\\\n\na.b=last\n";
        let triples = read(text);
        let want = [
            ("a.b", "last", "box:9"),
            ("c", "two", "box:4"),
            ("d", "threemore", "box:5"),
            ("e=f", "é😀\\", "box:7"),
        ];
        let got: Vec<_> = triples.iter().map(|(k, v, p)| (k.as_str(), v.as_str(), p.as_str())).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn malformed_lines_name_their_line_and_debug_shows_no_value() {
        for (text, line) in [("a=1\n=x", ":2"), ("k=\\u12", ":1"), ("k=\\ud83d", ":1")] {
            let error = Layer::parse(LayerKind::Overrides, "box", text).unwrap_err();
            assert!(error.message().contains(line), "{error}");
        }
        let layer = Layer::new(LayerKind::Host, "code").with("mail.smtp.password", "hunter2");
        assert!(!format!("{layer:?}").contains("hunter2"));
    }
}
