//! What there is to know of messages under way. Pure.

use super::{Command, Transaction};
use bytes::Bytes;
use postrider_core::{Envelope, Receipt, Result};

/// What the connection and the settings allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Commands may be said before the answers to those before them are in.
    pub(crate) pipelined: bool,
    /// Bodies go by BDAT.
    pub(crate) chunking: bool,
    /// Most messages under way.
    pub(crate) messages: usize,
    /// Most bytes of them.
    pub(crate) bytes: u64,
    /// A message may go to some of its recipients.
    pub(crate) send_partial: bool,
    /// This server has answered a group of commands as it should. Until it has, one message goes at a time: a
    /// server that does not do what it says spoils one and not a window of them.
    pub(crate) proven: bool,
    /// The connection has done its work before: if it ends now, it was not because of what was said.
    pub(crate) served: bool,
    /// The commands are wanted for a transcript.
    pub(crate) debug: bool,
}

/// What the message that was begun last waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing: the next one may begin.
    #[default]
    Idle,
    /// Some of its commands are still to be said.
    Envelope,
    /// All is said, and the answers decide.
    Answers,
    /// The body goes out.
    Body,
    /// A lone dot is to be answered.
    Dot,
}

/// News of a message.
#[derive(Debug)]
pub(crate) enum News {
    /// What became of it.
    Outcome(usize, Result<Receipt>),
    /// It can't have been taken and is to be sent again over another connection. The body is in here if it was
    /// touched.
    Again(usize, Envelope, Option<Bytes>),
}

/// A body, with another try in mind.
#[derive(Debug, Default)]
pub(super) enum Kept {
    /// The driver has it as it came.
    #[default]
    Untouched,
    /// It is in memory, whole.
    Whole(Bytes),
    /// It can't be read again.
    Gone,
}

/// One message under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) index: usize,
    /// `None` once its outcome is told: answers are still to come then, and change nothing.
    pub(super) transaction: Option<Transaction>,
    pub(super) body: Kept,
    pub(super) size: u64,
    /// Answers to come.
    pub(super) owed: usize,
    /// Where in the stream its end of data ends.
    pub(super) end: Option<u64>,
    /// A command of its own was answered.
    pub(super) touched: bool,
}

/// A command that is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) command: Command,
    pub(super) flight: u64,
    /// Where in the stream it ends.
    pub(super) end: u64,
}
