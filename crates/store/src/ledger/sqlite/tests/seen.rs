//! For how long a message is remembered, and by which content.

use super::*;

async fn age(ledger: &SqliteLedger, days: i64) {
    let age = move |db: &rusqlite::Connection| {
        db.execute("UPDATE postrider_ledger SET changed = changed - ?1 * 86400", [days])
    };
    ledger.worker.run(true, age).await.unwrap();
}

#[tokio::test]
async fn what_one_listing_leaves_out_is_remembered_for_its_days_from_when_it_was_last_seen() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let text = "imap:me/INBOX/1/1";
    let _ = ledger.record(&lease, &key(&lease, text, b"one"), State::Done, "").await.unwrap();
    age(&ledger, 100).await;
    assert_eq!(ledger.forget(&lease, &[id(text)], 90).await.unwrap(), 0);
    // A server that shows an empty mailbox for a moment has not emptied it.
    assert_eq!(ledger.forget(&lease, &[], 90).await.unwrap(), 0);
    age(&ledger, 91).await;
    assert_eq!(ledger.forget(&lease, &[], 90).await.unwrap(), 1);
}

#[tokio::test]
async fn retained_mail_without_a_lasting_key_is_not_forgotten_while_it_is_seen() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let one = MessageKey::new(&lease, &id("pop3:me/1"), false, Fingerprint::of(b"one"));
    let _ = ledger.record(&lease, &one, State::Done, "").await.unwrap();
    age(&ledger, 100).await;
    assert!(ledger.recognise(&lease, &one).await.unwrap().is_some());
    assert_eq!(ledger.forget(&lease, &[], 2).await.unwrap(), 0);
    assert!(ledger.recognise(&lease, &one).await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_is_of_the_content_that_was_handled_under_it() {
    let place = Place::new();
    let ledger = place.open();
    let lease = lease(&ledger, "m").await;
    let (one, other) = (key(&lease, "x:a/1", b"one"), key(&lease, "x:a/1", b"other"));
    assert!(!ledger.is_of(&lease, &one).await.unwrap());
    ledger.begin(&lease, &one).await.unwrap();
    assert_eq!(ledger.record(&lease, &other, State::Done, "").await.unwrap(), Recorded::New);
    assert!(ledger.is_of(&lease, &other).await.unwrap() && !ledger.is_of(&lease, &one).await.unwrap());
    assert_eq!(ledger.record(&lease, &one, State::Done, "").await.unwrap(), Recorded::Already);
    assert!(ledger.is_of(&lease, &other).await.unwrap());
}
