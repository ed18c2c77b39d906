//! An outbox in a file, by the SQLite that is compiled in; or in memory, for tests.
//!
//! Several processes of one machine may work on one file. It must not lie on a network file system.
//!
//! | file | what is in it |
//! |---|---|
//! | `mod.rs` | [`SqliteOutbox`], [`enqueue_in`], [`create_in`] |
//! | `transaction.rs` | statements in one transaction |
//! | `thread.rs` | the thread that has the database, and commits for many at once |
//! | `fault.rs` | what SQLite says, in our words |

mod fault;
mod thread;
mod transaction;

pub use rusqlite; // what `enqueue_in` takes a transaction of

use super::letter::Letter;
use super::{
    Action, Attempt, Claims, Count, Entry, Event, LetterId, Settled, State, Storage, Terms, Worker, act,
    claim, look, put, schema, settle, sweep,
};
use async_trait::async_trait;
use bytes::Bytes;
use postrider_core::Result;
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use thread::Thread;
use transaction::{Tx, at_once};

/// What [`SqliteOutbox::in_memory`] tells the time by.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An outbox in a file. A thread of its own has it: no call blocks, and none needs a runtime.
///
/// What is asked for at the same time is committed together, so that many in flight cost little more than one. Each
/// commit waits for the disk (`synchronous=FULL`).
pub struct SqliteOutbox {
    thread: Thread,
}

impl SqliteOutbox {
    /// Opens a file, which is made if it is not there, and makes the tables if they are not. A host app's own database
    /// will do: the tables' names begin with `postrider_outbox_`, and its journal becomes a write-ahead log.
    ///
    /// # Errors
    /// `Configuration` if it can't be opened or written, `Protocol` if it is no database or a damaged one,
    /// `Unsupported` if a later version made its tables, `Limit` if the disk is full; each with the file's name and
    /// what to do, and a [`Fault`](super::Fault) as its source.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let connection = thread::open(path, &place)?;
        Ok(Self { thread: Thread::start(connection, place, Arc::new(SystemTime::now))? })
    }

    /// An outbox that is gone when it is dropped, with a clock of one's own: for the tests of a program. All is done in
    /// the calling thread.
    ///
    /// # Errors
    /// What SQLite can fail by without memory.
    pub fn in_memory(clock: Clock) -> Result<Self> {
        let place = "an outbox in memory".to_owned();
        let connection = Connection::open_in_memory().map_err(|e| fault::told(&place, &e))?;
        thread::prepare(&connection, &place)?;
        Ok(Self { thread: Thread::inline(connection, place, clock) })
    }
}

/// Makes the outbox's tables in a database of the host's, unless they are there.
///
/// # Errors
/// As [`SqliteOutbox::open`].
pub fn create_in(connection: &Connection) -> Result<()> {
    thread::create(connection, &place_of(connection))
}

/// Puts a message in by a transaction of the host's: it goes out if and only if that commits. A worker in the same
/// process notices at its next look, or at once if it is told
/// ([`Outbox::wake`](https://docs.rs/postrider)) after the commit.
///
/// How durable it is follows from the host's own connection: `PRAGMA synchronous=FULL` to survive a power cut.
///
/// # Errors
/// What the database fails by. The transaction can still be rolled back, or go on without the message.
pub fn enqueue_in(transaction: &rusqlite::Transaction<'_>, letter: &Letter) -> Result<LetterId> {
    let place = place_of(transaction);
    let clock: Clock = Arc::new(SystemTime::now);
    at_once(put::put(&Tx { connection: transaction, place: &place, clock: &clock }, letter))
}

fn place_of(connection: &Connection) -> String {
    match connection.path() {
        Some(path) if !path.is_empty() => path.to_owned(),
        _ => "a database in memory".to_owned(),
    }
}

#[async_trait]
impl Storage for SqliteOutbox {
    async fn enqueue(&self, letter: &Letter) -> Result<LetterId> {
        let letter = letter.clone();
        self.thread.write(move |tx| at_once(put::put(tx, &letter))).await
    }

    async fn claim(&self, worker: &Worker, most: usize) -> Result<Claims> {
        let worker = worker.clone();
        self.thread.write(move |tx| at_once(claim::claim(tx, &worker, most))).await
    }

    async fn begin(&self, attempt: &Attempt) -> Result<Bytes> {
        let attempt = attempt.clone();
        self.thread.write(move |tx| at_once(claim::begin(tx, &attempt))).await
    }

    async fn settle(&self, attempt: &Attempt, results: &[Settled], terms: &Terms) -> Result<Vec<Event>> {
        let (attempt, results, terms) = (attempt.clone(), results.to_vec(), *terms);
        self.thread.write(move |tx| at_once(settle::settle(tx, &attempt, &results, &terms))).await
    }

    async fn stay(&self, worker: &Worker) -> Result<bool> {
        let worker = worker.clone();
        self.thread.write(move |tx| at_once(claim::stay(tx, &worker))).await
    }

    async fn leave(&self, worker: &Worker) -> Result<()> {
        let worker = worker.clone();
        self.thread.write(move |tx| at_once(claim::leave(tx, &worker))).await
    }

    async fn sweep(&self, terms: &Terms) -> Result<Vec<Event>> {
        let terms = *terms;
        self.thread.write(move |tx| at_once(sweep::sweep(tx, &terms))).await
    }

    async fn act(&self, action: Action, letter: LetterId, address: Option<&str>) -> Result<Vec<Event>> {
        let address = address.map(str::to_owned);
        self.thread.write(move |tx| at_once(act::act(tx, action, letter, address.as_deref()))).await
    }

    async fn list(&self, state: Option<State>, after: LetterId, most: usize) -> Result<Vec<Entry>> {
        self.thread.read(move |tx| at_once(look::list(tx, state, after, most))).await
    }

    async fn entry(&self, letter: LetterId) -> Result<Option<Entry>> {
        self.thread.read(move |tx| at_once(look::entry(tx, letter))).await
    }

    async fn message(&self, letter: LetterId) -> Result<Option<Bytes>> {
        self.thread.read(move |tx| at_once(look::message(tx, letter))).await
    }

    async fn counts(&self) -> Result<Vec<Count>> {
        self.thread.read(|tx| at_once(look::counts(tx))).await
    }

    async fn events(&self, letter: Option<LetterId>, after: i64, most: usize) -> Result<Vec<Event>> {
        self.thread.read(move |tx| at_once(look::events(tx, letter, after, most))).await
    }
}

impl fmt::Debug for SqliteOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOutbox").field("place", &self.thread.place()).finish_non_exhaustive()
    }
}
