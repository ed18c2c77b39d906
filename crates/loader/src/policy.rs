//! Which files may be loaded.

use crate::refusal::Refusal;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// What a file must be like to be loaded. Always: an absolute path to a regular file that, like every folder on the
/// way, is this user's or root's and that nobody else can change. Optionally: of a known content.
///
/// A folder with the sticky bit (`/tmp`) may be writable by others as long as the plugin does not lie in it directly:
/// what is ours in it can't be replaced by them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allowed: Option<HashSet<[u8; 32]>>,
}

impl Policy {
    /// Any content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows the content with this SHA-256 and others added so, and no other any more.
    pub fn allow(mut self, sha256: [u8; 32]) -> Self {
        self.allowed.get_or_insert_default().insert(sha256);
        self
    }

    /// Looks at the file and the way to it; gives its true path and its content.
    pub(crate) fn admit(&self, path: &Path) -> Result<(PathBuf, Vec<u8>), Refusal> {
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(Refusal::RelativePath);
        }
        // A link has to be safe where it lies, and so has what it leads to.
        let real = path.canonicalize().map_err(Refusal::Unreadable)?;
        if !real.is_file() {
            return Err(Refusal::NotAFile);
        }
        way::check(path)?;
        way::check(&real)?;
        let content = std::fs::read(&real).map_err(Refusal::Unreadable)?;
        if let Some(allowed) = &self.allowed {
            let hash: [u8; 32] = Sha256::digest(&content).into();
            if !allowed.contains(&hash) {
                let mut text = String::with_capacity(64);
                for byte in hash {
                    // Writing to a String does not fail.
                    let _ = write!(text, "{byte:02x}");
                }
                return Err(Refusal::NotAllowed(text));
            }
        }
        Ok((real, content))
    }
}

/// Who may change what lies on a path.
#[cfg(unix)]
mod way {
    use super::{Path, Refusal};
    use std::os::unix::fs::MetadataExt;

    unsafe extern "C" {
        /// The user this process acts as (POSIX): it has no conditions and can't fail.
        safe fn geteuid() -> u32;
    }

    pub(super) fn check(path: &Path) -> Result<(), Refusal> {
        // SAFETY: none is needed, it is declared as safe.
        let us = geteuid();
        let folder = path.parent();
        for place in path.ancestors() {
            let about = place.symlink_metadata().map_err(Refusal::Unreadable)?;
            if about.uid() != us && about.uid() != 0 {
                return Err(Refusal::ForeignOwner(place.to_owned()));
            }
            // Nobody looks at a link's own mode; whoever can replace it can write its folder.
            let writable = !about.is_symlink() && about.mode() & 0o022 != 0;
            let sticky = about.is_dir() && about.mode() & 0o1000 != 0 && Some(place) != folder;
            if writable && !sticky {
                return Err(Refusal::WritableByOthers(place.to_owned()));
            }
        }
        Ok(())
    }
}

/// Elsewhere rights are not files' modes: whoever loads answers for them.
#[cfg(not(unix))]
mod way {
    use super::{Path, Refusal};

    pub(super) fn check(_: &Path) -> Result<(), Refusal> {
        Ok(())
    }
}
