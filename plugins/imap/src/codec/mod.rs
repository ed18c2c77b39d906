//! The protocol without I/O: bytes to responses, calls to bytes. Nothing here waits.

mod command;
mod fault;
mod fetch;
mod framer;
mod lexer;
mod response;
mod set;
mod utf7;

pub(crate) use command::{Command, Literals, Part, Syntax, check_mailbox};
pub(crate) use fault::Fault;
pub(crate) use fetch::{BodyItem, Fetch};
pub(crate) use framer::{Event, Framer};
pub(crate) use response::{Code, Listed, NamespaceItem, Response, Status, parse};
pub(crate) use set::UidSet;
pub(crate) use utf7::decode as decode_mailbox;
