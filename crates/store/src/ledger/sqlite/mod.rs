//! A ledger in a file: SQLite, compiled in. Nothing to install, one process at a time.
//!
//! The file may be the host's own database: the tables are called `postrider_…` and nothing else is touched. Then a
//! handler can [record](record_in) the key in the transaction it does its work in, and the two happen together or not
//! at all.

mod errors;
mod lock;
mod statements;
#[cfg(test)]
mod tests;
mod worker;

pub use rusqlite;

use super::{
    Claim, Entry, Lease, LeaseEnd, Ledger, LedgerError, LedgerErrorKind, MessageKey, Recorded, Result, State,
};
use async_trait::async_trait;
use lock::Lock;
use postrider_core::MessageId;
use rusqlite::Transaction;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use worker::Worker;

/// A ledger in a file. Clones share it; the last one closes it.
#[derive(Clone)]
pub struct SqliteLedger {
    worker: Arc<Worker>,
    claimed: Arc<Claimed>,
}

impl SqliteLedger {
    /// Opens a ledger, or makes it, and takes it for this process: beside the file lies `<file>-postrider.lock`.
    ///
    /// It is durable: write-ahead log, and every record is flushed to the disk before it counts
    /// (`synchronous=FULL`). A thread of its own does the work, so that no runtime is needed and none is held up.
    ///
    /// # Errors
    /// `InUse` if another process, or another part of this one, has it; `ReadOnly`, `Full`, `Corrupt` or
    /// `Unreachable`, naming the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let lock = Lock::take(path)?;
        let worker = Worker::start(path, lock)?;
        Ok(Self { worker: Arc::new(worker), claimed: Arc::default() })
    }

    /// The file, for people.
    pub fn place(&self) -> &str {
        self.worker.place()
    }
}

impl std::fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SqliteLedger").field(&self.place()).finish()
    }
}

/// Records that a message was handled in a transaction of the host's, on a connection of its own to the file the
/// ledger is in: the work and the key are there together or not at all.
///
/// # Errors
/// Anything a ledger can fail by; the transaction should be rolled back then, as it should for
/// [`Recorded::Already`].
pub fn record_in(transaction: &Transaction<'_>, key: &MessageKey) -> Result<Recorded> {
    let place = transaction.path().unwrap_or("in memory").to_owned();
    statements::record(transaction, key, State::Done, "").map_err(|e| errors::told(&place, e))
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn claim(&self, mailbox: &str) -> Result<Claim> {
        let new = self.claimed.names().insert(mailbox.to_owned());
        if !new {
            let what = format!("this process watches the mailbox {} already", mailbox.escape_debug());
            return Err(LedgerError::new(LedgerErrorKind::InUse, self.place(), what));
        }
        let end = Held { claimed: Arc::clone(&self.claimed), mailbox: mailbox.to_owned() };
        Ok(Claim::Held(Lease::new(mailbox, 0, Arc::new(end))))
    }

    async fn entries(&self, lease: &Lease, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        let (mailbox, ids) = (lease.mailbox().to_owned(), ids.to_vec());
        self.worker.run(false, move |db| statements::entries(db, &mailbox, &ids)).await
    }

    async fn recognise(&self, _: &Lease, key: &MessageKey) -> Result<Option<Entry>> {
        let key = key.clone();
        self.worker.run(true, move |db| statements::recognise(db, &key)).await
    }

    async fn is_of(&self, _: &Lease, key: &MessageKey) -> Result<bool> {
        let key = key.clone();
        self.worker.run(false, move |db| statements::is_of(db, &key)).await
    }

    async fn begin(&self, _: &Lease, key: &MessageKey) -> Result<Entry> {
        let key = key.clone();
        self.worker.run(false, move |db| statements::begin(db, &key)).await
    }

    async fn fail(&self, _: &Lease, key: &MessageKey, reason: &str) -> Result<Entry> {
        let (key, reason) = (key.clone(), reason.to_owned());
        self.worker.run(true, move |db| statements::fail(db, &key, &reason)).await
    }

    async fn postpone(&self, _: &Lease, key: &MessageKey) -> Result<()> {
        let key = key.clone();
        self.worker.run(false, move |db| statements::postpone(db, &key)).await
    }

    async fn record(&self, _: &Lease, key: &MessageKey, state: State, reason: &str) -> Result<Recorded> {
        let (key, reason) = (key.clone(), reason.to_owned());
        self.worker.run(true, move |db| statements::record(db, &key, state, &reason)).await
    }

    async fn forget(&self, lease: &Lease, held: &[MessageId], days: u32) -> Result<u64> {
        let (mailbox, held) = (lease.mailbox().to_owned(), held.to_vec());
        self.worker.run(true, move |db| statements::forget(db, &mailbox, &held, days)).await
    }
}

/// Mailboxes that this process has.
#[derive(Default)]
struct Claimed(Mutex<BTreeSet<String>>);

impl Claimed {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held {
    claimed: Arc<Claimed>,
    mailbox: String,
}

impl LeaseEnd for Held {
    fn is_held(&self) -> bool {
        true
    }

    fn release(&self) {
        self.claimed.names().remove(&self.mailbox);
    }
}
