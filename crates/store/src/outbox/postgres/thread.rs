//! The thread that has the connection, and commits for many at once.

use super::fault;
use super::transaction::{Prepared, Tx};
use crate::outbox::{Fault, schema};
use postrider_core::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, IsolationLevel, Socket};

/// Most that is committed together.
const TOGETHER: usize = 64;
/// How often what two workers did to each other is tried again.
const TRIES: u32 = 5;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// What is told as recorded is on disk, also in a database that does not wait for its disk by default: a forgotten
/// *sending* would be sent again.
const DURABLE: &str = "SELECT pg_catalog.set_config('synchronous_commit', 'on', false) \
                       WHERE pg_catalog.current_setting('synchronous_commit') = 'off'";
/// How long a server may be silent before the connection counts as broken, unless the URL says something else.
const SILENCE: Duration = Duration::from_secs(30);
/// A number for the lock under which tables are made; nobody else's is likely to be the same.
const MAKING: i64 = 0x706f_7374_7269_6465;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Something to be done in a transaction, perhaps more than once, and told once that is committed.
trait Job: Send {
    /// Does it; false if what it changed is to be undone.
    fn work<'a>(&'a mut self, tx: &'a Tx<'a>) -> Boxed<'a, Result<(), Fault>>;
    /// Tells how it went, unless the commit failed.
    fn answer(self: Box<Self>, commit: Result<()>);
}

/// What is to be done with these values.
type Work<A, T> = for<'a> fn(&'a Tx<'a>, &'a A) -> Boxed<'a, Result<T>>;

struct Task<A, T> {
    values: A,
    work: Work<A, T>,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<A: Send, T: Send> Job for Task<A, T> {
    fn work<'a>(&'a mut self, tx: &'a Tx<'a>) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            let outcome = (self.work)(tx, &self.values).await;
            let fault = outcome.as_ref().err().map(|e| Fault::of(e).unwrap_or(Fault::Other));
            self.outcome = Some(outcome);
            fault.map_or(Ok(()), Err)
        })
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

pub(super) struct Thread {
    jobs: mpsc::UnboundedSender<Box<dyn Job>>,
    place: Arc<str>,
    ahead: Arc<AtomicI64>,
}

impl Thread {
    pub(super) fn start<T>(config: Config, tls: T) -> Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let place: Arc<str> = place_of(&config).into();
        let mut config = config;
        // A machine that is gone says nothing: without this every call would wait for hours.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(SILENCE));
        let failed = |e: std::io::Error| Fault::Other.error(&place, &format!("no thread for it: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let ahead = Arc::new(AtomicI64::new(0));
        let mut connection = Connection {
            config,
            tls,
            place: Arc::clone(&place),
            ahead: Arc::clone(&ahead),
            client: None,
            prepared: Prepared::default(),
        };
        std::thread::Builder::new()
            .name("postrider-outbox".into())
            .spawn(move || runtime.block_on(connection.serve(waiting)))
            .map_err(failed)?;
        Ok(Self { jobs, place, ahead })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn ahead(&self) -> &AtomicI64 {
        &self.ahead
    }

    /// Makes the tables unless they are there, and refuses those of a later version.
    pub(super) async fn make(&self) -> Result<()> {
        self.give((), |tx, ()| Box::pin(make(tx))).await
    }

    pub(super) async fn give<A: Send + 'static, T: Send + 'static>(
        &self,
        values: A,
        work: Work<A, T>,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(Box::new(Task { values, work, outcome: None, answer }));
        answered.await.unwrap_or_else(|_| Err(Fault::Other.error(&self.place, "its thread has ended")))
    }
}

async fn make(tx: &Tx<'_>) -> Result<()> {
    use crate::outbox::sql::Sql;
    let sql = "SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass('postrider_outbox_worker')";
    if tx.query(sql, &[]).await?.is_empty() {
        // Two that make the same table at the same time would fail, although each only wants it to be there.
        tx.query("SELECT CAST(pg_advisory_xact_lock(?1) AS TEXT)", &[MAKING.into()]).await?;
        for statement in schema::statements("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BYTEA") {
            tx.run(&statement, &[]).await?;
        }
    }
    schema::check(tx).await
}

/// Why jobs were not committed.
enum Failure {
    /// One of them failed, and knows why.
    Work(Fault),
    /// The transaction did.
    Transaction(Fault, String),
}

struct Connection<T> {
    config: Config,
    tls: T,
    place: Arc<str>,
    ahead: Arc<AtomicI64>,
    client: Option<Client>,
    prepared: Prepared,
}

impl<T> Connection<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
{
    async fn serve(&mut self, mut waiting: mpsc::UnboundedReceiver<Box<dyn Job>>) {
        while let Some(job) = waiting.recv().await {
            let mut jobs = vec![job];
            while jobs.len() < TOGETHER {
                let Ok(job) = waiting.try_recv() else { break };
                jobs.push(job);
            }
            if jobs.len() > 1 {
                match self.together(&mut jobs).await {
                    // One of them can't be done, and the others are not to suffer for it.
                    Err(Failure::Work(_)) => {}
                    done => {
                        jobs.drain(..).for_each(|job| job.answer(self.told(&done)));
                    }
                }
            }
            for mut job in jobs {
                let mut tries = 1;
                let done = loop {
                    match self.together(std::slice::from_mut(&mut job)).await {
                        // Two workers stood in each other's way: nothing was changed.
                        Err(Failure::Work(Fault::Busy)) if tries < TRIES => tries += 1,
                        // It says itself what it was.
                        Err(Failure::Work(_)) => break Ok(()),
                        done => break done,
                    }
                };
                job.answer(self.told(&done));
            }
        }
    }

    fn told(&self, done: &Result<(), Failure>) -> Result<()> {
        match done {
            Err(Failure::Transaction(fault, said)) => Err(fault.error(&self.place, said)),
            _ => Ok(()),
        }
    }

    /// Does jobs in one transaction: all of them or none.
    async fn together(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let place = Arc::clone(&self.place);
        let told = |e: tokio_postgres::Error| {
            let error = fault::told(&place, &e);
            Failure::Transaction(Fault::of(&error).unwrap_or(Fault::Other), error.message().to_owned())
        };
        self.connect().await.map_err(|e| Failure::Transaction(Fault::Unopened, e.message().to_owned()))?;
        let Some(client) = &mut self.client else {
            return Err(Failure::Transaction(Fault::Unopened, "no connection".into()));
        };
        // The rules lock what they change, and are made for this level; the database's own default may be another.
        let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = transaction.start().await.map_err(told)?;
        let tx = Tx::new(&transaction, &self.prepared, &self.place, &self.ahead);
        for job in jobs {
            if let Err(fault) = job.work(&tx).await {
                drop(tx);
                // If that fails too, the connection is gone, and the transaction with it.
                let _ = transaction.rollback().await;
                return Err(Failure::Work(fault));
            }
        }
        drop(tx);
        transaction.commit().await.map_err(told)
    }

    async fn connect(&mut self) -> Result<(), Error> {
        if self.client.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        self.prepared = Prepared::default();
        let connecting = tokio::time::timeout(PATIENCE, self.config.connect(self.tls.clone()));
        let connected =
            connecting.await.map_err(|_| Fault::Unopened.error(&self.place, "it does not answer"))?;
        let (client, connection) = connected.map_err(|e| {
            let said = fault::told(&self.place, &e);
            Fault::Unopened.error(&self.place, said.message())
        })?;
        // It ends with its client.
        tokio::spawn(connection);
        let durable = tokio::time::timeout(PATIENCE, client.batch_execute(DURABLE)).await;
        let durable = durable.map_err(|_| Fault::Unopened.error(&self.place, "it does not answer"))?;
        durable.map_err(|e| fault::told(&self.place, &e))?;
        self.client = Some(client);
        Ok(())
    }
}

/// Where it is, for people; never with the password.
fn place_of(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    format!("in PostgreSQL at {host}, database {}", config.get_dbname().or(config.get_user()).unwrap_or("?"))
}
