//! Which messages were handled: what keeps a message from being handed over twice, whatever stops in between.
//!
//! The order that loses nothing and repeats nothing is fixed: a message is handed over, its key is
//! [recorded](Ledger::record) durably, and only then it is settled on the server. A message that is still there
//! although it is recorded is settled without being handed over again.
//!
//! | where | handed over | installed |
//! |---|---|---|
//! | [`SqliteLedger`], by the watch | at least once: the one that was in the handler when the process was killed comes again | nothing |
//! | [`SqliteLedger`], by the host's transaction ([`sqlite::record_in`]) | with effect once: handling and key are one transaction | nothing |
//! | [`PostgresLedger`], by the watch | as above; many processes, one of which has the mailbox | the database the host has |
//! | [`PostgresLedger`], by the host's transaction ([`postgres::record_in`]) | with effect once, for all processes together | the same |
//!
//! | file | what is in it |
//! |---|---|
//! | `key` | [`MessageKey`], [`Fingerprint`]: what tells one message from another |
//! | `entry` | [`Entry`], [`State`]: what is known of a message |
//! | `lease` | [`Lease`], [`Claim`]: a mailbox is one process's at a time |
//! | `error` | [`LedgerError`] |
//! | `memory` | [`MemoryLedger`], for the tests of programs |
//! | `sqlite/` | a file, bundled SQLite |
//! | `postgres/` | tables in a database that many share |

mod entry;
mod error;
mod key;
mod lease;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use entry::{Entry, Recorded, State};
pub use error::{LedgerError, LedgerErrorKind};
pub use key::{Fingerprint, Hasher, MessageKey};
pub use lease::{Claim, Lease, LeaseEnd};
pub use memory::MemoryLedger;
#[cfg(feature = "postgres")]
pub use postgres::PostgresLedger;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;

use async_trait::async_trait;
use postrider_core::MessageId;

/// A result of a ledger.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// Remembers which messages were handled.
///
/// Every call is durable when it returns, but for [`begin`](Self::begin). None needs a runtime of the caller's.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes a mailbox for this process. Its name is the host's to choose: the same for all processes that watch it.
    ///
    /// # Errors
    /// `InUse` if this process has it already; anything a ledger can fail by.
    ///
    /// # Cancellation
    /// A lease that nobody gets is given back or ends by itself.
    async fn claim(&self, mailbox: &str) -> Result<Claim>;

    /// What is known of these keys of the mailbox, in their order.
    ///
    /// # Errors
    /// Anything a ledger can fail by.
    ///
    /// # Cancellation
    /// Nothing has changed.
    async fn entries(&self, lease: &Lease, ids: &[MessageId]) -> Result<Vec<Option<Entry>>>;

    /// Looks for a message by its content where its key can't tell: it has no lasting one, or the mailbox has been
    /// rebuilt since (its UIDVALIDITY is another one). What is found is that message's from now on, so that of two
    /// messages with the same content one is found for each that was handled.
    ///
    /// Only entries of another generation are looked at, and those without a lasting key.
    ///
    /// # Errors
    /// `Lost` if the lease is another's; anything a ledger can fail by.
    ///
    /// # Cancellation
    /// The entry may have been taken over.
    async fn recognise(&self, lease: &Lease, key: &MessageKey) -> Result<Option<Entry>>;

    /// True if what is written down under this key is of this content: a server may give the key of a message that is
    /// gone to another one, against its protocol. False if nothing is written down.
    ///
    /// # Errors
    /// Anything a ledger can fail by.
    ///
    /// # Cancellation
    /// Nothing has changed.
    async fn is_of(&self, lease: &Lease, key: &MessageKey) -> Result<bool>;

    /// Counts an attempt, before the message is handed over. Survives the end of the process; after a power cut the
    /// count may be smaller.
    ///
    /// # Errors
    /// `Lost` if the lease is another's; anything a ledger can fail by. Then the message must not be handed over.
    ///
    /// # Cancellation
    /// The attempt may have been counted.
    async fn begin(&self, lease: &Lease, key: &MessageKey) -> Result<Entry>;

    /// Counts a failure of an attempt that has begun; the reason is for people.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    ///
    /// # Cancellation
    /// The failure may have been counted.
    async fn fail(&self, lease: &Lease, key: &MessageKey, reason: &str) -> Result<Entry>;

    /// An attempt that has begun is none: the handler wants the message later.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    ///
    /// # Cancellation
    /// The attempt may have been taken back.
    async fn postpone(&self, lease: &Lease, key: &MessageKey) -> Result<()>;

    /// Writes down what became of a message, unless that has been done.
    ///
    /// # Errors
    /// `Lost` if the lease is another's, and the message is that one's to handle; anything a ledger can fail by. Then
    /// the message must not be settled.
    ///
    /// # Cancellation
    /// It may have been written down.
    async fn record(&self, lease: &Lease, key: &MessageKey, state: State, reason: &str) -> Result<Recorded>;

    /// Forgets what is not among these keys, which are all that the mailbox holds, and was neither changed nor among
    /// them for `days`; what is without a lasting key counts as among them when it was
    /// [recognised](Self::recognise). Gives how many.
    ///
    /// # Errors
    /// Anything a ledger can fail by.
    ///
    /// # Cancellation
    /// Nothing or all of it is forgotten.
    async fn forget(&self, lease: &Lease, held: &[MessageId], days: u32) -> Result<u64>;
}
