//! PostgreSQL's errors in our words.

use crate::ledger::{LedgerError, LedgerErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// The error of a call, at this database.
pub(super) fn told(place: &str, error: Error) -> LedgerError {
    let Some(code) = error.code() else {
        let what = format!("it can't be reached ({error})");
        return LedgerError::new(LedgerErrorKind::Unreachable, place, what).with_source(error);
    };
    let kind = match code {
        code if *code == SqlState::DISK_FULL => LedgerErrorKind::Full,
        code if [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::INSUFFICIENT_PRIVILEGE].contains(code) => {
            LedgerErrorKind::ReadOnly
        }
        code if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => {
            LedgerErrorKind::Corrupt
        }
        code if [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code) => {
            LedgerErrorKind::InUse
        }
        // Connections, sign-in, too many of them, shutting down.
        code if ["08", "28", "3D", "53", "57"].iter().any(|class| code.code().starts_with(class)) => {
            LedgerErrorKind::Unreachable
        }
        _ => LedgerErrorKind::Refused,
    };
    let words = error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
    let what = format!("the database says: {}", words.escape_debug());
    LedgerError::new(kind, place, what).with_source(error)
}
