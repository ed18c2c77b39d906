//! The process that is killed: this test binary again, in another role.

use crate::points::Deadly;
use postrider::outbox::{Letter, Outbox, PostgresOutbox, SqliteOutbox, Storage, sqlite};
use postrider::{Envelope, Session};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What such a process does.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// File, or URL of a PostgreSQL.
    pub(crate) outbox: String,
    /// Where it sends to.
    pub(crate) settings: String,
    /// To whom.
    pub(crate) to: String,
    /// How many messages it puts in, each in a transaction together with an order.
    pub(crate) orders: u64,
    /// The step at which it kills itself.
    pub(crate) point: Option<&'static str>,
}

/// Properties for a server on this port; everything that takes long in life takes a moment here.
pub(crate) fn settings(port: u16) -> String {
    format!(
        "mail.smtp.host=127.0.0.1\nmail.smtp.port={port}\nmail.smtp.tls=none\nmail.send.allowreserved=true\n\
         mail.outbox.lease=1s\nmail.outbox.retry=200ms\nmail.outbox.poll=100ms\n"
    )
}

impl Host {
    /// Starts the process, and waits until it works.
    pub(crate) fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["host::role", "--exact", "--nocapture"]);
        command.env("OUTBOX_ROLE", &self.outbox).env("OUTBOX_SETTINGS", &self.settings);
        command.env("OUTBOX_ORDERS", self.orders.to_string()).env("OUTBOX_TO", &self.to);
        command.env("OUTBOX_POINT", self.point.unwrap_or_default());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At a point it may kill itself before it says so.
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("ready"));
        assert!(ready || self.point.is_some(), "the host did not start");
        // Whatever else it says is read, so that it never waits for that.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        child
    }
}

/// What runs in the process that is killed. As a test of its own it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role() {
    let Ok(place) = std::env::var("OUTBOX_ROLE") else { return };
    let var = |name: &str| std::env::var(name).unwrap();
    let storage: Arc<dyn Storage> = if place.starts_with("postgres") {
        Arc::new(PostgresOutbox::connect(&place).await.unwrap())
    } else {
        Arc::new(SqliteOutbox::open(&place).unwrap())
    };
    let point = var("OUTBOX_POINT");
    let storage = if point.is_empty() { storage } else { Arc::new(Deadly::new(storage, point)) };
    let session = Session::builder().overrides(&var("OUTBOX_SETTINGS")).unwrap().build().unwrap();
    let outbox = Outbox::of(&session, storage).unwrap();
    let (orders, to) = (var("OUTBOX_ORDERS").parse::<u64>().unwrap(), var("OUTBOX_TO"));
    if orders > 0 {
        let wake = outbox.clone();
        std::thread::spawn(move || take_orders(&place, orders, &to, &wake));
    }
    println_now("ready");
    outbox.run(std::future::pending()).await.unwrap();
}

/// The host's own business: an order, and the message that confirms it, in one transaction.
fn take_orders(file: &str, orders: u64, to: &str, outbox: &Outbox) {
    let mut database = rusqlite::Connection::open(file).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    database
        .execute_batch("PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS orders (message_id TEXT)")
        .unwrap();
    for n in 0..orders {
        let envelope = Envelope::parse(Some("shop@example.test"), [to]).unwrap();
        let letter = Letter::new(envelope, format!("Subject: order {n}\r\n\r\nThank you!\r\n")).unwrap();
        let transaction =
            database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        transaction.execute("INSERT INTO orders VALUES (?1)", [letter.message_id()]).unwrap();
        sqlite::enqueue_in(&transaction, &letter).unwrap();
        transaction.commit().unwrap();
        outbox.wake();
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn println_now(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}
