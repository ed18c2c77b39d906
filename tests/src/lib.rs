//! Tests that cross crates or talk to real servers; see `../tests/`. Here is what they share:
//!
//! | module | what |
//! |---|---|
//! | [`workspace`] | the workspace as cargo describes it |
//! | [`source`] | Rust source without its comments and texts |
//! | [`servers`] | Dovecot and Postfix, started once for a test binary |
//! | [`postgres`] | PostgreSQL, started once for a test binary |
//! | [`mailbox`] | a mailbox for one test, seen without any of our code |
//! | [`properties`] | the property text for one server |
//! | [`log`] | all that goes through `tracing`, as text |
// Test support: what goes wrong here has to fail the test that called it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)]

pub mod log;
pub mod mailbox;
pub mod postgres;
pub mod properties;
pub mod servers;
pub mod source;
pub mod workspace;

/// The README's program is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
