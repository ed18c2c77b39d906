//! A ledger in PostgreSQL: many processes, on many machines, over the database they have already.
//!
//! A lease gives each mailbox to one process at a time. It is a row with the time at which it ends, by the database's
//! clock; its holder renews it three times as often as it would end, and when the holder dies the next one has the
//! mailbox within [`LEASE`]. Its number grows with each holder, and what an earlier one still writes is refused.
//!
//! A handler can [record](record_in) the key in the transaction it does its work in, on a connection of its own to
//! the same database: then a message has its effect once, whatever dies when, for a key can be written once.

mod connection;
mod errors;
mod lease;
mod statements;
mod worker;

pub use tokio_postgres;

use super::{Claim, Entry, Lease, Ledger, LedgerError, LedgerErrorKind, MessageKey, Recorded, Result, State};
use async_trait::async_trait;
use connection::Connector;
use postrider_core::MessageId;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Socket, Transaction};
use worker::Worker;

/// How long a lease lasts that nobody renews: so long after its holder died a mailbox is another's.
pub const LEASE: Duration = Duration::from_secs(6);

/// A ledger in a database. Clones share it and its two connections; the last one gives its leases back.
#[derive(Clone)]
pub struct PostgresLedger(Arc<Worker>);

impl PostgresLedger {
    /// A ledger in the database of this URL, or `key=value` text, over a Unix socket or to this machine. Its tables
    /// are made if they are not there: `postrider_ledger` and `postrider_lease`, where the search path says.
    ///
    /// A thread of its own does the work, so that no runtime of the host's is needed.
    ///
    /// # Errors
    /// `Unreachable` if it can't be reached, or is on another machine: to such a one a password would go in the
    /// clear. Use [`connect_with`](Self::connect_with), or say `sslmode=disable` if that is meant.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    pub async fn connect(url: &str) -> Result<Self> {
        let config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            LedgerError::new(
                LedgerErrorKind::Unreachable,
                "PostgreSQL",
                format!("this is no address of it ({error})"),
            )
        })?;
        let is_local = |host: &Host| match host {
            Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        if config.get_ssl_mode() != SslMode::Disable && !config.get_hosts().iter().all(is_local) {
            let what = "the connection to it would not be encrypted";
            return Err(LedgerError::new(LedgerErrorKind::Unreachable, connection::place(&config), what));
        }
        Self::connect_with(config, NoTls).await
    }

    /// The same with TLS of the host's choice, `tokio-postgres-rustls` for instance.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancellation
    /// Nothing is left behind.
    pub async fn connect_with<T>(config: Config, tls: T) -> Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let worker = Worker::start(Connector::new(config, tls))?;
        worker.durable(|line| Box::pin(line.make_tables())).await?;
        Ok(Self(Arc::new(worker)))
    }

    /// The database, for people; without a password.
    pub fn place(&self) -> &str {
        self.0.place()
    }
}

impl std::fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresLedger").field(&self.place()).finish()
    }
}

/// Records that a message was handled in a transaction of the host's, in the database the ledger is in: the work and
/// the key are there together or not at all. If another process is recording the same message this waits for its
/// end.
///
/// # Errors
/// `Lost` if the mailbox is another process's by now; anything a ledger can fail by. The transaction should be rolled
/// back then, as it should for [`Recorded::Already`].
///
/// # Cancellation
/// The transaction can't be used any more, as with every statement of it.
pub async fn record_in(transaction: &Transaction<'_>, key: &MessageKey) -> Result<Recorded> {
    let place = "PostgreSQL";
    let (id, print, state) = (key.id.as_str(), key.fingerprint.as_bytes().as_slice(), State::Done.number());
    let values: [&(dyn ToSql + Sync); 7] =
        [&key.mailbox, &id, &key.generation, &print, &key.token, &state, &""];
    let recorded = transaction.query_one(statements::RECORD, &values).await;
    let row = recorded.map_err(|e| errors::told(place, e))?;
    statements::was_recorded(place, key, &row)
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn claim(&self, mailbox: &str) -> Result<Claim> {
        lease::claim(&self.0, mailbox).await
    }

    async fn entries(&self, lease: &Lease, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        let mailbox = lease.mailbox().to_owned();
        let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        self.0.quick(move |line| Box::pin(line.entries(mailbox, ids))).await
    }

    async fn recognise(&self, _: &Lease, key: &MessageKey) -> Result<Option<Entry>> {
        let key = key.clone();
        self.0.durable(move |line| Box::pin(line.recognise(key))).await
    }

    async fn is_of(&self, _: &Lease, key: &MessageKey) -> Result<bool> {
        let key = key.clone();
        self.0.quick(move |line| Box::pin(line.is_of(key))).await
    }

    async fn begin(&self, _: &Lease, key: &MessageKey) -> Result<Entry> {
        let key = key.clone();
        self.0.quick(move |line| Box::pin(line.begin(key))).await
    }

    async fn fail(&self, _: &Lease, key: &MessageKey, reason: &str) -> Result<Entry> {
        let (key, reason) = (key.clone(), reason.to_owned());
        self.0.durable(move |line| Box::pin(line.fail(key, reason))).await
    }

    async fn postpone(&self, _: &Lease, key: &MessageKey) -> Result<()> {
        let key = key.clone();
        self.0.quick(move |line| Box::pin(line.postpone(key))).await
    }

    async fn record(&self, _: &Lease, key: &MessageKey, state: State, reason: &str) -> Result<Recorded> {
        let (key, reason) = (key.clone(), reason.to_owned());
        self.0.durable(move |line| Box::pin(line.record(key, state, reason))).await
    }

    async fn forget(&self, lease: &Lease, held: &[MessageId], days: u32) -> Result<u64> {
        let mailbox = lease.mailbox().to_owned();
        let held: Vec<String> = held.iter().map(|id| id.as_str().to_owned()).collect();
        self.0.durable(move |line| Box::pin(line.forget(mailbox, held, days))).await
    }
}
