//! A message on its way in: written under `tmp`, and in `new` only once it is whole and on the disk.

use crate::directory::{self, Directory, fault};
use crate::name;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// A file under `tmp` that is removed unless it was installed: dropping it, at any time, leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    directory: &'a Directory,
    file: File,
    path: PathBuf,
    fresh: String,
}

impl<'a> Draft<'a> {
    pub(crate) fn create(directory: &'a Directory) -> Result<Self> {
        let fresh = name::fresh();
        let path = directory.path("tmp").join(&fresh);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|e| fault(e, Phase::Data, &path))?;
        Ok(Self { directory, file, path, fresh })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| fault(e, Phase::Data, &self.path))
    }

    /// Puts the whole message into `new`; gives the unique part of its name.
    pub(crate) fn install(self) -> Result<String> {
        // The time in the name is that of the last write, close to when it appears: readers go by it.
        let named = self.file.sync_all().and_then(|()| self.file.metadata());
        let meta = named.map_err(|e| fault(e, Phase::EndOfData, &self.path))?;
        let unique = format!("{}.M{}{}", meta.mtime(), meta.mtime_nsec() / 1_000, self.fresh);
        let target = self.directory.path("new").join(&unique);
        if let Err(error) = directory::place(&self.path, &target) {
            return Err(fault(error, Phase::EndOfData, &target));
        }
        self.directory.sync("new").map_err(|e| unsure(e, &unique))?;
        Ok(unique)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure, and readers never look into tmp.
        let _ = directory::remove(&self.path);
    }
}

/// The message is there, and whether it will be after a power cut nobody knows.
fn unsure(error: io::Error, unique: &str) -> Error {
    let what = format!("{unique} is in the maildir, but the directory could not be made durable: {error}");
    Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
        .with_advice("look into the maildir before sending it again")
        .with_source(error)
}
