//! The outbox's rules, the same on every database.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod faults;
#[cfg(feature = "postgres")]
mod postgres;
mod rules;
mod sqlite;

use postrider_core::Envelope;
use postrider_store::outbox::{
    Attempt, Entry, Event, Letter, LetterId, Settled, State, Storage, Terms, Worker,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An outbox whose time a test moves.
pub(crate) struct Place {
    pub(crate) storage: Arc<dyn Storage>,
    pass: Box<dyn Fn(Duration)>,
}

pub(crate) const LEASE: Duration = Duration::from_secs(10);

impl Place {
    pub(crate) fn in_memory() -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&ahead);
        let now = move || SystemTime::now() + Duration::from_secs(clock.load(Ordering::Relaxed));
        let storage = postrider_store::outbox::SqliteOutbox::in_memory(Arc::new(now)).unwrap();
        let pass = Box::new(move |time: Duration| {
            ahead.fetch_add(time.as_secs(), Ordering::Relaxed);
        });
        Self { storage: Arc::new(storage), pass }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn on_postgres(outbox: Arc<postrider_store::outbox::PostgresOutbox>) -> Self {
        let storage = Arc::clone(&outbox);
        Self { storage, pass: Box::new(move |time| outbox.go_ahead(time)) }
    }

    pub(crate) fn pass(&self, time: Duration) {
        (self.pass)(time + Duration::from_secs(1));
    }

    pub(crate) async fn put(&self, to: &[&str]) -> LetterId {
        self.storage.enqueue(&letter(to)).await.unwrap()
    }

    pub(crate) async fn claim(&self, worker: &Worker) -> Vec<Attempt> {
        self.storage.claim(worker, 100).await.unwrap().attempts
    }

    pub(crate) async fn settle(&self, attempt: &Attempt, results: &[Settled]) -> Vec<Event> {
        self.storage.settle(attempt, results, &Terms::default()).await.unwrap()
    }

    pub(crate) async fn entry(&self, id: LetterId) -> Entry {
        self.storage.entry(id).await.unwrap().unwrap()
    }

    pub(crate) async fn states(&self, id: LetterId) -> Vec<State> {
        self.entry(id).await.recipients.iter().map(|r| r.state).collect()
    }
}

pub(crate) fn worker() -> Worker {
    Worker::new(LEASE).unwrap()
}

pub(crate) fn letter(to: &[&str]) -> Letter {
    let envelope = Envelope::parse(Some("me@example.org"), to.iter().copied()).unwrap();
    Letter::new(envelope, "Subject: x\r\n\r\nbody\r\n").unwrap()
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn told(events: &[Event]) -> Vec<(State, &str)> {
    events.iter().map(|e| (e.state, e.address.as_str())).collect()
}
