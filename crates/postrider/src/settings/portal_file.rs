//! A portal's property files.

use super::PropertiesFile;
use super::portal::PortalLayers;
use postrider_core::java_properties::JavaEntry;
use postrider_core::{Error, ErrorKind, Layer, LayerKind, Note, NoteKind, Phase, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const INCLUDE: &str = "include-and-override";
const HOME: &str = "liferay.home";
/// More files than any portal has.
const MOST_FILES: usize = 64;

/// A portal's `portal-ext.properties` with the files it includes (`include-and-override`), of which only the keys
/// about mail are read.
///
/// `mail.session.mail.smtp.host` is `mail.smtp.host`, `mail.session.jndi.name` is `mail.session.name`,
/// `mail.session.mail.advanced.properties` is the text of additional properties. The default sender, the copies for
/// an audit, those who must not be written to and the size of a batch are the sending rules here. Of the portal's
/// other keys about mail each has a [`Note`] that says why it is not used.
///
/// An included file beats the one that includes it, and a later one an earlier one. `${liferay.home}` in a path is
/// what the files say, or else the folder of the first. A file that is not there is noted, as the portal goes on
/// without it too.
#[derive(Clone, Debug)]
pub struct PortalFile {
    // In the order in which they count.
    files: Vec<PropertiesFile>,
    notes: Vec<Note>,
}

impl PortalFile {
    /// Reads a file and all that it includes.
    ///
    /// # Errors
    /// `Configuration` naming the file and, for a mistake in it, the line; also for a file that includes itself.
    pub fn load(path: &Path) -> Result<Self> {
        let portal = Self::load_all(path)?;
        match portal.files.iter().find_map(|file| file.faults().next()) {
            Some(error) => Err(error),
            None => Ok(portal),
        }
    }

    /// As [`load`](Self::load), but goes on behind mistakes, for [`layers_all`](Self::layers_all) to list.
    ///
    /// # Errors
    /// `Configuration` if a file can't be read, or includes itself.
    pub fn load_all(path: &Path) -> Result<Self> {
        let mut reader = Reader { files: Vec::new(), notes: Vec::new(), open: Vec::new(), home: None };
        let folder = path.parent().unwrap_or(Path::new(""));
        reader.read(path, folder)?;
        Ok(Self { files: reader.files, notes: reader.notes })
    }

    /// The settings as a layer of this standing, and the additional properties as a layer of overrides if there
    /// are any.
    ///
    /// # Errors
    /// `Configuration` for a mistake in the additional properties.
    pub fn layers(&self, kind: LayerKind) -> Result<Vec<Layer>> {
        let (layers, mistakes) = self.layers_all(kind);
        mistakes.into_iter().next().map_or(Ok(layers), Err)
    }

    /// What can be read as layers, and every mistake, file by file.
    pub fn layers_all(&self, kind: LayerKind) -> (Vec<Layer>, Vec<Error>) {
        let name = self.files.first().map_or("portal", PropertiesFile::name);
        let mut layers = PortalLayers::new(kind, name);
        let mut mistakes = Vec::new();
        for note in &self.notes {
            layers.note(note.clone());
        }
        for file in &self.files {
            mistakes.extend(file.faults());
            let mut lines: HashMap<&str, String> = HashMap::new();
            for entry in file.entries() {
                let position = file.position(entry);
                let earlier = lines.insert(&entry.key, position.clone());
                if let Some(earlier) = earlier.filter(|_| entry.key.starts_with("mail.")) {
                    layers.note(Note::set_twice(&entry.key, &position, &earlier));
                }
                mistakes.extend(layers.take(entry, &position));
            }
        }
        (layers.into_layers(), mistakes)
    }
}

struct Reader {
    files: Vec<PropertiesFile>,
    notes: Vec<Note>,
    // The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    home: Option<String>,
}

impl Reader {
    fn read(&mut self, path: &Path, first_folder: &Path) -> Result<()> {
        let file = PropertiesFile::load_all(path)?;
        let own_path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.open.contains(&own_path) || self.files.len() >= MOST_FILES {
            let name = file.name();
            let why = if self.open.contains(&own_path) { "includes itself" } else { "is one file too many" };
            return Err(Error::new(ErrorKind::Configuration, Phase::Configure, format!("{name} {why}"))
                .with_advice(format!("remove {INCLUDE} lines until every file is included once")));
        }
        for entry in file.entries().iter().filter(|e| e.key == HOME) {
            self.home = Some(entry.trimmed().to_owned());
        }
        self.files.push(file.clone());
        self.open.push(own_path);
        for entry in file.entries().iter().filter(|e| e.key == INCLUDE) {
            let written = entry.trimmed();
            let home = self.home.clone().unwrap_or_else(|| first_folder.display().to_string());
            let target = written.replace(&format!("${{{HOME}}}"), &home);
            let target = path.parent().unwrap_or(Path::new("")).join(target);
            if target.is_file() {
                self.read(&target, first_folder)?;
            } else {
                self.missing(&file, entry, written);
            }
        }
        self.open.pop();
        Ok(())
    }

    fn missing(&mut self, file: &PropertiesFile, entry: &JavaEntry, written: &str) {
        let message = if written.replace(&format!("${{{HOME}}}"), "").contains("${") {
            format!("\"{}\" is left out: only ${{{HOME}}} is known here", written.escape_debug())
        } else {
            format!("\"{}\" is not there", written.escape_debug())
        };
        let note = Note::new(NoteKind::MissingFile, INCLUDE, file.position(entry), message)
            .with_advice("nothing to do if none of its keys are about mail");
        self.notes.push(note);
    }
}

#[cfg(test)]
#[path = "portal_file_tests.rs"]
mod tests;
