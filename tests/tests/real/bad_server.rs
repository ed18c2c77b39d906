//! Servers nobody should trust or wait for: each ends in one clear error, in time.

use crate::{assert_clear, envelope, message};
use postrider::{Error, ErrorKind, Phase, Query};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};

const TRANSPORTS: &[&str] = &["smtp", "pop3", "imap"];

/// What comes of the first thing one does with a server.
async fn first_error(servers: &'static Servers, text: &Text, transport: &str) -> Error {
    if transport == "smtp" {
        // The address is never reached.
        let to = postrider::Envelope::parse(None, ["alice@example.test"]).unwrap();
        return text.mailer().send(&to, message("never").into()).await.unwrap_err();
    }
    let text = text.clone().signed_in(servers, "alice");
    text.inbox().list(&Query::all()).await.unwrap_err()
}

#[tokio::test]
async fn a_bad_certificate_is_refused_and_the_reason_told() {
    let Some(servers) = or_skip("a_bad_certificate_is_refused_and_the_reason_told") else { return };
    for transport in TRANSPORTS {
        for (server, words) in [
            // As `openssl req -x509` makes them: self-signed, and an authority at that.
            ("BAD_SELFSIGNED", ["CA:TRUE", "ssl.cafile"]),
            ("BAD_EXPIRED", ["expired", "2020"]),
            ("BAD_HOST", ["localhost", "other.example.test"]),
            ("BAD_UNKNOWNCA", ["authorit", "ssl.cafile"]),
        ] {
            let text = Text::new(servers, transport, server, "implicit");
            let error = first_error(servers, &text, transport).await;
            assert_clear(&error, ErrorKind::Tls, Phase::Tls, &words);
        }
        // Without our authority, as most users would meet a private one.
        let text = Text::new(servers, transport, "BAD_EXPIRED", "implicit");
        let text = text.and("ssl.cafile", "/etc/ssl/certs/ca-certificates.crt");
        if std::path::Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
            let error = first_error(servers, &text, transport).await;
            assert_clear(&error, ErrorKind::Tls, Phase::Tls, &[]);
        }
    }
}

#[tokio::test]
async fn clear_text_where_tls_is_expected_is_told_as_such() {
    let Some(servers) = or_skip("clear_text_where_tls_is_expected_is_told_as_such") else { return };
    for (transport, server) in [
        ("smtp", "CLEAR"),
        ("smtp", "POSTFIX_SMTP"),
        ("imap", "CLEAR"),
        ("imap", "DOVECOT_IMAP"),
        ("pop3", "DOVECOT_POP3"),
    ] {
        let text = Text::new(servers, transport, server, "implicit");
        let error = first_error(servers, &text, transport).await;
        assert_clear(&error, ErrorKind::Tls, Phase::Tls, &["clear text", "starttls"]);
    }
}

#[tokio::test]
async fn tls_where_clear_text_is_expected_ends_by_its_deadline() {
    let Some(servers) = or_skip("tls_where_clear_text_is_expected_ends_by_its_deadline") else { return };
    for (transport, server) in
        [("smtp", "POSTFIX_SMTPS"), ("imap", "DOVECOT_IMAPS"), ("pop3", "DOVECOT_POP3S")]
    {
        for tls in ["none", "starttls"] {
            let text = Text::new(servers, transport, server, tls).and("timeout", "300ms");
            let error = first_error(servers, &text, transport).await;
            assert_clear(&error, ErrorKind::Timeout, Phase::Greeting, &["implicit"]);
        }
    }
}

#[tokio::test]
async fn a_silent_server_ends_by_the_deadline_of_its_phase() {
    let Some(servers) = or_skip("a_silent_server_ends_by_the_deadline_of_its_phase") else { return };
    for transport in TRANSPORTS {
        let text = Text::new(servers, transport, "SILENT", "none").and("timeout", "200");
        let error = first_error(servers, &text, transport).await;
        assert_clear(&error, ErrorKind::Timeout, Phase::Greeting, &["0.2 s", "timeout property"]);
        let text = Text::new(servers, transport, "SILENT", "implicit").and("ssl.timeout", "200ms");
        let error = first_error(servers, &text, transport).await;
        assert_clear(&error, ErrorKind::Timeout, Phase::Tls, &["ssl.timeout"]);
    }
}

#[tokio::test]
async fn a_closed_port_is_told_with_its_address() {
    let Some(servers) = or_skip("a_closed_port_is_told_with_its_address") else { return };
    let port = servers.port("CLOSED").to_string();
    for transport in TRANSPORTS {
        for tls in ["none", "starttls", "implicit"] {
            let text = Text::new(servers, transport, "CLOSED", tls);
            let error = first_error(servers, &text, transport).await;
            assert_clear(&error, ErrorKind::Connect, Phase::Connect, &[&port, "refused"]);
        }
        let text = Text::new(servers, transport, "CLOSED", "none").and("host", "no-such-host.invalid");
        let error = first_error(servers, &text, transport).await;
        assert_clear(&error, ErrorKind::Resolve, Phase::Resolve, &["no-such-host.invalid"]);
    }
}

#[tokio::test]
async fn another_protocol_on_the_port_is_told_by_its_greeting() {
    let Some(servers) = or_skip("another_protocol_on_the_port_is_told_by_its_greeting") else { return };
    for (transport, server, words) in [
        ("smtp", "DOVECOT_IMAP", "OK"),
        ("imap", "POSTFIX_SMTP", "220"),
        ("pop3", "DOVECOT_IMAP", "OK"),
        ("imap", "DOVECOT_POP3", "+OK"),
    ] {
        let text = Text::new(servers, transport, server, "none").and("timeout", "2s");
        let error = first_error(servers, &text, transport).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Greeting), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some(servers) = or_skip("a_server_that_comes_back_is_used_again") else { return };
    let mailbox = Mailbox::claim(servers);
    // The same mailer meets a peer that cuts, then Postfix: a small switchboard stands between.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, behind) = (listener.local_addr().unwrap().port(), servers.port("POSTFIX_SMTP"));
    tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTP", "starttls").and("port", port).mailer();
    let error = mailer.send(&envelope(&mailbox), message("cut").into()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Closed, postrider::Outcome::NotSent),
        "{error:?}"
    );
    mailer.send(&envelope(&mailbox), message("again").into()).await.unwrap();
    mailbox.arrived(1);
    assert_eq!(mailbox.settled().len(), 1);
}
