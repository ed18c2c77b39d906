//! The ledger in PostgreSQL: what it keeps, and whose a mailbox is.

use postrider::MessageId;
use postrider::ledger::postgres::{LEASE, record_in, tokio_postgres};
use postrider::ledger::{
    Claim, Entry, Fingerprint, Lease, Ledger, LedgerErrorKind, MessageKey, PostgresLedger, Recorded, State,
};
use postrider_tests::postgres::{Postgres, or_skip};
use std::time::{Duration, Instant};

async fn open(postgres: &Postgres) -> PostgresLedger {
    PostgresLedger::connect(postgres.url()).await.unwrap()
}

async fn lease(ledger: &PostgresLedger, mailbox: &str) -> Lease {
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

#[tokio::test]
async fn the_shared_ledger_keeps_what_the_file_keeps() {
    let Some(postgres) = or_skip("the_shared_ledger_keeps_what_the_file_keeps") else { return };
    let ledger = open(postgres).await;
    let held = lease(&ledger, "keeps").await;
    let one = key(&held, "imap:me/INBOX/1/1", b"one");
    assert_eq!(ledger.begin(&held, &one).await.unwrap(), Entry::new(State::Begun, 1, 0, ""));
    assert_eq!(ledger.record(&held, &one, State::Done, "").await.unwrap(), Recorded::New);
    assert_eq!(ledger.record(&held, &one, State::Refused, "").await.unwrap(), Recorded::Already);
    let two = key(&held, "imap:me/INBOX/1/2", b"two");
    ledger.begin(&held, &two).await.unwrap();
    let failed = ledger.fail(&held, &two, "no\0 why").await.unwrap();
    assert_eq!((failed.attempts, failed.failures, failed.reason.as_str()), (1, 1, "no  why"));
    ledger.begin(&held, &two).await.unwrap();
    ledger.postpone(&held, &two).await.unwrap();
    // Another process, later.
    drop(held);
    drop(ledger);
    let ledger = open(postgres).await;
    let held = lease(&ledger, "keeps").await;
    let ids = [id("imap:me/INBOX/1/2"), id("imap:me/INBOX/1/3"), id("imap:me/INBOX/1/1")];
    let entries = ledger.entries(&held, &ids).await.unwrap();
    assert_eq!(entries[0], Some(Entry::new(State::Begun, 1, 1, "no  why")));
    assert_eq!(entries[1], None);
    assert_eq!(entries[2].as_ref().unwrap().state, State::Done);
    // Rebuilt: known by its content, once.
    let new = key(&held, "imap:me/INBOX/2/9", b"one");
    assert_eq!(ledger.recognise(&held, &new).await.unwrap().unwrap().state, State::Done);
    assert_eq!(ledger.recognise(&held, &key(&held, "imap:me/INBOX/2/10", b"one")).await.unwrap(), None);
    let unstable = MessageKey::new(&held, &id("pop3:me/x"), false, Fingerprint::of(b"one"));
    assert_eq!(ledger.recognise(&held, &unstable).await.unwrap().unwrap().state, State::Done);
    assert_eq!(ledger.forget(&held, &[id("imap:me/INBOX/1/2")], 0).await.unwrap(), 1);
    assert_eq!(ledger.entries(&held, &[new.id]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_mailbox_is_one_holders_until_it_is_given_back_or_its_holder_is_silent() {
    let Some(postgres) = or_skip("a_mailbox_is_one_holders") else { return };
    let (one, other) = (open(postgres).await, open(postgres).await);
    let held = lease(&one, "lease").await;
    let Claim::Elsewhere { holder, again_in } = other.claim("lease").await.unwrap() else {
        panic!("two have it")
    };
    assert!(
        holder.contains(&std::process::id().to_string()) && again_in <= Duration::from_secs(1),
        "{holder}"
    );
    // Longer than a lease lasts: it was renewed.
    tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
    assert!(held.is_held());
    assert!(matches!(other.claim("lease").await.unwrap(), Claim::Elsewhere { .. }));
    let token = held.token();
    drop(held);
    let begun = Instant::now();
    let next = loop {
        if let Claim::Held(next) = other.claim("lease").await.unwrap() {
            break next;
        }
        assert!(begun.elapsed() < LEASE, "it was not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(next.token() > token);
}

#[tokio::test]
async fn what_a_holder_writes_whose_time_is_over_is_refused() {
    let Some(postgres) = or_skip("what_a_holder_writes_whose_time_is_over") else { return };
    let (late, other) = (open(postgres).await, open(postgres).await);
    let old = lease(&late, "fenced").await;
    let stale = key(&old, "x:a/1", b"m");
    late.begin(&old, &stale).await.unwrap();
    // As if it had been stopped for longer than its lease.
    let mut host = host(postgres).await;
    host.execute("UPDATE postrider_lease SET ends = clock_timestamp() WHERE mailbox = 'fenced'", &[])
        .await
        .unwrap();
    let new = lease(&other, "fenced").await;
    for error in [
        late.begin(&old, &stale).await.unwrap_err(),
        late.fail(&old, &stale, "why").await.unwrap_err(),
        late.record(&old, &stale, State::Done, "").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), LedgerErrorKind::Lost, "{error}");
    }
    let transaction = host.transaction().await.unwrap();
    assert_eq!(record_in(&transaction, &stale).await.unwrap_err().kind(), LedgerErrorKind::Lost);
    drop(transaction);
    // It notices at its next renewal at the latest.
    let begun = Instant::now();
    while old.is_held() {
        assert!(begun.elapsed() < LEASE, "it believes to have it still");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let fresh = key(&new, "x:a/1", b"m");
    assert_eq!(other.begin(&new, &fresh).await.unwrap().attempts, 2);
    assert_eq!(other.record(&new, &fresh, State::Done, "").await.unwrap(), Recorded::New);
}

#[tokio::test]
async fn of_two_transactions_that_record_one_message_one_is_told_that_it_is_late() {
    let Some(postgres) = or_skip("of_two_transactions_one_is_late") else { return };
    let ledger = open(postgres).await;
    let held = lease(&ledger, "race").await;
    let key = key(&held, "x:a/1", b"m");
    ledger.begin(&held, &key).await.unwrap();
    let (mut one, mut other) = (host(postgres).await, host(postgres).await);
    let first = one.transaction().await.unwrap();
    assert_eq!(record_in(&first, &key).await.unwrap(), Recorded::New);
    let second = async {
        let transaction = other.transaction().await.unwrap();
        // Waits for the first.
        record_in(&transaction, &key).await.unwrap()
    };
    let (recorded, ()) = tokio::join!(second, async { first.commit().await.unwrap() });
    assert_eq!(recorded, Recorded::Already);
    assert_eq!(ledger.record(&held, &key, State::Done, "").await.unwrap(), Recorded::Already);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_and_no_password_goes_in_the_clear() {
    let error = PostgresLedger::connect("postgresql://me:geheim@%2Fno%2Fsuch%2Fplace/db").await.unwrap_err();
    assert_eq!(error.kind(), LedgerErrorKind::Unreachable);
    assert!(error.to_string().contains("/no/such/place") && !error.to_string().contains("geheim"), "{error}");
    let error = PostgresLedger::connect("postgresql://me:geheim@db.example.org/db").await.unwrap_err();
    assert!(
        error.to_string().contains("not be encrypted") && !format!("{error:?}").contains("geheim"),
        "{error}"
    );
}

async fn host(postgres: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(postgres.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
