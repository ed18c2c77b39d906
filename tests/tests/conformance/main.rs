//! What each transport keeps of the contract, by the suite of postrider-testkit; docs/conformance.md shows it.
//!
//! `UPDATE=1 cargo test -p postrider-tests --test conformance` writes the file anew, all but its last part: that is
//! `tests/tests/real/conformance.rs`'s, which wants Dovecot and Postfix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, reason = "the tests against real servers use the rest of it")]
mod document;
mod library;
mod loaded;
mod server;

// Each plugin's own trials: what is shown is what they are tested by.
#[path = "../../../plugins/async-imap/tests/conformance.rs"]
mod async_imap;
#[path = "../../../plugins/gmail/tests/conformance.rs"]
mod gmail;
#[path = "../../../plugins/imap/tests/conformance.rs"]
mod imap;
#[path = "../../../plugins/lettre/tests/conformance.rs"]
mod lettre;
#[path = "../../../plugins/maildir/tests/conformance.rs"]
mod maildir;
#[path = "../../../plugins/memory/tests/conformance.rs"]
mod memory;
#[path = "../../../plugins/pop3/tests/conformance.rs"]
mod pop3;
#[path = "../../../plugins/sendmail/tests/conformance.rs"]
mod sendmail;
#[path = "../../../plugins/smtp/tests/conformance.rs"]
mod smtp;

use postrider_tests::workspace::root;

#[test]
fn the_document_says_what_the_suite_finds() {
    let outgoing = [
        ("smtp", smtp::smtp::report()),
        ("smtp, sockets", server::smtp::report()),
        ("smtp, loaded", loaded::smtp::report()),
        ("smtp, loaded, sockets", loaded::smtp_sockets::report()),
        ("gmail", gmail::outgoing::report()),
        ("sendmail", sendmail::sendmail::report()),
        ("maildir", maildir::outgoing::report()),
        ("maildir, loaded", loaded::maildir_outgoing::report()),
        ("memory", memory::outgoing::report()),
        ("lettre", lettre::report()),
    ];
    let incoming = [
        ("imap", imap::imap::report()),
        ("imap, sockets", server::imap::report()),
        ("imap, loaded", loaded::imap::report()),
        ("imap, loaded, sockets", loaded::imap_sockets::report()),
        ("pop3", pop3::pop3::report()),
        ("pop3, sockets", server::pop3::report()),
        ("pop3, loaded", loaded::pop3::report()),
        ("pop3, loaded, sockets", loaded::pop3_sockets::report()),
        ("gmail", gmail::incoming::report()),
        ("gmail-pop3", gmail::pop3::report()),
        ("maildir", maildir::incoming::report()),
        ("maildir, loaded", loaded::maildir_incoming::report()),
        ("memory", memory::incoming::report()),
        ("async-imap", async_imap::report()),
    ];
    let text = document::of(&outgoing, &incoming);
    let path = root().join("docs/conformance.md");
    let whole = std::fs::read_to_string(&path).unwrap_or_default();
    let (written, real) = document::parts(&whole);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{text}{real}")).unwrap();
        return;
    }
    assert!(written == text, "docs/conformance.md is not up to date: run this test with UPDATE=1");
}
