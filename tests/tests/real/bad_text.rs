//! Mistakes in the properties: found before anything is dialled, with key, place and a way out. No server is
//! needed, and every transport is linked.

use crate::assert_clear;
use postrider::{Envelope, Error, ErrorKind, Phase, Session};

fn refused(text: &str) -> Error {
    let session = match Session::builder().overrides(text) {
        Ok(builder) => builder.build(),
        Err(error) => return error,
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return error,
    };
    if text.contains("store.protocol") { session.inbox().unwrap_err() } else { session.mailer().unwrap_err() }
}

#[test]
fn each_mistake_names_its_key_and_place_and_what_to_write_instead() {
    for (text, words) in [
        ("mail.smtp.host=h\nmail.smtp.hots=x", &["mail.smtp.hots", "mail.smtp.host", "overrides:2"][..]),
        ("mail.smtp.host=h\nmail.smtp.port=smtp", &["mail.smtp.port", "whole number", "overrides:2"]),
        ("mail.smtp.host=h\nmail.smtp.timeout=soon", &["mail.smtp.timeout", "30s", "overrides:2"]),
        ("mail.smtp.host=h\nmail.smtp.tls=maybe", &["mail.smtp.tls", "starttls", "overrides:2"]),
        ("mail.smtp.host=h\nmail.smtp.sendpartial=yes", &["mail.smtp.sendpartial", "true or false"]),
        ("mail.smtp.port=25", &["mail.smtp.host", "not set"]),
        ("mail.smtp.host=h\nmail.smtp.password=p", &["mail.smtp.user", "no user"]),
        ("mail.smtp.host=h\nmail.smtp.auth.mechanisms=CRAM-MD5", &["CRAM-MD5", "SCRAM-SHA-256"]),
        ("mail.smtp.host=h\nmail.smtp.user=a\u{7}b", &["mail.smtp.user", "control"]),
        ("mail.transport.protocol=smpt\nmail.smpt.host=h", &["smpt", "smtp"]),
        ("mail.transport.protocol=imap\nmail.imap.host=h", &["imap", "smtp", "mail.transport.protocol"]),
        ("mail.store.protocol=nntp", &["nntp", "imap", "pop3", "mail.store.protocol"]),
        (
            "mail.store.protocol=imap\nmail.imap.host=h\nmail.imap.maxsize=big",
            &["mail.imap.maxsize", "50MiB"],
        ),
        ("mail.store.protocol=pop3\nmail.pop3.host=h\nmail.pop3.port=0", &["mail.pop3.port", "65535"]),
        ("mail.session.mail.smtp.host=h", &["mail.session.", "prefix"]),
    ] {
        let error = refused(text);
        assert_clear(&error, ErrorKind::Configuration, Phase::Configure, words);
    }
}

#[test]
fn certificates_that_cannot_be_read_are_named_before_anything_is_dialled() {
    let text = "mail.smtp.host=localhost\nmail.smtp.port=1\nmail.smtp.ssl.cafile=/nowhere/ca.pem\nmail.send.allowreserved=true";
    let session = Session::builder().overrides(text).unwrap().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let to = Envelope::parse(None, ["a@example.test"]).unwrap();
    let mailer = session.mailer().unwrap();
    let error = runtime.block_on(mailer.send(&to, "Subject: x\r\n\r\n".into())).unwrap_err();
    assert_clear(&error, ErrorKind::Configuration, Phase::Configure, &["ssl.cafile", "/nowhere/ca.pem"]);
}

#[test]
fn an_address_with_a_line_break_never_becomes_a_command() {
    for address in ["a@b\r\nRCPT TO:<c@d>", "a\0@b", "a b@c", "<a@b>", "a@", "@b", "", "a@b\u{85}c"] {
        let error = Envelope::parse(None, [address]).unwrap_err();
        assert_clear(&error, ErrorKind::InvalidInput, Phase::Configure, &["not a mail address"]);
    }
}
