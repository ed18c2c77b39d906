//! SMTP without I/O: what bytes mean and what bytes to say.

mod capabilities;
mod command;
mod decimal;
mod dsn;
mod flow;
mod flow_ending;
mod flow_replies;
mod flow_state;
mod hello;
mod parameters;
mod queue;
mod recent;
mod refusal;
mod reply;
mod reply_reader;
mod transaction;

pub use capabilities::Capabilities;
pub(crate) use command::EnvelopeLines;
pub(crate) use dsn::{NotifyWord, RetWord};
pub(crate) use flow::Flow;
pub(crate) use flow_state::{News, Plan, Stage};
pub(crate) use hello::is_hello_name;
pub use parameters::MailParameters;
pub(crate) use queue::{Command, ReplyQueue};
pub(crate) use refusal::refusal;
pub(crate) use reply::SmtpReply;
pub(crate) use reply_reader::{LINE, ReplyFault, ReplyLine, ReplyReader};
pub(crate) use transaction::{Step, Transaction};
