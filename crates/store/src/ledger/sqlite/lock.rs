//! One process at a time.

use crate::ledger::{LedgerError, LedgerErrorKind, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Taken until it is dropped, or the process ends, however it does.
///
/// In a file of its own: SQLite's locks on the database are the process's, and would go with the first file of that
/// name that anybody in the process closes (POSIX.1-2017, fcntl).
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let mut name = path.as_os_str().to_owned();
        name.push("-postrider.lock");
        let name = PathBuf::from(name);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
        let mut file = opened.map_err(|error| unusable(&place, &name, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(20).read_to_string(&mut holder);
                let who = match holder.trim() {
                    "" => "another process".to_owned(),
                    pid if pid == std::process::id().to_string() => "another part of this process".to_owned(),
                    pid => format!("another process ({})", pid.escape_debug()),
                };
                return Err(LedgerError::new(LedgerErrorKind::InUse, place, format!("{who} uses it")));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&place, &name, error)),
        }
        // Only for the words of whoever comes second: no harm if a full disk has no room for it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn unusable(place: &str, name: &Path, error: io::Error) -> LedgerError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LedgerErrorKind::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => LedgerErrorKind::ReadOnly,
        _ => LedgerErrorKind::Unreachable,
    };
    let what = format!("its lock {} can't be opened: {error}", name.display());
    LedgerError::new(kind, place, what).with_source(error)
}
