//! A place that fails says so, names itself, and loses nothing.

use crate::letter;
use postrider_core::ErrorKind;
use postrider_store::outbox::{Fault, SqliteOutbox, Storage};
use std::path::Path;

#[track_caller]
fn says(file: &Path, fault: Fault, kind: ErrorKind) {
    let error = SqliteOutbox::open(file).unwrap_err();
    assert_eq!((Fault::of(&error), error.kind()), (Some(fault), kind), "{error}");
    assert!(error.to_string().contains(&file.display().to_string()) && error.advice().is_some(), "{error}");
}

#[test]
fn what_is_no_database_or_can_not_be_opened_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "This is not a database. ".repeat(100)).unwrap();
    says(&text, Fault::Corrupt, ErrorKind::Protocol);
    says(&folder.path().join("no/such/directory.db"), Fault::Unopened, ErrorKind::Configuration);
    says(folder.path(), Fault::Unopened, ErrorKind::Configuration);
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    drop(SqliteOutbox::open(&file).unwrap());
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute("UPDATE postrider_outbox_schema_version SET version = 99", []).unwrap();
    assert_eq!(SqliteOutbox::open(&file).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    let outbox = SqliteOutbox::open(&file).unwrap();
    for _ in 0..50 {
        outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
    }
    drop(outbox);
    // The thread closes the file a moment after its handle is dropped, and writes the log into it then.
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let mut bytes = std::fs::read(&file).unwrap();
    let length = bytes.len();
    assert!(length > 8192, "{length}");
    bytes[4096..].fill(0xa5);
    std::fs::write(&file, &bytes).unwrap();
    let fails = match SqliteOutbox::open(&file) {
        Err(error) => error,
        Ok(outbox) => outbox.enqueue(&letter(&["a@x.example"])).await.unwrap_err(),
    };
    assert_eq!(Fault::of(&fails), Some(Fault::Corrupt), "{fails}");
}

#[tokio::test]
async fn a_full_disk_refuses_what_comes_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    drop(SqliteOutbox::open(&file).unwrap());
    // SQLite's own limit fails as a disk does.
    let mut connection = rusqlite::Connection::open(&file).unwrap();
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages + 12).unwrap();
    let mut kept = 0;
    let error = loop {
        let transaction = connection.transaction().unwrap();
        match postrider_store::outbox::sqlite::enqueue_in(&transaction, &letter(&["a@x.example"])) {
            Ok(_) => {
                transaction.commit().unwrap();
                kept += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!((Fault::of(&error), error.kind()), (Some(Fault::Full), ErrorKind::Limit), "{error}");
    let outbox = SqliteOutbox::open(&file).unwrap();
    let all = outbox.list(None, postrider_store::outbox::LetterId(0), 1000).await.unwrap();
    assert!(kept > 0 && all.len() == kept, "{kept} {}", all.len());
}
