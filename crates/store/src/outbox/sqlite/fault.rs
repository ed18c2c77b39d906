//! What SQLite says, in our words.

use crate::outbox::Fault;
use postrider_core::Error;
use rusqlite::ErrorCode;

/// A write that the file system did not take, also because of a limit on a file's size.
const WRITE_FAILED: i32 = rusqlite::ffi::SQLITE_IOERR_WRITE;

/// The error of a call about this place.
pub(super) fn told(place: &str, error: &rusqlite::Error) -> Error {
    kind(error).error(place, &error.to_string())
}

/// What it is.
pub(super) fn kind(error: &rusqlite::Error) -> Fault {
    let rusqlite::Error::SqliteFailure(code, _) = error else { return Fault::Other };
    match code.code {
        ErrorCode::DiskFull => Fault::Full,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Fault::ReadOnly,
        ErrorCode::CannotOpen => Fault::Unopened,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Busy,
        _ if code.extended_code == WRITE_FAILED => Fault::Full,
        _ => Fault::Other,
    }
}
