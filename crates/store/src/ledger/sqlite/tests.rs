#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod seen;

use super::*;
use crate::ledger::Fingerprint;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    fn open(&self) -> SqliteLedger {
        SqliteLedger::open(self.file()).unwrap()
    }
}

async fn lease(ledger: &SqliteLedger, mailbox: &str) -> Lease {
    match ledger.claim(mailbox).await.unwrap() {
        Claim::Held(lease) => lease,
        other => panic!("{other:?}"),
    }
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn key(lease: &Lease, text: &str, content: &[u8]) -> MessageKey {
    MessageKey::new(lease, &id(text), true, Fingerprint::of(content))
}

async fn state(ledger: &SqliteLedger, lease: &Lease, text: &str) -> Option<State> {
    ledger.entries(lease, &[id(text)]).await.unwrap()[0].as_ref().map(|entry| entry.state)
}

#[tokio::test]
async fn what_was_recorded_is_there_when_the_file_is_opened_again() {
    let place = Place::new();
    {
        let ledger = place.open();
        let lease = lease(&ledger, "m").await;
        let one = key(&lease, "imap:me/INBOX/1/1", b"one");
        assert_eq!(ledger.begin(&lease, &one).await.unwrap().attempts, 1);
        assert_eq!(ledger.record(&lease, &one, State::Done, "").await.unwrap(), Recorded::New);
        assert_eq!(ledger.record(&lease, &one, State::Refused, "").await.unwrap(), Recorded::Already);
        let two = key(&lease, "imap:me/INBOX/1/2", b"two");
        ledger.begin(&lease, &two).await.unwrap();
        let failed = ledger.fail(&lease, &two, "why").await.unwrap();
        assert_eq!(failed, Entry::new(State::Begun, 1, 1, "why"));
        ledger.begin(&lease, &two).await.unwrap();
        ledger.postpone(&lease, &two).await.unwrap();
        ledger.begin(&lease, &two).await.unwrap();
    }
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let ids = [id("imap:me/INBOX/1/2"), id("imap:me/INBOX/1/3"), id("imap:me/INBOX/1/1")];
    let entries = ledger.entries(&lease, &ids).await.unwrap();
    let two = entries[0].clone().unwrap();
    assert_eq!((two.attempts, two.failures, two.interruptions()), (2, 1, 1));
    assert_eq!(entries[1], None);
    assert_eq!(entries[2].clone().unwrap().state, State::Done);
}

#[tokio::test]
async fn mailboxes_are_apart_and_one_is_claimed_once() {
    let place = Place::new();
    let ledger = place.open();
    let one = lease(&ledger, "one").await;
    let other = lease(&ledger, "other").await;
    let _ = ledger.record(&one, &key(&one, "x:a/1", b"m"), State::Done, "").await.unwrap();
    assert_eq!(state(&ledger, &other, "x:a/1").await, None);
    let error = ledger.clone().claim("one").await.unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::InUse);
    assert!(error.to_string().contains("watches the mailbox one already"), "{error}");
    drop(one);
    lease(&ledger, "one").await;
}

#[tokio::test]
async fn a_rebuilt_mailbox_is_recognised_by_content_as_often_as_it_was_handled() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let _ = ledger.record(&lease, &key(&lease, "imap:me/INBOX/1/1", b"same"), State::Done, "").await.unwrap();
    // In one generation equal messages are two messages.
    let second = key(&lease, "imap:me/INBOX/1/2", b"same");
    assert_eq!(ledger.recognise(&lease, &second).await.unwrap(), None);
    // In another, the one that was handled is found once, and keeps its new key.
    let new = key(&lease, "imap:me/INBOX/2/1", b"same");
    assert_eq!(ledger.recognise(&lease, &new).await.unwrap().unwrap().state, State::Done);
    assert_eq!(state(&ledger, &lease, "imap:me/INBOX/2/1").await, Some(State::Done));
    assert_eq!(state(&ledger, &lease, "imap:me/INBOX/1/1").await, None);
    let copy = key(&lease, "imap:me/INBOX/2/2", b"same");
    assert_eq!(ledger.recognise(&lease, &copy).await.unwrap(), None);
    assert_eq!(ledger.recognise(&lease, &key(&lease, "imap:me/INBOX/2/3", b"other")).await.unwrap(), None);
}

#[tokio::test]
async fn a_message_without_a_lasting_key_is_its_content() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let print = Fingerprint::of(b"content");
    let now = MessageKey::new(&lease, &id("pop3:me/session-1"), false, print);
    let later = MessageKey::new(&lease, &id("pop3:me/session-2"), false, print);
    let _ = ledger.record(&lease, &now, State::Done, "").await.unwrap();
    assert_eq!(ledger.recognise(&lease, &later).await.unwrap().unwrap().state, State::Done);
    assert_eq!(ledger.recognise(&lease, &later).await.unwrap().unwrap().state, State::Done);
    // The server has learned UIDL since, or forgot it: still the same message.
    let stable = MessageKey::new(&lease, &id("pop3:me/uidl"), true, print);
    assert_eq!(ledger.recognise(&lease, &stable).await.unwrap().unwrap().state, State::Done);
    assert_eq!(ledger.recognise(&lease, &now).await.unwrap().unwrap().state, State::Done);
}

#[tokio::test]
async fn what_is_old_and_gone_is_forgotten_and_what_is_held_is_not() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    for n in 1..=4 {
        let key = key(&lease, &format!("x:a/{n}"), b"m");
        let _ = ledger.record(&lease, &key, State::Done, "").await.unwrap();
    }
    let held = [id("x:a/2"), id("x:a/3")];
    assert_eq!(ledger.forget(&lease, &held, 1).await.unwrap(), 0);
    assert_eq!(ledger.forget(&lease, &held, 0).await.unwrap(), 2);
    assert_eq!(state(&ledger, &lease, "x:a/2").await, Some(State::Done));
    assert_eq!(state(&ledger, &lease, "x:a/1").await, None);
}

#[tokio::test]
async fn a_key_in_the_hosts_transaction_is_there_with_its_work_or_not_at_all() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let key = key(&lease, "x:a/1", b"m");
    ledger.begin(&lease, &key).await.unwrap();
    let mut host = rusqlite::Connection::open(place.file()).unwrap();
    host.execute_batch("CREATE TABLE work (what TEXT)").unwrap();
    let attempt = |host: &mut rusqlite::Connection, commit: bool| {
        let transaction = host.transaction().unwrap();
        transaction.execute("INSERT INTO work VALUES ('done')", []).unwrap();
        let recorded = record_in(&transaction, &key).unwrap();
        if commit && recorded == Recorded::New {
            transaction.commit().unwrap();
        }
        recorded
    };
    assert_eq!(attempt(&mut host, false), Recorded::New);
    assert_eq!(state(&ledger, &lease, "x:a/1").await, Some(State::Begun));
    assert_eq!(attempt(&mut host, true), Recorded::New);
    assert_eq!(attempt(&mut host, true), Recorded::Already);
    assert_eq!(state(&ledger, &lease, "x:a/1").await, Some(State::Done));
    assert_eq!(ledger.record(&lease, &key, State::Done, "").await.unwrap(), Recorded::Already);
    let works: i64 = host.query_row("SELECT count(*) FROM work", [], |row| row.get(0)).unwrap();
    assert_eq!(works, 1);
}

#[test]
fn a_ledger_that_is_in_use_says_by_whom_and_is_free_when_its_holder_is_gone() {
    let place = Place::new();
    let ledger = place.open();
    let error = SqliteLedger::open(place.file()).unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::InUse);
    let text = error.to_string();
    assert!(text.contains("another part of this process") && text.contains("ledger.db"), "{text}");
    drop(ledger);
    place.open();
}

/// The other process of the test below.
#[test]
#[ignore = "a helper of another test"]
fn holder() {
    let Some(path) = std::env::var_os("LEDGER") else { return };
    let _ledger = SqliteLedger::open(PathBuf::from(path)).unwrap();
    std::io::stderr().write_all(b"held\n").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
    panic!("it is killed before");
}

#[test]
fn two_processes_on_one_file_are_told_so_until_one_is_killed() {
    let place = Place::new();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "ledger::sqlite::tests::holder"])
        .env("LEDGER", place.file())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    other.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"held\n");
    let error = SqliteLedger::open(place.file()).unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::InUse);
    assert!(error.to_string().contains(&format!("another process ({})", other.id())), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    place.open();
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_was_recorded_stays() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let first = key(&lease, "x:a/first", b"m");
    let _ = ledger.record(&lease, &first, State::Done, "").await.unwrap();
    ledger.worker.run(true, |db| db.query_row("PRAGMA max_page_count = 8", [], |_| Ok(()))).await.unwrap();
    let mut full = None;
    for n in 0..10_000 {
        let key = key(&lease, &format!("x:a/{n}"), n.to_string().as_bytes());
        if let Err(error) = ledger.record(&lease, &key, State::Done, "").await {
            full = Some((n, error));
            break;
        }
    }
    let (n, error) = full.unwrap();
    assert_eq!(error.kind(), LedgerErrorKind::Full);
    let text = error.to_string();
    assert!(text.contains("ledger.db") && text.contains("make room"), "{text}");
    assert_eq!(state(&ledger, &lease, "x:a/first").await, Some(State::Done));
    assert_eq!(state(&ledger, &lease, &format!("x:a/{}", n - 1)).await, Some(State::Done));
    assert_eq!(state(&ledger, &lease, &format!("x:a/{n}")).await, None);
    // There is room again.
    ledger.worker.run(true, |db| db.query_row("PRAGMA max_page_count = 1000", [], |_| Ok(()))).await.unwrap();
    let again = key(&lease, &format!("x:a/{n}"), b"m");
    assert_eq!(ledger.record(&lease, &again, State::Done, "").await.unwrap(), Recorded::New);
}

#[tokio::test]
async fn a_ledger_that_can_not_be_written_is_told() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    ledger.worker.run(true, |db| db.pragma_update(None, "query_only", true)).await.unwrap();
    let error = ledger.record(&lease, &key(&lease, "x:a/1", b"m"), State::Done, "").await.unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::ReadOnly);
    assert!(error.to_string().contains("let this user write"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_and_what_is_no_ledger_are_refused_and_left_as_they_are() {
    let place = Place::new();
    std::fs::write(place.file(), vec![b'x'; 8192]).unwrap();
    let error = SqliteLedger::open(place.file()).unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::Corrupt);
    assert!(error.to_string().contains("ledger.db") && error.to_string().contains("backup"), "{error}");
    assert_eq!(std::fs::read(place.file()).unwrap(), vec![b'x'; 8192]);

    let damaged = Place::new();
    {
        let ledger = damaged.open();
        let lease = lease(&ledger, "m").await;
        for n in 0..500 {
            let key = key(&lease, &format!("x:a/{n}"), b"m");
            let _ = ledger.record(&lease, &key, State::Done, "").await.unwrap();
        }
    }
    let mut bytes = std::fs::read(damaged.file()).unwrap();
    assert!(bytes.len() > 20_000);
    for byte in &mut bytes[4096..20_000] {
        *byte ^= 0x55;
    }
    std::fs::write(damaged.file(), &bytes).unwrap();
    assert_eq!(SqliteLedger::open(damaged.file()).unwrap_err().kind(), LedgerErrorKind::Corrupt);
}

#[test]
fn a_place_that_can_not_be_is_told() {
    let place = Place::new();
    let error = SqliteLedger::open(place.folder.path().join("no/such/ledger.db")).unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::Unreachable);
    assert!(error.to_string().contains("no/such/ledger.db"), "{error}");
}
