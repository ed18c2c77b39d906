//! A host that takes orders and sends, killed again and again.

use crate::books::{balance, orders, settled};
use crate::host::{Host, settings};
use crate::sink::Sink;
use crate::{figures, random, setting};
use postrider::outbox::{SqliteOutbox, Storage};
use std::sync::Arc;
use std::time::Duration;

/// Kills `processes` hosts on one file so many times in all, and compares the books.
async fn killed(name: &str, trials: u64, processes: usize) {
    let (sink, port) = Sink::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db").display().to_string();
    let storage: Arc<dyn Storage> = Arc::new(SqliteOutbox::open(&file).unwrap());
    let host = Host {
        outbox: file.clone(),
        settings: settings(port),
        to: "customer@example.test".into(),
        orders: 60,
        point: None,
    };
    let mut running: Vec<_> = (0..processes).map(|_| host.start()).collect();
    for _ in 0..trials {
        tokio::time::sleep(Duration::from_millis(20 + random(230))).await;
        let victim = &mut running[usize::try_from(random(processes as u64)).unwrap()];
        victim.kill().unwrap();
        victim.wait().unwrap();
        *victim = host.start();
    }
    // The last ones live until all is done.
    tokio::time::sleep(Duration::from_millis(500)).await;
    settled(&storage).await;
    for child in &mut running {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let sum = balance(&storage, &orders(&file), &sink.counts()).await;
    assert!(sum.messages as u64 > trials, "the host did nothing: {sum:?}");
    figures(&format!(
        "{name}: {trials} SIGKILLs, {processes} at a time, {} messages: {} lost, {} delivered twice, {} unsure and told, of which {} had arrived",
        sum.messages, sum.lost, sum.twice, sum.unsure, sum.unsure_and_there
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_loses_nothing_and_sends_nothing_twice() {
    killed("outbox, SQLite", setting("OUTBOX_TRIALS", 50), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_lose_nothing_and_send_nothing_twice() {
    killed("outbox, SQLite", setting("OUTBOX_TRIALS", 50) / 2, 2).await;
}
