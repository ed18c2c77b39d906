//! What the doctor says of what people really do, word for word.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(all(feature = "net", feature = "smtp", feature = "pop3", feature = "imap"))]

mod clinic;
mod gmail;
mod network;
mod ports;
mod sign_in;
mod third_party;
mod whole;
