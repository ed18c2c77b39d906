//! What PostgreSQL says, in our words.

use crate::outbox::Fault;
use postrider_core::Error;
use tokio_postgres::error::SqlState;

/// The error of a call about this place.
pub(super) fn told(place: &str, error: &tokio_postgres::Error) -> Error {
    // Display alone says "db error"; the server's own words are behind it.
    let said = match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    };
    kind(error).error(place, &said)
}

fn kind(error: &tokio_postgres::Error) -> Fault {
    let Some(code) = error.code() else {
        return Fault::Other;
    };
    match *code {
        SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY | SqlState::TOO_MANY_CONNECTIONS => Fault::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION | SqlState::INSUFFICIENT_PRIVILEGE => Fault::ReadOnly,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Fault::Corrupt,
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE => Fault::Busy,
        _ if code.code().starts_with("28") || code.code().starts_with("3D") => Fault::Unopened,
        _ => Fault::Other,
    }
}
