//! How a session ends early.

use std::io;

/// Why a connection is over. Everything a client did wrong but may go on from is a reply instead.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client went away, fell silent, or broke the protocol beyond repair.
    Gone,
    /// The socket failed.
    Io,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

pub(crate) type Result<T> = std::result::Result<T, Ended>;
