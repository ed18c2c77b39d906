//! The protocol without I/O: bytes to responses, calls to bytes. Nothing here waits.

mod command;
mod fault;
mod fetch;
mod framer;
mod lexer;
mod line;
mod quick;
mod response;
mod set;
mod status;
mod utf7;

pub(crate) use command::{Command, Syntax, flag_list, has_control};
pub(crate) use fault::Fault;
pub(crate) use fetch::BodyItem;
pub(crate) use framer::{Event, Framer, Head};
pub(crate) use response::{Listed, NamespaceItem, Response, parse};
pub(crate) use set::UidSet;
pub(crate) use status::{Code, Status, StatusKind, refusal_kind};
pub(crate) use utf7::decode as decode_mailbox;
