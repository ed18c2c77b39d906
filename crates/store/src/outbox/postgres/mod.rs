//! An outbox in a PostgreSQL database, for workers on many machines.
//!
//! Who has which message is decided by row locks; who is alive, by the database's clock. There is no service of our
//! own, and nothing is asked of the database but tables.
//!
//! | file | what is in it |
//! |---|---|
//! | `mod.rs` | [`PostgresOutbox`], [`enqueue_in`] |
//! | `transaction.rs` | statements in one transaction |
//! | `thread.rs` | the thread that has the connection, and commits for many at once |
//! | `fault.rs` | what PostgreSQL says, in our words |

mod fault;
mod thread;
mod transaction;

pub use tokio_postgres; // what `enqueue_in` takes a transaction of

use super::letter::Letter;
use super::{
    Action, Attempt, Claims, Count, Entry, Event, Fault, LetterId, Settled, State, Storage, Terms, Worker,
    act, claim, look, put, settle, sweep,
};
use async_trait::async_trait;
use bytes::Bytes;
use postrider_core::Result;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use thread::Thread;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls, Socket};
use transaction::Tx;

/// An outbox in a PostgreSQL database. A thread of its own has the connection: no call blocks, and none needs a runtime.
/// A connection that breaks is made anew with the next call.
///
/// A call whose connection breaks at its commit may have taken effect although it is told as failed. What a worker does
/// stands that; a message that is put in so may be in twice if it is put in again.
pub struct PostgresOutbox {
    thread: Thread,
}

impl PostgresOutbox {
    /// Connects without TLS: over a Unix socket, or in a network of one's own. `url` is a `postgres://` URL or a text of
    /// `key=value` words, as libpq has them; its password is never shown.
    ///
    /// # Errors
    /// `Configuration` if the text can't be read, or the database not be reached; `Unsupported` if a later version made
    /// its tables. Each has a [`Fault`] as its source but the last.
    ///
    /// # Cancellation
    /// The tables may have been made.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, NoTls).await
    }

    /// Connects with TLS of the host's choice, where the URL's `sslmode` says so.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancellation
    /// As [`connect`](Self::connect).
    pub async fn connect_with<T>(url: &str, tls: T) -> Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        // What the parser says may repeat the text.
        let config: Config = url
            .parse()
            .map_err(|_| Fault::Unopened.error("in PostgreSQL", "the URL of the database can't be read"))?;
        let thread = Thread::start(config, tls)?;
        thread.make().await?;
        Ok(Self { thread })
    }

    /// The number of its connection's process on the server, to be found in `pg_stat_activity`.
    ///
    /// # Errors
    /// What the database fails by.
    ///
    /// # Cancellation
    /// Nothing has changed.
    pub async fn connection(&self) -> Result<i32> {
        use super::sql::Sql;
        let rows = self.thread.give((), |tx, ()| Box::pin(tx.query("SELECT pg_backend_pid()", &[]))).await?;
        let pid = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok(i32::try_from(pid).unwrap_or(0))
    }

    /// Lets its clock go ahead of the database's by so much: for tests of what time does.
    pub fn go_ahead(&self, time: Duration) {
        self.thread.ahead().fetch_add(super::sql::Value::ms(time), std::sync::atomic::Ordering::Relaxed);
    }
}

/// Puts a message in by a transaction of the host's: it goes out if and only if that commits. The tables are made by
/// [`PostgresOutbox::connect`], once.
///
/// # Errors
/// What the database fails by. The transaction can only be rolled back then.
///
/// # Cancellation
/// The transaction should be rolled back.
pub async fn enqueue_in(transaction: &tokio_postgres::Transaction<'_>, letter: &Letter) -> Result<LetterId> {
    put::put(&Tx::of_host(transaction, &Arc::new(AtomicI64::new(0))), letter).await
}

#[async_trait]
impl Storage for PostgresOutbox {
    async fn enqueue(&self, letter: &Letter) -> Result<LetterId> {
        self.thread.give(letter.clone(), |tx, letter| Box::pin(put::put(tx, letter))).await
    }

    async fn claim(&self, worker: &Worker, most: usize) -> Result<Claims> {
        self.thread
            .give((worker.clone(), most), |tx, (worker, most)| Box::pin(claim::claim(tx, worker, *most)))
            .await
    }

    async fn begin(&self, attempt: &Attempt) -> Result<Bytes> {
        self.thread.give(attempt.clone(), |tx, attempt| Box::pin(claim::begin(tx, attempt))).await
    }

    async fn settle(&self, attempt: &Attempt, results: &[Settled], terms: &Terms) -> Result<Vec<Event>> {
        let all = (attempt.clone(), results.to_vec(), *terms);
        self.thread
            .give(all, |tx, (attempt, results, terms)| Box::pin(settle::settle(tx, attempt, results, terms)))
            .await
    }

    async fn stay(&self, worker: &Worker) -> Result<bool> {
        self.thread.give(worker.clone(), |tx, worker| Box::pin(claim::stay(tx, worker))).await
    }

    async fn leave(&self, worker: &Worker) -> Result<()> {
        self.thread.give(worker.clone(), |tx, worker| Box::pin(claim::leave(tx, worker))).await
    }

    async fn sweep(&self, terms: &Terms) -> Result<Vec<Event>> {
        self.thread.give(*terms, |tx, terms| Box::pin(sweep::sweep(tx, terms))).await
    }

    async fn act(&self, action: Action, letter: LetterId, address: Option<&str>) -> Result<Vec<Event>> {
        let all = (action, letter, address.map(str::to_owned));
        self.thread
            .give(all, |tx, (action, letter, address)| {
                Box::pin(act::act(tx, *action, *letter, address.as_deref()))
            })
            .await
    }

    async fn list(&self, state: Option<State>, after: LetterId, most: usize) -> Result<Vec<Entry>> {
        let all = (state, after, most);
        self.thread
            .give(all, |tx, (state, after, most)| Box::pin(look::list(tx, *state, *after, *most)))
            .await
    }

    async fn entry(&self, letter: LetterId) -> Result<Option<Entry>> {
        self.thread.give(letter, |tx, letter| Box::pin(look::entry(tx, *letter))).await
    }

    async fn message(&self, letter: LetterId) -> Result<Option<Bytes>> {
        self.thread.give(letter, |tx, letter| Box::pin(look::message(tx, *letter))).await
    }

    async fn counts(&self) -> Result<Vec<Count>> {
        self.thread.give((), |tx, ()| Box::pin(look::counts(tx))).await
    }

    async fn events(&self, letter: Option<LetterId>, after: i64, most: usize) -> Result<Vec<Event>> {
        let all = (letter, after, most);
        self.thread
            .give(all, |tx, (letter, after, most)| Box::pin(look::events(tx, *letter, *after, *most)))
            .await
    }
}

impl fmt::Debug for PostgresOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOutbox").field("place", &self.thread.place()).finish_non_exhaustive()
    }
}
