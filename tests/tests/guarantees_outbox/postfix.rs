//! The same through a real Postfix into a real mailbox, where each message is counted as a file.

use crate::books::{balance, orders, settled};
use crate::host::{Host, settings};
use crate::{figures, random, setting};
use postrider::outbox::{SqliteOutbox, Storage};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_while_it_sends_through_postfix_loses_nothing_and_sends_nothing_twice() {
    let Some(servers) = servers::or_skip("the outbox through Postfix") else { return };
    let mailbox = Mailbox::claim(servers);
    let trials = setting("OUTBOX_TRIALS", 50) / 5;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db").display().to_string();
    let storage: Arc<dyn Storage> = Arc::new(SqliteOutbox::open(&file).unwrap());
    let to = mailbox.address();
    let settings = settings(servers.port("POSTFIX_SMTP"));
    let host = Host { outbox: file.clone(), settings, to, orders: 30, point: None };
    let mut running = host.start();
    for _ in 0..trials {
        tokio::time::sleep(Duration::from_millis(50 + random(500))).await;
        running.kill().unwrap();
        running.wait().unwrap();
        running = host.start();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    settled(&storage).await;
    running.kill().unwrap();
    running.wait().unwrap();
    while !servers.is_queue_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut counts = BTreeMap::new();
    for message in mailbox.messages("INBOX") {
        let text = String::from_utf8_lossy(&message).into_owned();
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("a Message-ID");
        *counts.entry(id.trim_end().to_owned()).or_default() += 1;
    }
    let sum = balance(&storage, &orders(&file), &counts).await;
    figures(&format!(
        "outbox, through Postfix: {trials} SIGKILLs, {} messages: {} lost, {} delivered twice, {} unsure and told, of which {} had arrived",
        sum.messages, sum.lost, sum.twice, sum.unsure, sum.unsure_and_there
    ));
}
