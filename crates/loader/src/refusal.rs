//! Why a library is not loaded.

use postrider_abi::Incompatible;
use postrider_core::{Error, ErrorKind, Phase};
use std::fmt;
use std::path::{Path, PathBuf};

/// A library that was not loaded: which file, and why.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    reason: Refusal,
}

/// Why a library was refused. Except for [`Open`](Self::Open) no code of it has run, and except for that,
/// [`NoDescriptor`](Self::NoDescriptor) and [`Incompatible`](Self::Incompatible) it was not even opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The path is not absolute, or goes through `..`.
    RelativePath,
    /// The file can't be read.
    Unreadable(std::io::Error),
    /// It is no regular file.
    NotAFile,
    /// Others can write this file or folder on the way to it, which may also lead through a symbolic link.
    WritableByOthers(PathBuf),
    /// This file or folder on the way to it is neither ours nor the system administrator's.
    ForeignOwner(PathBuf),
    /// Its SHA-256 is not among those allowed.
    NotAllowed(String),
    /// It is no library of this machine's kind, or not a whole one.
    NotALibrary(String),
    /// It exports no descriptor: a library, but no plugin.
    NoDescriptor,
    /// It is a plugin that this program can't use.
    Incompatible(Incompatible),
    /// The system could not open it.
    Open(String),
    /// A transport in it can't be registered: its name is taken or none.
    Name(Error),
}

impl LoadError {
    pub(crate) fn new(path: &Path, reason: Refusal) -> Self {
        Self { path: path.to_owned(), reason }
    }

    /// The file, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why it was refused.
    pub fn reason(&self) -> &Refusal {
        &self.reason
    }

    fn advice(&self) -> &'static str {
        match &self.reason {
            Refusal::RelativePath => "give the whole path, from / on and without ..",
            Refusal::Unreadable(_) | Refusal::NotAFile => "check the path and who may read it",
            Refusal::WritableByOthers(_) => "take the right to write from group and others (chmod go-w)",
            Refusal::ForeignOwner(_) => "let this program's user or root own it (chown)",
            Refusal::NotAllowed(_) => "add the hash to the allowed ones if you trust the file",
            Refusal::NotALibrary(_) | Refusal::NoDescriptor => {
                "give the .so that cargo builds of a crate with crate-type cdylib and export_plugin!"
            }
            Refusal::Incompatible(_) => "build the plugin anew with this program's version of postrider-abi",
            Refusal::Open(_) => "install what the library needs, or build it for this system",
            Refusal::Name(_) => "load or link only one of them",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RelativePath => f.write_str("its path is not absolute"),
            Self::Unreadable(error) => write!(f, "it can't be read: {error}"),
            Self::NotAFile => f.write_str("it is no regular file"),
            Self::WritableByOthers(path) => write!(f, "others may write {}", path.display()),
            Self::ForeignOwner(path) => write!(f, "somebody else owns {}", path.display()),
            Self::NotAllowed(hash) => write!(f, "its SHA-256 is not allowed: {hash}"),
            Self::NotALibrary(why) => write!(f, "it is no library for this machine: {why}"),
            Self::NoDescriptor => write!(f, "it is no plugin: it exports no {}", postrider_abi::SYMBOL),
            Self::Incompatible(why) => why.fmt(f),
            Self::Open(why) => write!(f, "the system can't open it: {why}"),
            Self::Name(error) => f.write_str(error.message()),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        write!(f, "the plugin {} was not loaded: {}", path.escape_debug(), self.reason)
    }
}

impl std::error::Error for LoadError {}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::new(ErrorKind::Configuration, Phase::Configure, error.to_string()).with_advice(error.advice())
    }
}
