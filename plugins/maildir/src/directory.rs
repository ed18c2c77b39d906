//! The three directories of a maildir. Every path is made of the configuration and of names that were read from the
//! directories, never of what a caller gives.

use crate::name::{self, FileName, Order};
use crate::{MaildirConfig, folder};
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::collections::BinaryHeap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// One folder of a maildir, or the maildir itself.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: PathBuf,
}

/// How often a directory that changes while it is read is read anew.
const SCANS: usize = 3;

impl Directory {
    /// The folder of this name. No I/O.
    pub(crate) fn new(config: &MaildirConfig, mailbox: &str, phase: Phase) -> Result<Self> {
        let folder = folder::directory(mailbox).map_err(|why| {
            let what = format!("\"{}\" is no folder here: {why}", mailbox.escape_debug());
            Error::new(ErrorKind::InvalidInput, phase, what)
                .with_advice("name it in plain text, levels apart by a slash: Archive/2026")
        })?;
        let root = folder.map_or_else(|| config.path.clone(), |name| config.path.join(name));
        Ok(Self { root })
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    /// Makes sure that the three directories are there.
    pub(crate) fn open(&self, create: bool, phase: Phase) -> Result<()> {
        for part in ["tmp", "new", "cur"] {
            let path = self.path(part);
            if path.is_dir() {
                continue;
            }
            if !create {
                let what = format!("{} is not there", path.display());
                return Err(Error::new(ErrorKind::NotFound, phase, what)
                    .with_advice("check path and folder, or set create=true"));
            }
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|e| fault(e, phase, &path))?;
        }
        Ok(())
    }

    /// Moves what is in `new` to `cur`, as a reader that has seen it does.
    pub(crate) fn take_new(&self) -> io::Result<()> {
        for name in self.names("new")? {
            let name = name?;
            let (from, to) =
                (self.path("new").join(name.as_str()), self.path("cur").join(name.in_cur().as_str()));
            match place(&from, &to) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {} // another reader was faster
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // Two messages of one name: neither may be lost.
                    let other = format!("{}R{}", name.unique(), name::fresh());
                    place(&from, &self.path("cur").join(name.in_cur().with_unique(&other).as_str()))?;
                }
                moved => moved?,
            }
        }
        Ok(())
    }

    /// The `limit` oldest messages in `cur` after a place, and whether there are more. Memory is bounded by the
    /// page.
    pub(crate) fn page(
        &self,
        after: Option<&Order>,
        unseen: bool,
        limit: usize,
    ) -> io::Result<(Vec<FileName>, bool)> {
        let mut scan = 1;
        loop {
            let before = self.changed()?;
            let mut oldest: BinaryHeap<(Order, FileName)> = BinaryHeap::new();
            for name in self.names("cur")? {
                let name = name?;
                let order = name.order();
                if after.is_some_and(|after| order <= *after) || unseen && name.flags().seen {
                    continue;
                }
                oldest.push((order, name));
                if oldest.len() > limit + 1 {
                    oldest.pop();
                }
            }
            // A file that is renamed while the directory is read may be met twice or not at all.
            if scan == SCANS || self.changed()? == before {
                let mut names: Vec<FileName> = oldest.into_sorted_vec().into_iter().map(|(_, n)| n).collect();
                let more = names.len() > limit;
                names.truncate(limit);
                names.dedup_by(|a, b| a.unique() == b.unique());
                return Ok((names, more));
            }
            scan += 1;
        }
    }

    /// When `cur` last changed.
    pub(crate) fn changed(&self) -> io::Result<(i64, i64)> {
        fs::metadata(self.path("cur")).map(|m| (m.mtime(), m.mtime_nsec()))
    }

    /// Whether `new` holds a message.
    pub(crate) fn has_new(&self) -> io::Result<bool> {
        self.names("new")?.next().transpose().map(|name| name.is_some())
    }

    /// Where the message of this unique name is now; `hint` is the name it had last.
    pub(crate) fn find(&self, unique: &str, hint: Option<&str>) -> io::Result<Option<(PathBuf, FileName)>> {
        if let Some(name) = hint.and_then(FileName::parse) {
            let path = self.path("cur").join(name.as_str());
            if fs::symlink_metadata(&path).is_ok_and(|m| m.is_file()) {
                return Ok(Some((path, name)));
            }
        }
        // Twice cur: it may go there from new while we look.
        for part in ["cur", "new", "cur"] {
            for name in self.names(part)? {
                let name = name?;
                if name.unique() == unique {
                    return Ok(Some((self.path(part).join(name.as_str()), name)));
                }
            }
        }
        Ok(None)
    }

    /// The messages' files in a directory: regular ones whose names are text.
    fn names(&self, part: &str) -> io::Result<impl Iterator<Item = io::Result<FileName>> + use<>> {
        let entries = fs::read_dir(self.path(part))?;
        Ok(entries.filter_map(|entry| {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error)),
            };
            // A symbolic link may lead out, and a pipe would block.
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                return None;
            }
            entry.file_name().to_str().and_then(FileName::parse).map(Ok)
        }))
    }

    /// Makes changes to a directory outlive a power cut.
    pub(crate) fn sync(&self, part: &str) -> io::Result<()> {
        File::open(self.path(part))?.sync_all()
    }
}

/// Opens a message's file, and nothing that took its place.
pub(crate) fn read(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Gives a file another name and never takes one that is in use.
pub(crate) fn place(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => remove(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match (inode(from), inode(to)) {
            // Half of this was done before.
            (Ok(a), Ok(b)) if a == b => remove(from),
            (Err(gone), _) => Err(gone),
            _ => Err(e),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(e),
        // A file system, or a policy, without hard links. Names are unique, so the gap harms nobody.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()))
}

/// Removes a file; that it is gone will do.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// An error of the file system as one of the contract.
pub(crate) fn fault(error: io::Error, phase: Phase, path: &Path) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::NotFound => {
            (ErrorKind::NotFound, "check path and folder: is there a maildir, and does it stay?")
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => {
            (ErrorKind::Configuration, "let this program's user read and write the maildir")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Deferred, "make room on the disk, then try again")
        }
        io::ErrorKind::AlreadyExists => {
            (ErrorKind::Rejected, "another message has this name there: give one of the files another name")
        }
        _ => (ErrorKind::Deferred, "look for what is wrong with the disk, then try again"),
    };
    let what = format!("{}: {error}", path.display());
    Error::new(kind, phase, what).with_advice(advice).with_source(error)
}
