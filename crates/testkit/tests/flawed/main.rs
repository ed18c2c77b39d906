//! The conformance suite can fail: transports that break a promise each, and the promise by which that is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod closing;
mod incoming;
mod outgoing;

use postrider_core::{Error, ErrorKind};

/// An error without its words and with another kind.
fn as_kind(kind: ErrorKind, error: &Error) -> Error {
    Error::new(kind, error.phase(), error.message())
}
