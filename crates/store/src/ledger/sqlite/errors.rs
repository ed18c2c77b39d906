//! SQLite's errors in our words.

use crate::ledger::{LedgerError, LedgerErrorKind};
use rusqlite::{Error, ErrorCode};

/// SQLite has no code of its own for a write beyond what a file may be; it says so in the extended one.
const WRITE_FAILED: i32 = 778;

/// The error of a call, at this file.
pub(super) fn told(place: &str, error: Error) -> LedgerError {
    let (kind, what) = match &error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => (LedgerErrorKind::Full, "there is no room to write"),
            _ if failure.extended_code == WRITE_FAILED => {
                (LedgerErrorKind::Full, "it can't be written to the disk")
            }
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                (LedgerErrorKind::ReadOnly, "it can't be written")
            }
            ErrorCode::DatabaseCorrupt => (LedgerErrorKind::Corrupt, "it is damaged"),
            ErrorCode::NotADatabase => (LedgerErrorKind::Corrupt, "it is no database"),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                (LedgerErrorKind::InUse, "a transaction of somebody else's holds it for too long")
            }
            ErrorCode::CannotOpen => (LedgerErrorKind::Unreachable, "it can't be opened"),
            _ => (LedgerErrorKind::Refused, "the database fails"),
        },
        _ => (LedgerErrorKind::Refused, "the database fails"),
    };
    LedgerError::new(kind, place, format!("{what} ({error})")).with_source(error)
}
