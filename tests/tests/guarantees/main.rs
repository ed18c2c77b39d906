//! No message lost, none handled twice: host apps that are killed, against Dovecot and PostgreSQL (docs/guarantees.md).
//! Without these each test says on stderr that it is skipped.
//!
//! `POSTRIDER_TRIALS=500 cargo test -p postrider-tests --test guarantees` runs 500 trials of each kind instead of 50.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod command;
mod host;
mod killed;
mod live;
mod postgres;
mod shared;

/// How many trials of each kind.
fn trials(usual: usize) -> usize {
    match std::env::var("POSTRIDER_TRIALS") {
        Ok(number) => number.parse().expect("a number in POSTRIDER_TRIALS"),
        Err(_) => usual,
    }
}

/// What was found, for docs/guarantees.md.
fn report(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "guarantees: {text}");
}
