//! What only PostgreSQL has: many connections at once, and the host's own transaction there.
//!
//! A database comes from `POSTGRES_URL`, or else from `tests/servers/postgres`, which starts one for these tests.

use crate::{Place, letter, rules, worker};
use postrider_store::outbox::{Fault, Next, PostgresOutbox, Settled, State, Storage, Terms, postgres};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio_postgres::NoTls;

/// The database of this test binary; `None` if there is none on this machine.
fn server() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| {
        if let Ok(url) = std::env::var("POSTGRES_URL") {
            return Some(url);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/servers/postgres");
        let dir = tempfile::Builder::new().prefix("pr-outbox-").tempdir_in("/tmp").ok()?.keep();
        let started = Command::new(&script).arg("start").arg(&dir).output().ok()?;
        if !started.status.success() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{started:?}");
            eprintln!("skipped: no PostgreSQL here ({})", String::from_utf8_lossy(&started.stderr).trim());
            return None;
        }
        // It ends when this process does, however that ends.
        let watch = format!(
            "while kill -0 {} 2>/dev/null; do sleep 1; done; {} stop {}; rm -rf {}",
            std::process::id(),
            script.display(),
            dir.display(),
            dir.display()
        );
        let null = std::process::Stdio::null;
        Command::new("sh").args(["-c", &watch]).stdin(null()).stdout(null()).stderr(null()).spawn().ok()?;
        let env = std::fs::read_to_string(dir.join("postgres.env")).ok()?;
        let url = env.lines().find_map(|line| line.strip_prefix("POSTGRES_URL="))?;
        Some(url.trim_matches(['\'', '"']).to_owned())
    })
    .as_deref()
}

/// A schema of its own: tests don't see each other.
async fn fresh(url: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let schema = format!("outbox_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options=-csearch_path%3D{schema}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_in_postgresql() {
    let Some(url) = server() else { return };
    rules::all(async || {
        let outbox = Arc::new(PostgresOutbox::connect(&fresh(url).await).await.unwrap());
        Place::on_postgres(outbox)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_in_if_and_only_if_the_hosts_transaction_commits() {
    let Some(url) = server() else { return };
    let url = fresh(url).await;
    let outbox = PostgresOutbox::connect(&url).await.unwrap();
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for (commits, want) in [(false, 0), (true, 1)] {
        let transaction = client.transaction().await.unwrap();
        postgres::enqueue_in(&transaction, &letter(&["a@x.example", "b@x.example"])).await.unwrap();
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(outbox.claim(&worker(), 10).await.unwrap().attempts.len(), want);
    }
}

/// As many as there are machines, each with its own connection; each message once, and nobody waits for another.
#[tokio::test(flavor = "multi_thread")]
async fn many_workers_at_once_get_each_message_once() {
    const MESSAGES: u64 = 300;
    let Some(url) = server() else { return };
    let url = fresh(url).await;
    // Made by all of them at the same time.
    let makers: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { PostgresOutbox::connect(&url).await.unwrap() })
        })
        .collect();
    let mut outboxes = Vec::new();
    for maker in makers {
        outboxes.push(Arc::new(maker.await.unwrap()));
    }
    for _ in 0..MESSAGES {
        outboxes[0].enqueue(&letter(&["a@x.example"])).await.unwrap();
    }
    let accepted = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = outboxes
        .iter()
        .map(|outbox| {
            let (outbox, accepted) = (Arc::clone(outbox), Arc::clone(&accepted));
            tokio::spawn(async move {
                let (worker, terms) = (worker(), Terms::default());
                loop {
                    let attempts = outbox.claim(&worker, 7).await.unwrap().attempts;
                    if attempts.is_empty() {
                        return;
                    }
                    for attempt in attempts {
                        outbox.begin(&attempt).await.unwrap();
                        outbox.sweep(&terms).await.unwrap();
                        let told = outbox
                            .settle(&attempt, &[Settled::new(0, Next::Accepted)], &terms)
                            .await
                            .unwrap();
                        accepted.fetch_add(told.len() as u64, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::Relaxed), MESSAGES);
    let counts = outboxes[0].counts().await.unwrap();
    assert_eq!(
        counts.iter().map(|c| (c.state, c.recipients)).collect::<Vec<_>>(),
        [(State::Accepted, MESSAGES)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_anew() {
    let Some(url) = server() else { return };
    let url = fresh(url).await;
    let outbox = PostgresOutbox::connect(&url).await.unwrap();
    outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
    // Of all connections that look for this schema, ours is the one that is not this.
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT pg_terminate_backend($1)";
    let pid = outbox.connection().await.unwrap();
    client.query(sql, &[&pid]).await.unwrap();
    // The first call may be the one that finds out.
    while outbox.counts().await.is_err() {}
    outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
    assert_eq!(outbox.counts().await.unwrap()[0].recipients, 2);
}

#[tokio::test]
async fn what_can_not_be_reached_is_told_without_its_password() {
    for url in ["postgres://me:hunter2@127.0.0.1:1/x", "postgres://me:hunter2@[::nonsense/x"] {
        let error = PostgresOutbox::connect(url).await.unwrap_err();
        assert_eq!(Fault::of(&error), Some(Fault::Unopened), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// A host's database may be set up for speed: what the outbox records is on disk all the same, by the rules' own level.
#[tokio::test(flavor = "multi_thread")]
async fn a_databases_defaults_take_nothing_from_what_is_promised() {
    let Some(url) = server() else { return };
    let url = fresh(url).await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let fast = format!("{url}%20-csynchronous_commit%3Doff%20-cdefault_transaction_isolation%3Dserializable");
    let outbox = PostgresOutbox::connect(&fast).await.unwrap();
    let watch = "CREATE TABLE seen (how TEXT); \
                 CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO seen VALUES (current_setting('synchronous_commit') || ', ' || \
                 current_setting('transaction_isolation')); RETURN NEW; END $$; \
                 CREATE TRIGGER see BEFORE INSERT ON postrider_outbox_message FOR EACH ROW EXECUTE FUNCTION see()";
    client.batch_execute(watch).await.unwrap();
    outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
    let how: String = client.query_one("SELECT how FROM seen", &[]).await.unwrap().get(0);
    assert_eq!(how, "on, read committed");
}
