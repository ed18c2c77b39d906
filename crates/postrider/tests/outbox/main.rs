//! An outbox's workers, on virtual time, with transports that answer as a test wants.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod limits;
mod outcomes;
mod post;
mod session;
mod stopping;
