//! SMTP without I/O: what bytes mean and what bytes to say.

mod capabilities;
mod command;
mod decimal;
mod dsn;
mod flow;
mod flow_ending;
mod flow_replies;
mod parameters;
mod queue;
mod refusal;
mod reply;
mod transaction;

pub use capabilities::Capabilities;
pub(crate) use command::{EnvelopeLines, is_hello_name};
pub(crate) use dsn::{NotifyWord, RetWord};
pub(crate) use flow::{Flow, News, Plan, Stage};
pub use parameters::MailParameters;
pub(crate) use queue::{Command, ReplyQueue};
pub(crate) use refusal::refusal;
pub(crate) use reply::{LINE, ReplyFault, ReplyLine, ReplyReader, SmtpReply};
pub(crate) use transaction::{Step, Transaction};
