//! Messages that wait to be sent, durably, and what became of each for each recipient.
//!
//! Here is where they are kept and by which rules they go from state to state; the workers that send them are
//! `postrider::Outbox`. The order that loses nothing and sends nothing twice is fixed: a message is *claimed*, recorded
//! as *sending*, and only then a transport can have its end; what becomes of it is recorded last. Whoever finds a
//! message of a dead worker knows by that whether it may have been accepted.
//!
//! | where | who may work on it | installed |
//! |---|---|---|
//! | [`SqliteOutbox`] | processes of one machine | nothing |
//! | [`PostgresOutbox`] (feature `postgres`) | many machines | the database the host has |
//!
//! Both take a message in a transaction of the host's (`enqueue_in`): it goes out if and only if that commits.
//!
//! | file | what is in it |
//! |---|---|
//! | `letter`, `head` | [`Letter`]: a message with its envelope; its Message-ID and Date are fixed here |
//! | `state` | [`State`], [`Event`], [`Entry`] |
//! | `storage` | [`Storage`]: what a worker and a person can ask for |
//! | `put`, `claim`, `settle`, `sweep`, `act`, `look` | the rules, once for all databases |
//! | `sql`, `schema` | what they need of a database; the tables |
//! | `fault` | [`Fault`]: why a database fails |
//! | `sqlite/` | a file, bundled SQLite |
//! | `postgres/` | tables in a database that many share |

// Without a database nobody follows the rules.
#![cfg_attr(not(any(feature = "sqlite", feature = "postgres")), allow(dead_code))]

mod act;
mod claim;
mod fault;
mod head;
mod letter;
mod look;
#[cfg(feature = "postgres")]
pub mod postgres;
mod put;
mod schema;
mod settle;
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod state;
mod storage;
mod sweep;

pub use fault::Fault;
pub use letter::Letter;
#[cfg(feature = "postgres")]
pub use postgres::PostgresOutbox;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteOutbox;
pub use state::{Count, Entry, Event, LetterId, Standing, State};
pub use storage::{Action, Attempt, Claims, Next, OnUnsure, Settled, Storage, Terms, Worker};
