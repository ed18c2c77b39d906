//! The thread that has the database.

use super::lock::Lock;
use super::{errors, statements};
use crate::ledger::{LedgerError, LedgerErrorKind, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a host's transaction on the same file is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// A thread that does one job after the other. Dropped, it does what it was given, closes the file and ends: whoever
/// opens the file after that finds it free.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    place: String,
}

struct Database {
    connection: Connection,
    // Whether a commit waits for the disk.
    durable: bool,
    // Dropped after the connection: nobody else opens the file before it is closed.
    _lock: Lock,
}

impl Worker {
    pub(super) fn start(path: &Path, lock: Lock) -> Result<Self> {
        let place = path.display().to_string();
        let connection = open(path).map_err(|e| errors::told(&place, e))?;
        check(&connection, &place)?;
        let mut database = Database { connection, durable: true, _lock: lock };
        let (jobs, waiting) = mpsc::channel::<Job>();
        let work = move || {
            while let Ok(job) = waiting.recv() {
                job(&mut database);
            }
        };
        let started = std::thread::Builder::new().name("postrider-ledger".into()).spawn(work);
        match started {
            Ok(thread) => Ok(Self { jobs: Some(jobs), thread: Some(thread), place }),
            Err(error) => {
                let what = format!("no thread for it: {error}");
                Err(LedgerError::new(LedgerErrorKind::Unreachable, place, what).with_source(error))
            }
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Does a job in a transaction of its own; what is not durable survives the process, not the power.
    ///
    /// # Cancellation
    /// The job is done all the same.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        durable: bool,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |database: &mut Database| {
            let _ = answer.send(database.transact(durable, job));
        });
        let gone = || LedgerError::new(LedgerErrorKind::Unreachable, &self.place, "its thread has ended");
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.map_err(|e| errors::told(&self.place, e))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by its panic message, and there is nothing to be done about it here.
            let _ = thread.join();
        }
    }
}

impl Database {
    fn transact<T>(
        &mut self,
        durable: bool,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if durable != self.durable {
            let level = if durable { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.durable = durable;
        }
        // At once for writing: to become a writer later could fail for a reader who came before.
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = job(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(statements::TABLES)?;
    transaction.commit()?;
    Ok(connection)
}

/// Looks through the file: better now than in the middle of the work.
fn check(connection: &Connection, place: &str) -> Result<()> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|e| errors::told(place, e))?;
    match found.as_str() {
        "ok" => Ok(()),
        what => {
            let what = format!("it is damaged ({})", what.escape_debug());
            Err(LedgerError::new(LedgerErrorKind::Corrupt, place, what))
        }
    }
}
