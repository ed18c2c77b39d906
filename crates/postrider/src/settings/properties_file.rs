//! Java property files.

use super::text_file;
use postrider_core::java_properties::{self, JavaEncoding, JavaEntry};
use postrider_core::{Error, ErrorKind, Layer, LayerKind, Note, Phase, Result};
use std::path::Path;

/// A Java property file: `mail.smtp.host=mail.example.org`, read as `java.util.Properties.load` reads it.
///
/// Only blanks at the end of a value are left out, with a [`Note`]. A byte order mark at the beginning is no
/// part of the first key. Debug shows keys, never values.
#[derive(Clone, Debug)]
pub struct PropertiesFile {
    name: String,
    entries: Vec<JavaEntry>,
}

impl PropertiesFile {
    /// Reads a file that is UTF-8 or else ISO 8859-1.
    ///
    /// # Errors
    /// `Configuration` naming the file and, for a mistake in it, the line.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_as(path, JavaEncoding::Detect)
    }

    /// Reads a file whose encoding is known.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_as(path: &Path, encoding: JavaEncoding) -> Result<Self> {
        let bytes = text_file::read(path, "a Java property file")?;
        Self::parse(&text_file::shown(path), &bytes, encoding)
    }

    /// Reads the bytes of a file called `name`.
    ///
    /// # Errors
    /// `Configuration` with the line.
    pub fn parse(name: &str, bytes: &[u8], encoding: JavaEncoding) -> Result<Self> {
        let text = java_properties::decode(bytes, encoding);
        let entries = text.and_then(|t| java_properties::entries(t.strip_prefix('\u{feff}').unwrap_or(&t)));
        let entries = entries.map_err(|e| {
            fault(format!("{name}:{}: {}", e.line, e.message)).with_advice(
                "write one key=value a line; a backslash is written \\\\, a character by number \\u00e9",
            )
        })?;
        Ok(Self { name: name.to_owned(), entries })
    }

    /// Its keys and values as a layer.
    ///
    /// # Errors
    /// `Configuration` for a line without a key.
    pub fn layer(&self, kind: LayerKind) -> Result<Layer> {
        let mut layer = Layer::new(kind, &self.name);
        for entry in &self.entries {
            let position = self.position(entry);
            if entry.key.is_empty() {
                return Err(fault(format!("{position}: there is no key before the ="))
                    .with_advice("write key=value, for example mail.smtp.host=mail.example.org"));
            }
            if let Some(earlier) = layer.position(&entry.key) {
                let note = Note::set_twice(&entry.key, &position, earlier);
                layer.add_note(note);
            }
            layer.set_java(entry.key.as_str(), entry, &position);
        }
        Ok(layer)
    }

    /// The name it has in positions.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn entries(&self) -> &[JavaEntry] {
        &self.entries
    }

    pub(super) fn position(&self, entry: &JavaEntry) -> String {
        format!("{}:{}", self.name, entry.line)
    }
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::NoteKind;

    fn layer(bytes: &[u8]) -> Layer {
        PropertiesFile::parse("mail.properties", bytes, JavaEncoding::Detect)
            .unwrap()
            .layer(LayerKind::System)
            .unwrap()
    }

    #[test]
    fn every_key_has_the_line_it_begins_in_and_what_was_dropped_is_noted() {
        let layer = layer(b"\xef\xbb\xbfmail.a=1\r\n# no\r\nmail.b=2 \\\r\n   3  \r\nmail.a=4\r\n");
        assert_eq!(layer.position("mail.b"), Some("mail.properties:3"));
        assert_eq!(layer.position("mail.a"), Some("mail.properties:5"));
        let notes: Vec<String> = layer.notes().iter().map(ToString::to_string).collect();
        assert_eq!(
            notes,
            [
                "mail.properties:3: mail.b: blanks at the end of the value are left out (Java would keep them) -> \
             delete them, or write \\u0020 for one that is meant",
                "mail.properties:5: mail.a: it is set at mail.properties:1 already; the later line counts -> \
             delete one of the two lines",
            ]
        );
        assert_eq!(layer.notes()[0].kind, NoteKind::TrailingBlanks);
    }

    #[test]
    fn mistakes_name_their_line_and_never_quote_it() {
        for (text, part) in [
            ("a=1\nmail.smtp.password=hunter2\\u12", "mail.properties:2: \\u"),
            ("\n=hunter2", "mail.properties:2: there is no key"),
        ] {
            let error = PropertiesFile::parse("mail.properties", text.as_bytes(), JavaEncoding::Detect)
                .and_then(|file| file.layer(LayerKind::System))
                .unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.advice().is_some());
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        let error = PropertiesFile::load(Path::new("/nowhere/mail.properties")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/mail.properties"), "{error}");
        let error = PropertiesFile::load(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("larger than 4 MiB"), "{error}");
    }

    #[test]
    fn neither_the_file_nor_its_layer_shows_a_value() {
        let file = PropertiesFile::parse("f", b"mail.smtp.password=hunter2 ", JavaEncoding::Detect).unwrap();
        let layer = file.layer(LayerKind::System).unwrap();
        assert!(!format!("{file:?} {layer:?} {}", layer.notes()[0]).contains("hunter2"));
    }
}
