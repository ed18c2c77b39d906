//! SMTP without I/O: what bytes mean and what bytes to say.

mod capabilities;
mod command;
mod dsn;
mod reply;
mod transaction;

pub use capabilities::Capabilities;
pub(crate) use command::{mail_from, rcpt_to};
pub(crate) use dsn::{NotifyWord, RetWord};
pub(crate) use reply::LINE;
pub use reply::{ReplyReader, SmtpReply};
pub(crate) use transaction::{Step, Transaction, refusal};
