//! A named set of property texts that all come from one place.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind, Phase, Result, Secret};

/// Where a layer stands: the highest that has a key wins, with its whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerKind {
    /// A transport's preset (gmail).
    Preset,
    /// A file or form for the whole system.
    System,
    /// A file or form of one instance or account.
    Account,
    /// Environment variables.
    Environment,
    /// The host app's code.
    Host,
    /// The text box that beats everything else.
    Overrides,
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preset => "preset",
            Self::System => "system",
            Self::Account => "account",
            Self::Environment => "environment",
            Self::Host => "host code",
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
        Self { kind, name: name.as_ref().into(), entries: Vec::new() }
    }

    /// Adds a value. A key set twice in one layer has its last value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Secret>) {
        let position = self.name.to_string();
        self.set_at(key, value, position);
    }

    /// Adds a value with its position (`accounts.toml:12`, `POSTRIDER_MAIL_HOST`).
    pub fn set_at(&mut self, key: impl Into<String>, value: impl Into<Secret>, position: impl Into<String>) {
        let (key, value, position) = (key.into(), value.into(), position.into());
        self.entries.retain(|e| e.key != key);
        self.entries.push(Entry { key, value, position, locked: false });
    }

    /// Adds a value and returns the layer, for building one in code.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.set(key, value);
        self
    }

    /// Locks a key of this layer: no higher layer can change it.
    pub fn lock(&mut self, key: &str) {
        for entry in self.entries.iter_mut().filter(|e| e.key == key) {
            entry.locked = true;
        }
    }

    /// Reads `key=value` lines, as in the text box "additional properties to override the above".
    ///
    /// Java's property syntax: `=`, `:` or blanks between key and value, `#` and `!` comments, a backslash
    /// at the end of a line continues it, `\t \n \r \f \\ \uXXXX` escapes. Blanks after a value are dropped
    /// (Java keeps them, and nobody ever meant them).
    ///
    /// # Errors
    /// `Configuration` with the line, for a malformed escape or a line without a key.
    pub fn parse(kind: LayerKind, name: &str, text: &str) -> Result<Self> {
        let mut layer = Self::new(kind, name);
        for (number, line) in logical_lines(text) {
            let position = format!("{name}:{number}");
            let fail = |why: String| {
                Error::new(ErrorKind::Configuration, Phase::Configure, format!("{position}: {why}"))
                    .with_advice("write one key=value a line, for example mail.smtp.host=mail.example.org")
            };
            let (key, value) = split_entry(&line);
            let key = unescape(key).map_err(&fail)?;
            let value = unescape(value.trim_end()).map_err(&fail)?;
            if key.is_empty() {
                return Err(fail("there is no key before the =".into()));
            }
            layer.set_at(key, value, position);
        }
        Ok(layer)
    }

    /// The layer's standing.
    pub fn kind(&self) -> LayerKind {
        self.kind
    }

    /// The layer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys that are set, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.key.as_str())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key == key)
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

/// Joins continued lines and drops comments; each line with the number it began at.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (i, raw) in text.lines().enumerate() {
        let line = raw.trim_start();
        if !open && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let slashes = line.bytes().rev().take_while(|b| *b == b'\\').count();
        let continues = slashes % 2 == 1;
        let part = if continues { line.get(..line.len() - 1).unwrap_or_default() } else { line };
        match out.last_mut() {
            Some((_, last)) if open => last.push_str(part),
            _ => out.push((i + 1, part.to_owned())),
        }
        open = continues;
    }
    out
}

/// Splits at the first unescaped `=`, `:` or blank.
fn split_entry(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|&(_, c)| {
            let hit = !escaped && (c == '=' || c == ':' || c.is_whitespace());
            escaped = c == '\\' && !escaped;
            hit
        })
        .map_or(line.len(), |(i, _)| i);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { chars.next() } else { None };
        if escape == Some('u') {
            let hex: String = chars.by_ref().take(4).collect();
            let good = hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
            let unit = u16::from_str_radix(&hex, 16).ok().filter(|_| good);
            units.push(unit.ok_or("\\u must be followed by four hexadecimal digits")?);
            continue;
        }
        flush_units(&mut units, &mut out)?;
        match escape {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None if c == '\\' => {}
            None => out.push(c),
        }
    }
    flush_units(&mut units, &mut out)?;
    Ok(out)
}

/// `\uXXXX` writes UTF-16: two halves may make one character.
fn flush_units(units: &mut Vec<u16>, out: &mut String) -> Result<(), String> {
    if !units.is_empty() {
        out.push_str(
            &String::from_utf16(units).map_err(|_| "\\u writes half a character (a lone surrogate)")?,
        );
        units.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        let layer = Layer::parse(LayerKind::Overrides, "box", text).unwrap();
        layer.entries.iter().map(|e| (e.key.clone(), e.value.expose().into(), e.position.clone())).collect()
    }

    #[test]
    fn java_syntax_is_read_with_line_numbers() {
        let text = "# a comment\n a.b = one \n! too\nc:two\nd three\\\n   more\ne\\=f=\\u00e9\\ud83d\\ude00\\\\\n\na.b=last\n";
        let triples = read(text);
        let want = [
            ("c", "two", "box:4"),
            ("d", "threemore", "box:5"),
            ("e=f", "é😀\\", "box:7"),
            ("a.b", "last", "box:9"),
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

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|[\\\\u0-9a-f=: #!\n\r\t]*") {
            let _ = Layer::parse(LayerKind::Overrides, "box", &text);
        }
    }
}
