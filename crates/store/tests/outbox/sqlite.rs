//! What only SQLite has: files, and the host's own transaction.

use crate::{Place, letter, rules, worker};
use postrider_store::outbox::{SqliteOutbox, State, Storage, sqlite};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn every_rule_holds_in_memory() {
    rules::all(async || Place::in_memory()).await;
}

#[tokio::test]
async fn a_message_goes_in_if_and_only_if_the_hosts_transaction_commits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let outbox = SqliteOutbox::open(&file).unwrap();
    let mut host = rusqlite::Connection::open(&file).unwrap();
    sqlite::create_in(&host).unwrap();
    host.execute_batch("CREATE TABLE orders (n INTEGER)").unwrap();
    for commits in [false, true] {
        let transaction = host.transaction().unwrap();
        transaction.execute("INSERT INTO orders VALUES (1)", []).unwrap();
        sqlite::enqueue_in(&transaction, &letter(&["a@x.example"])).unwrap();
        if commits {
            transaction.commit().unwrap();
        } else {
            transaction.rollback().unwrap();
        }
        let orders: usize = host.query_row("SELECT count(*) FROM orders", [], |r| r.get(0)).unwrap();
        let claimed = outbox.claim(&worker(), 10).await.unwrap().attempts.len();
        assert_eq!((orders, claimed), if commits { (1, 1) } else { (0, 0) });
    }
}

#[tokio::test]
async fn what_is_in_a_file_is_there_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    let id = SqliteOutbox::open(&file).unwrap().enqueue(&letter(&["a@x.example"])).await.unwrap();
    let outbox = SqliteOutbox::open(&file).unwrap();
    assert_eq!(outbox.entry(id).await.unwrap().unwrap().recipients[0].state, State::Queued);
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_what_lies_beside_it_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    let outbox = SqliteOutbox::open(&file).unwrap();
    outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
        names.push(entry.file_name());
    }
    assert!(names.len() > 1, "{names:?}");
    // One that is there already keeps what its owner chose.
    let shared = folder.path().join("shared.db");
    std::fs::write(&shared, "").unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o640)).unwrap();
    drop(SqliteOutbox::open(&shared).unwrap());
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o640);
}

/// Claims of several processes' worth of connections never overlap.
#[tokio::test(flavor = "multi_thread")]
async fn many_connections_to_one_file_get_each_message_once() {
    const MESSAGES: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.db");
    let outbox = Arc::new(SqliteOutbox::open(&file).unwrap());
    let enqueued: Vec<_> = (0..MESSAGES)
        .map(|_| {
            let outbox = Arc::clone(&outbox);
            tokio::spawn(async move { outbox.enqueue(&letter(&["a@x.example"])).await.unwrap() })
        })
        .collect();
    for one in enqueued {
        one.await.unwrap();
    }
    let total = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (file, total) = (file.clone(), Arc::clone(&total));
            tokio::spawn(async move {
                let (outbox, worker) = (SqliteOutbox::open(file).unwrap(), worker());
                loop {
                    let attempts = outbox.claim(&worker, 7).await.unwrap().attempts;
                    if attempts.is_empty() {
                        return;
                    }
                    for attempt in attempts {
                        outbox.begin(&attempt).await.unwrap();
                        total.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(total.load(Ordering::Relaxed), MESSAGES);
}
