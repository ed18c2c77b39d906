//! A host that kills itself at a certain step, so that each step's window is hit for sure.

use crate::books::{balance, orders, settled};
use crate::figures;
use crate::host::{Host, settings};
use crate::sink::Sink;
use bytes::Bytes;
use postrider::Result;
use postrider::async_trait;
use postrider::outbox::{
    Action, Attempt, Claims, Count, Entry, Event, Letter, LetterId, Settled, SqliteOutbox, State, Storage,
    Terms, Worker,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The steps, and whether what is in hand is in doubt after it.
const POINTS: [(&str, bool); 6] = [
    ("before claim", false),
    ("after claim", false),
    ("before begin", false),
    ("after begin", true),
    ("before settle", true),
    ("after settle", false),
];

/// A storage that ends the process when a step is taken for the third time.
pub(crate) struct Deadly {
    inner: Arc<dyn Storage>,
    point: String,
    left: AtomicU32,
}

impl Deadly {
    pub(crate) fn new(inner: Arc<dyn Storage>, point: String) -> Self {
        Self { inner, point, left: AtomicU32::new(3) }
    }

    fn at(&self, point: &str) {
        if self.point == point && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let me = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-9", &me]).status();
            loop {
                std::thread::park();
            }
        }
    }
}

#[async_trait]
impl Storage for Deadly {
    async fn enqueue(&self, letter: &Letter) -> Result<LetterId> {
        self.inner.enqueue(letter).await
    }
    async fn claim(&self, worker: &Worker, most: usize) -> Result<Claims> {
        self.at("before claim");
        let claims = self.inner.claim(worker, most.min(2)).await;
        if claims.as_ref().is_ok_and(|c| !c.attempts.is_empty()) {
            self.at("after claim");
        }
        claims
    }
    async fn begin(&self, attempt: &Attempt) -> Result<Bytes> {
        self.at("before begin");
        let begun = self.inner.begin(attempt).await;
        self.at("after begin");
        begun
    }
    async fn settle(&self, attempt: &Attempt, results: &[Settled], terms: &Terms) -> Result<Vec<Event>> {
        self.at("before settle");
        let settled = self.inner.settle(attempt, results, terms).await;
        self.at("after settle");
        settled
    }
    async fn stay(&self, worker: &Worker) -> Result<bool> {
        self.inner.stay(worker).await
    }
    async fn leave(&self, worker: &Worker) -> Result<()> {
        self.inner.leave(worker).await
    }
    async fn sweep(&self, terms: &Terms) -> Result<Vec<Event>> {
        self.inner.sweep(terms).await
    }
    async fn act(&self, action: Action, letter: LetterId, address: Option<&str>) -> Result<Vec<Event>> {
        self.inner.act(action, letter, address).await
    }
    async fn list(&self, state: Option<State>, after: LetterId, most: usize) -> Result<Vec<Entry>> {
        self.inner.list(state, after, most).await
    }
    async fn entry(&self, letter: LetterId) -> Result<Option<Entry>> {
        self.inner.entry(letter).await
    }
    async fn message(&self, letter: LetterId) -> Result<Option<Bytes>> {
        self.inner.message(letter).await
    }
    async fn counts(&self) -> Result<Vec<Count>> {
        self.inner.counts().await
    }
    async fn events(&self, letter: Option<LetterId>, after: i64, most: usize) -> Result<Vec<Event>> {
        self.inner.events(letter, after, most).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_only_what_a_transport_had_is_in_doubt() {
    for (point, leaves_doubt) in POINTS {
        let (sink, port) = Sink::start().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db").display().to_string();
        let storage: Arc<dyn Storage> = Arc::new(SqliteOutbox::open(&file).unwrap());
        // One at a time: what else is in hand would be in doubt for reasons of its own.
        let one = format!("{}mail.outbox.inflight=1\n", settings(port));
        let to = "customer@example.test".into();
        let mut host = Host { outbox: file.clone(), settings: one, to, orders: 20, point: Some(point) };
        const KILLS: usize = 3;
        for _ in 0..KILLS {
            // It ends by itself.
            host.start().wait().unwrap();
        }
        host.point = None;
        let mut last = host.start();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        settled(&storage).await;
        last.kill().unwrap();
        last.wait().unwrap();
        let sum = balance(&storage, &orders(&file), &sink.counts()).await;
        assert_eq!(sum.unsure, if leaves_doubt { KILLS } else { 0 }, "{point}: {sum:?}");
        figures(&format!(
            "outbox, killed {point}: {KILLS} kills, {} messages, {} unsure and told, 0 lost, 0 twice",
            sum.messages, sum.unsure
        ));
    }
}
