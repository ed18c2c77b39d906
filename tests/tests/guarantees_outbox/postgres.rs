//! Two processes on one PostgreSQL outbox, one of them killed every few seconds while messages go out.

use crate::books::{balance, settled};
use crate::host::{Host, settings};
use crate::sink::Sink;
use crate::{figures, random, setting};
use postrider::Envelope;
use postrider::outbox::{Letter, PostgresOutbox, Storage};
use postrider_tests::workspace;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A database, and what ends it.
pub(crate) struct Database {
    pub(crate) url: String,
    stop: Option<(std::path::PathBuf, tempfile::TempDir)>,
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((script, dir)) = &self.stop {
            let _ = Command::new(script).arg("stop").arg(dir.path()).status();
        }
    }
}

/// Starts a PostgreSQL, or says that there is none.
pub(crate) fn database() -> Option<Database> {
    if let Ok(url) = std::env::var("POSTGRES_URL") {
        return Some(Database { url, stop: None });
    }
    let script = workspace::root().join("tests/servers/postgres");
    let dir = tempfile::Builder::new().prefix("pr-outbox-").tempdir_in("/tmp").unwrap();
    let started = Command::new(&script).arg("start").arg(dir.path()).stdin(Stdio::null()).output().unwrap();
    if !started.status.success() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{started:?}");
        eprintln!("SKIPPED: no PostgreSQL here");
        return None;
    }
    let env = std::fs::read_to_string(dir.path().join("postgres.env")).unwrap();
    let url = env.lines().find_map(|line| line.strip_prefix("POSTGRES_URL=")).unwrap().to_owned();
    Some(Database { url, stop: Some((script, dir)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_database_one_killed_every_few_seconds_deliver_each_message_once() {
    let Some(database) = database() else { return };
    let (seconds, messages) = (setting("OUTBOX_SECONDS", 15), setting("OUTBOX_MESSAGES", 600));
    let (sink, port) = Sink::start().await;
    let storage: Arc<dyn Storage> = Arc::new(PostgresOutbox::connect(&database.url).await.unwrap());
    let host = Host {
        outbox: database.url.clone(),
        settings: settings(port),
        to: String::new(),
        orders: 0,
        point: None,
    };
    let mut running = [host.start(), host.start()];
    let (mut ordered, mut kills) = (BTreeSet::new(), 0);
    let begun = Instant::now();
    let mut next_kill = Duration::from_secs(1);
    for n in 0..messages {
        let envelope = Envelope::parse(Some("shop@example.test"), ["customer@example.test"]).unwrap();
        let letter = Letter::new(envelope, format!("Subject: order {n}\r\n\r\nThank you!\r\n")).unwrap();
        storage.enqueue(&letter).await.unwrap();
        ordered.insert(letter.message_id().to_owned());
        let due = Duration::from_millis(seconds * 1000 * (n + 1) / messages);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        if begun.elapsed() > next_kill {
            let victim = &mut running[usize::try_from(random(2)).unwrap()];
            victim.kill().unwrap();
            victim.wait().unwrap();
            *victim = host.start();
            kills += 1;
            next_kill = begun.elapsed() + Duration::from_millis(1000 + random(3000));
        }
    }
    settled(&storage).await;
    for child in &mut running {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let sum = balance(&storage, &ordered, &sink.counts()).await;
    assert!(kills > 1);
    figures(&format!(
        "outbox, PostgreSQL: two processes for {seconds} s, {kills} SIGKILLs, {} messages: {} lost, {} delivered twice, {} unsure and told, of which {} had arrived",
        sum.messages, sum.lost, sum.twice, sum.unsure, sum.unsure_and_there
    ));
}
