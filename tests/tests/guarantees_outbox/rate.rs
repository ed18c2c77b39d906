//! How fast it is: run by hand, in release, for docs/guarantees.md.

use crate::host::settings;
use crate::sink::Sink;
use crate::{figures, setting};
use postrider::outbox::{Letter, Outbox, PostgresOutbox, SqliteOutbox, Storage};
use postrider::{Envelope, Session};
use std::sync::Arc;
use std::time::Instant;

async fn measured(name: &str, storage: Arc<dyn Storage>) {
    let messages = setting("OUTBOX_MESSAGES", 5000);
    let (sink, port) = Sink::start().await;
    sink.answers_at_once();
    let session = Session::builder().overrides(&settings(port)).unwrap().build().unwrap();
    let outbox = Outbox::of(&session, storage).unwrap();
    let envelope = Envelope::parse(Some("shop@example.test"), ["customer@example.test"]).unwrap();
    let begun = Instant::now();
    let all: Vec<_> = (0..messages)
        .map(|n| {
            let (outbox, envelope) = (outbox.clone(), envelope.clone());
            tokio::spawn(async move {
                let text = format!("Subject: {n}\r\n\r\n{}\r\n", "x".repeat(4000));
                outbox.enqueue(&Letter::new(envelope, text).unwrap()).await.unwrap()
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    let put = begun.elapsed();
    let begun = Instant::now();
    outbox.run_until_idle(std::future::pending()).await.unwrap();
    let sent = begun.elapsed();
    assert_eq!(sink.counts().len() as u64, messages);
    let rate = |time: std::time::Duration| messages as f64 / time.as_secs_f64();
    figures(&format!(
        "outbox, {name}: {:.0} messages/s in, {:.0} messages/s out, 4 KiB each",
        rate(put),
        rate(sent)
    ));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn how_many_messages_go_through_in_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteOutbox::open(folder.path().join("shop.db")).unwrap();
    measured("SQLite", Arc::new(sqlite)).await;
    let Some(database) = crate::postgres::database() else { return };
    measured("PostgreSQL", Arc::new(PostgresOutbox::connect(&database.url).await.unwrap())).await;
}
