//! What outlives a process: the [`ledger`] of handled messages and the [`outbox`] of messages to be sent.

pub mod ledger;
pub mod outbox;
