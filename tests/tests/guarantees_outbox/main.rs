//! What the outbox promises, with processes that are killed by SIGKILL while they work: nothing lost, nothing delivered
//! twice, every doubt told. docs/guarantees.md has the figures and the commands for long runs.
//!
//! | variable | meaning |
//! |---|---|
//! | `OUTBOX_TRIALS` | how often the host is killed (50) |
//! | `OUTBOX_SECONDS` | how long two processes share one PostgreSQL outbox (15) |
//! | `OUTBOX_MESSAGES` | how many messages go out meanwhile (600) |
//! | `POSTGRES_URL` | the database, instead of one that `tests/servers/postgres` starts |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod books;
mod disk;
mod host;
mod kills;
mod points;
mod postfix;
mod postgres;
mod rate;
mod sink;

/// A number that is not the same in two runs, below `limit`.
pub(crate) fn random(limit: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % limit
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// One line of figures that the test harness does not swallow.
pub(crate) fn figures(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "FIGURES: {text}");
}
