//! Opens and checks Postrider plugins at run time.
//!
//! ```no_run
//! use postrider_core::Registry;
//! use postrider_loader::{LoadExt, Policy};
//! # fn f() -> postrider_core::Result<()> {
//! let mut registry = Registry::linked()?;
//! registry.load("/usr/lib/postrider/libpigeon.so", &Policy::new())?;
//! # Ok(()) }
//! ```
//!
//! A plugin is code that does whatever this program may do, from the moment it is opened. So only an explicit path is
//! loaded, never what lies in some folder; nobody but this user and root may be able to change the file; and what is
//! no plugin, or one this program can't use, is refused before any of its code runs where the file's format allows to
//! see it ([`Refusal`] says which case is which). Nothing is ever unloaded.
//!
//! These checks find mistakes. They are no sandbox: load what you would link.

// Opening a library and calling through its functions is what this crate is for.
#![allow(unsafe_code)]

mod elf;
mod policy;
mod refusal;

pub use policy::Policy;
pub use postrider_abi::{Incompatible, Plugin};
pub use refusal::{LoadError, Refusal};

use elf::Look;
use libloading::Library;
use postrider_abi::{Descriptor, SYMBOL};
use postrider_core::Registry;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// A library that has been opened and checked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Its path, without symbolic links.
    pub path: PathBuf,
    /// What is in it.
    pub plugin: Plugin,
}

/// Opens a library and checks it. It stays open for ever.
///
/// # Errors
/// [`LoadError`] with the file and the reason; see [`Refusal`] for what of the library has run by then.
pub fn load(path: impl AsRef<Path>, policy: &Policy) -> Result<Loaded, LoadError> {
    let path = path.as_ref();
    let refuse = |reason| LoadError::new(path, reason);
    let (real, content) = policy.admit(path).map_err(refuse)?;
    if cfg!(target_os = "linux") {
        match elf::look(&content, SYMBOL) {
            Look::Not(why) => return Err(refuse(Refusal::NotALibrary(why))),
            Look::Without => return Err(refuse(Refusal::NoDescriptor)),
            Look::With(head) => {
                postrider_abi::check_head(&head).map_err(|why| refuse(Refusal::Incompatible(why)))?;
            }
            Look::Unknown => {}
        }
    }
    drop(content);
    let library = open(&real).map_err(|error| refuse(Refusal::Open(told(&error))))?;
    // Not closed even if it is refused: it may have begun threads.
    let library = ManuallyDrop::new(library);
    // SAFETY: only the symbol's address is taken; what lies there is checked next.
    let descriptor = unsafe { library.get::<*const Descriptor>(SYMBOL) };
    let descriptor = *descriptor.map_err(|_| refuse(Refusal::NoDescriptor))?;
    if descriptor.is_null() || !descriptor.is_aligned() {
        return Err(refuse(Refusal::Incompatible(Incompatible::Magic)));
    }
    // SAFETY: it is the exported symbol, aligned, and the library is never closed.
    let plugin = unsafe { postrider_abi::read(descriptor) };
    Ok(Loaded { path: real, plugin: plugin.map_err(|why| refuse(Refusal::Incompatible(why)))? })
}

/// Loads plugins into a [`Registry`].
pub trait LoadExt {
    /// Opens a library, checks it and adds its transports: all of them or none.
    ///
    /// # Errors
    /// As [`load()`], and [`Refusal::Name`] if a name or alias is taken, naming both origins.
    fn load(&mut self, path: impl AsRef<Path>, policy: &Policy) -> Result<Loaded, LoadError>;
}

impl LoadExt for Registry {
    fn load(&mut self, path: impl AsRef<Path>, policy: &Policy) -> Result<Loaded, LoadError> {
        let loaded = load(path.as_ref(), policy)?;
        let mut whole = self.clone();
        for factory in &loaded.plugin.factories {
            let origin = loaded.path.display().to_string();
            whole
                .add(factory, origin)
                .map_err(|error| LoadError::new(path.as_ref(), Refusal::Name(error)))?;
        }
        *self = whole;
        Ok(loaded)
    }
}

/// Opens a library with everything it needs, or not at all; its symbols are for nobody else.
#[cfg(unix)]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: its initialisers run here: whoever gave the path answers for them, as the documentation says.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Into::into)
}

#[cfg(not(unix))]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: as above.
    unsafe { Library::new(path) }
}

fn told(error: &libloading::Error) -> String {
    use std::error::Error;
    match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
