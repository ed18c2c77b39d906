//! The transports through the facade against Dovecot and Postfix (tests/servers/README.md). Without the servers
//! each test says on stderr that it is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod bad_server;
mod bad_text;
mod cancellation;
mod command;
mod conformance;
#[allow(dead_code, reason = "the tests over all transports use the rest of it")]
#[path = "../conformance/document.rs"]
mod document;
mod imap;
mod imap_typed;
mod imap_windows;
mod large;
#[path = "../conformance/library.rs"]
mod library;
mod lmtp;
mod pop3;
mod pop3_ahead;
mod resumption;
mod smtp;
mod smtp_refusals;
mod smtp_sign_in;
mod smtp_window;
mod tokens;
mod unchanged;

use postrider::{Envelope, Error, ErrorKind, Phase};
use postrider_tests::mailbox::Mailbox;

/// A small message with a subject to be found by.
fn message(subject: &str) -> Vec<u8> {
    format!("From: <sender@example.test>\r\nSubject: {subject}\r\n\r\nOne line.\r\n").into_bytes()
}

/// The same as it lies in a maildir.
fn stored(subject: &str) -> Vec<u8> {
    String::from_utf8(message(subject)).unwrap().replace("\r\n", "\n").into_bytes()
}

/// What the servers put on top taken away: the message as its sender wrote it.
fn as_sent(message: &[u8], begins: &str) -> Vec<u8> {
    let begins = begins.as_bytes();
    let at = message.windows(begins.len()).position(|window| window == begins);
    message[at.unwrap_or_else(|| panic!("{} is not in the message", begins.escape_ascii()))..].to_vec()
}

fn envelope(to: &Mailbox) -> Envelope {
    Envelope::parse(Some("sender@example.test"), [to.address().as_str()]).unwrap()
}

/// An error is what a person can act on: the right kind and phase, advice, and all of the words.
#[track_caller]
fn assert_clear(error: &Error, kind: ErrorKind, phase: Phase, words: &[&str]) {
    let text = error.to_string();
    assert_eq!((error.kind(), error.phase()), (kind, phase), "{error:?}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(error.advice().is_some(), "no advice: {text}");
    assert!(!text.contains('\n'), "more than a line: {text}");
}
