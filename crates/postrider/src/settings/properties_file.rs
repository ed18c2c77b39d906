//! Java property files.

use super::text_file;
use postrider_core::java_properties::{self, JavaEncoding, JavaEntry, JavaSyntaxError};
use postrider_core::{Error, Layer, LayerKind, Result};
use std::path::Path;

/// A Java property file: `mail.smtp.host=mail.example.org`, read as `java.util.Properties.load` reads it.
///
/// Only blanks at the end of a value are left out, with a [note](Layer::notes). A byte order mark at the beginning is no
/// part of the first key. Debug shows keys, never values.
#[derive(Clone, Debug)]
pub struct PropertiesFile {
    name: String,
    entries: Vec<JavaEntry>,
    faults: Vec<JavaSyntaxError>,
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
        Self::read(path, encoding)?.faultless()
    }

    /// As [`load`](Self::load), but goes on behind mistakes, for [`layer_all`](Self::layer_all) to list.
    ///
    /// # Errors
    /// `Configuration` if the file can't be read.
    pub fn load_all(path: &Path) -> Result<Self> {
        Self::read(path, JavaEncoding::Detect)
    }

    /// Reads the bytes of a file called `name`.
    ///
    /// # Errors
    /// `Configuration` with the line.
    pub fn parse(name: &str, bytes: &[u8], encoding: JavaEncoding) -> Result<Self> {
        Self::decode(name, bytes, encoding)?.faultless()
    }

    fn read(path: &Path, encoding: JavaEncoding) -> Result<Self> {
        let bytes = text_file::read(path, "a Java property file")?;
        Self::decode(&text_file::shown(path), &bytes, encoding)
    }

    fn decode(name: &str, bytes: &[u8], encoding: JavaEncoding) -> Result<Self> {
        let text = java_properties::decode(bytes, encoding).map_err(|fault| fault.error(name))?;
        let (entries, faults) = java_properties::read(text.strip_prefix('\u{feff}').unwrap_or(&text));
        Ok(Self { name: name.to_owned(), entries, faults })
    }

    fn faultless(self) -> Result<Self> {
        match self.faults.first() {
            Some(fault) => Err(fault.error(&self.name)),
            None => Ok(self),
        }
    }

    /// Its keys and values as a layer.
    ///
    /// # Errors
    /// `Configuration` for a line without a key.
    pub fn layer(&self, kind: LayerKind) -> Result<Layer> {
        let (layer, mistakes) = self.layer_all(kind);
        mistakes.into_iter().next().map_or(Ok(layer), Err)
    }

    /// What can be read as a layer, and every mistake in order of the lines.
    pub fn layer_all(&self, kind: LayerKind) -> (Layer, Vec<Error>) {
        Layer::of_java(kind, &self.name, &self.entries, &self.faults)
    }

    /// The name it has in positions.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn entries(&self) -> &[JavaEntry] {
        &self.entries
    }

    pub(super) fn faults(&self) -> impl Iterator<Item = Error> {
        self.faults.iter().map(|fault| fault.error(&self.name))
    }

    pub(super) fn position(&self, entry: &JavaEntry) -> String {
        format!("{}:{}", self.name, entry.line)
    }
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
    fn every_mistake_of_a_file_can_be_listed_and_the_rest_be_read() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), "mail.a=1\n=hunter2\nmail.b=\\u12\nmail.c=C:\\users\nmail.d=1").unwrap();
        let file = PropertiesFile::load_all(path.path()).unwrap();
        let (layer, mistakes) = file.layer_all(LayerKind::System);
        assert_eq!(layer.keys().collect::<Vec<_>>(), ["mail.a", "mail.d"]);
        let name = format!("{}:", path.path().display());
        let told: Vec<String> = mistakes.iter().map(|e| e.message().replace(&name, "")).collect();
        let digits = "\\u must be followed by four hexadecimal digits";
        assert_eq!(
            told,
            ["2: there is no key before the =".to_owned(), format!("3: {digits}"), format!("4: {digits}")]
        );
        let backslash = "write \\\\ for a backslash, and \\u00e9 for a character by its number";
        assert_eq!(mistakes[2].advice(), Some(backslash));
        assert_eq!(file.layer(LayerKind::System).unwrap_err().message(), mistakes[0].message());
        assert!(PropertiesFile::load(path.path()).is_err());
    }

    #[test]
    fn neither_the_file_nor_its_layer_shows_a_value() {
        let file = PropertiesFile::parse("f", b"mail.smtp.password=hunter2 ", JavaEncoding::Detect).unwrap();
        let layer = file.layer(LayerKind::System).unwrap();
        assert!(!format!("{file:?} {layer:?} {}", layer.notes()[0]).contains("hunter2"));
    }
}
