//! Two processes watch one mailbox over one PostgreSQL; one of them is killed every few seconds while mail arrives.

use crate::host::{End, Host, Mode, Random, kill_group};
use crate::{report, trials};
use postrider::ledger::postgres::tokio_postgres;
use postrider_tests::mailbox::{Mailbox, until};
use postrider_tests::{postgres, servers};
use std::time::{Duration, Instant};

#[test]
fn each_message_is_handled_once_by_two_processes_of_which_one_is_killed_again_and_again() {
    const NAME: &str = "each_message_is_handled_once_by_two_processes";
    let (Some(servers), Some(postgres)) = (servers::or_skip(NAME), postgres::or_skip(NAME)) else { return };
    // In full: 3,000 messages in 3 minutes.
    let seconds = if trials(50) >= 500 { 180 } else { 24 };
    let (messages, pause) = (seconds * 3_000 / 180, Duration::from_millis(60));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(postgres.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("CREATE TABLE shared_work (what TEXT NOT NULL)").await.unwrap();
        client
    });
    let count = |what: &str| -> i64 {
        let sql = format!("SELECT count({what}) FROM shared_work");
        runtime.block_on(client.query_one(&sql, &[])).unwrap().get(0)
    };
    let mailbox = Mailbox::claim(servers);
    let mode = Mode::Postgres { url: postgres.url(), table: "shared_work" };
    let hosts = [0, 1].map(|_| Host::new(servers, &mailbox, "imap", mode, "mail.watch.backoff=200ms"));
    let mut running = [0, 1].map(|n: usize| hosts[n].start(&End::Done));
    let (mut random, mut kills) = (Random(6), 0);
    let (begun, mut next_kill) = (Instant::now(), Instant::now() + Duration::from_secs(3));
    for n in 0..messages {
        mailbox.deposit(format!("From: <them@example.test>\r\nSubject: s{n:05}\r\n\r\n{n}\r\n").as_bytes());
        // Mail arrives when it does.
        std::thread::sleep(pause.mul_f64(random.below(2_000) as f64 / 1_000.0));
        if Instant::now() >= next_kill {
            let which = kills % 2;
            kill_group(&running[which]);
            running[which].wait().unwrap();
            running[which] = hosts[which].start(&End::Done);
            kills += 1;
            next_kill = Instant::now() + Duration::from_millis(2_000 + random.below(3_000));
        }
    }
    until("all to be handled", || count("DISTINCT what") as usize == messages);
    until("all to be settled", || mailbox.files("INBOX").is_empty());
    let repeated = count("*") as usize - messages;
    for child in &mut running {
        assert!(
            child.try_wait().unwrap().is_none(),
            "a host ended by itself: {}",
            hosts[0].log() + &hosts[1].log()
        );
        kill_group(child);
        child.wait().unwrap();
    }
    report(&format!(
        "two processes, one PostgreSQL, one mailbox: {messages} messages in {:.0} s, {kills} kills: 0 lost, {repeated} \
         handled again",
        begun.elapsed().as_secs_f64()
    ));
    assert_eq!(repeated, 0);
}
