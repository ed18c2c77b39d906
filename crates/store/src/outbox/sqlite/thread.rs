//! The thread that has the database, and commits for many at once.

use super::transaction::{Tx, at_once};
use super::{Clock, fault, schema};
use crate::outbox::Fault;
use postrider_core::Result;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long another process or the host's own transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most that is committed together.
const TOGETHER: usize = 64;

/// Who has the database.
pub(super) struct Thread {
    way: Way,
    place: String,
}

enum Way {
    Jobs(Sender<Box<dyn Job>>),
    Inline(Box<Mutex<Database>>),
}

struct Database {
    connection: Connection,
    place: String,
    clock: Clock,
}

/// Something to be done in a transaction, and told once that is committed.
trait Job: Send {
    fn only_reads(&self) -> bool;
    /// Does it; false if what it changed is to be undone.
    fn work(&mut self, tx: &Tx<'_>) -> bool;
    /// Tells how it went, unless the commit failed.
    fn answer(self: Box<Self>, commit: Result<()>);
}

struct Task<T, F> {
    only_reads: bool,
    work: Option<F>,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Tx<'_>) -> Result<T> + Send> Job for Task<T, F> {
    fn only_reads(&self) -> bool {
        self.only_reads
    }

    fn work(&mut self, tx: &Tx<'_>) -> bool {
        self.outcome = self.work.take().map(|work| work(tx));
        self.outcome.as_ref().is_some_and(Result::is_ok)
    }

    fn answer(self: Box<Self>, commit: Result<()>) {
        let outcome = match (self.outcome, commit) {
            // What went wrong first says more.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => return,
        };
        let _ = self.answer.send(outcome);
    }
}

impl Thread {
    pub(super) fn start(connection: Connection, place: String, clock: Clock) -> Result<Self> {
        let (jobs, waiting) = channel();
        let database = Database { connection, place: place.clone(), clock };
        std::thread::Builder::new()
            .name("postrider-outbox".into())
            .spawn(move || database.serve(&waiting))
            .map_err(|e| Fault::Other.error(&place, &format!("no thread for it: {e}")))?;
        Ok(Self { way: Way::Jobs(jobs), place })
    }

    pub(super) fn inline(connection: Connection, place: String, clock: Clock) -> Self {
        let database = Database { connection, place: place.clone(), clock };
        Self { way: Way::Inline(Box::new(Mutex::new(database))), place }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.give(false, work).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.give(true, work).await
    }

    async fn give<T: Send + 'static>(
        &self,
        only_reads: bool,
        work: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let task = Box::new(Task { only_reads, work: Some(work), outcome: None, answer });
        match &self.way {
            Way::Jobs(jobs) => drop(jobs.send(task)),
            Way::Inline(database) => {
                database.lock().unwrap_or_else(PoisonError::into_inner).together(vec![task]);
            }
        }
        answered.await.unwrap_or_else(|_| Err(Fault::Other.error(&self.place, "its thread has ended")))
    }
}

impl Database {
    fn serve(&self, waiting: &Receiver<Box<dyn Job>>) {
        while let Ok(job) = waiting.recv() {
            let mut jobs = vec![job];
            while jobs.len() < TOGETHER {
                let Ok(job) = waiting.try_recv() else { break };
                jobs.push(job);
            }
            self.together(jobs);
        }
    }

    /// Does jobs in one transaction. One that fails is undone alone; if the transaction as a whole fails, so do all.
    fn together(&self, mut jobs: Vec<Box<dyn Job>>) {
        let tx = Tx { connection: &self.connection, place: &self.place, clock: &self.clock };
        let begin = if jobs.iter().all(|job| job.only_reads()) { "BEGIN" } else { "BEGIN IMMEDIATE" };
        let committed = self.in_transaction(begin, || {
            for job in &mut jobs {
                self.connection.execute_batch("SAVEPOINT job")?;
                let undo = if job.work(&tx) { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
                // A full disk may have undone it all: then this fails, and everybody hears of it.
                self.connection.execute_batch(undo)?;
            }
            Ok(())
        });
        let failed = committed.err().map(|error| (fault::kind(&error), error.to_string()));
        for job in jobs {
            job.answer(match &failed {
                None => Ok(()),
                Some((kind, text)) => Err(kind.error(&self.place, text)),
            });
        }
    }

    fn in_transaction(
        &self,
        begin: &str,
        work: impl FnOnce() -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        self.connection.execute_batch(begin)?;
        let outcome = work().and_then(|()| self.connection.execute_batch("COMMIT"));
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        outcome
    }
}

/// Opens the file and makes it ready.
pub(super) fn open(path: &Path, place: &str) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    make_private(path);
    let connection = Connection::open_with_flags(path, flags).map_err(|e| fault::told(place, &e))?;
    prepare(&connection, place)?;
    Ok(connection)
}

/// Makes a file that is not there for its owner alone: it holds other people's mail. SQLite gives the files it puts
/// beside it the same permissions. What fails here fails again when it is opened, and is told then.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// Sets the connection up, and makes the tables unless they are there.
pub(super) fn prepare(connection: &Connection, place: &str) -> Result<()> {
    let set = || {
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL")
    };
    set().map_err(|e| fault::told(place, &e))?;
    create(connection, place)
}

/// Makes the tables unless they are there, and refuses those of a later version.
pub(super) fn create(connection: &Connection, place: &str) -> Result<()> {
    // Looked for first: who only looks at an outbox should not wait for who writes to it.
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'postrider_outbox_schema_version'";
    let there = connection.prepare(sql).and_then(|mut found| found.exists([]));
    if !there.map_err(|e| fault::told(place, &e))? {
        let statements = schema::statements("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB");
        let all = format!("SAVEPOINT made; {}; RELEASE made", statements.join("; "));
        connection.execute_batch(&all).map_err(|e| fault::told(place, &e))?;
    }
    let clock: Clock = std::sync::Arc::new(std::time::SystemTime::now);
    at_once(schema::check(&Tx { connection, place, clock: &clock }))
}
