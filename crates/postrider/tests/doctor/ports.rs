//! Encryption and ports that don't go together.

use crate::clinic::{Answer, PASSWORD, Town, examine, expect, listener, session};
use futures_util::future::join_all;
use postrider::Direction::{self, Incoming, Outgoing};
use postrider_server::Server;

async fn server() -> Server {
    Server::builder()
        .user("alice", PASSWORD)
        .certificate_names(&["mail.example.test"])
        .require_tls()
        .start()
        .await
        .unwrap()
}

fn town(server: &Server, ports: &[(u16, Answer)]) -> Town {
    Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", ports)
}

/// Settings for alice; `more` beats what stands before it.
fn settings(protocol: &str, more: &str) -> String {
    let chooser = if protocol == "smtp" { "transport" } else { "store" };
    format!(
        "mail.{chooser}.protocol={protocol}\nmail.host=mail.example.test\nmail.user=alice\nmail.from=alice@example.test\n\
         mail.{protocol}.password={PASSWORD}\n{more}"
    )
}

fn direction(protocol: &str) -> Direction {
    if protocol == "smtp" { Outgoing } else { Incoming }
}

#[tokio::test]
async fn a_clear_text_server_where_tls_was_asked_for_from_the_start() {
    let server = server().await;
    let ports = [
        (465, Answer::Server(server.smtp_port())),
        (995, Answer::Server(server.pop3_port())),
        (993, Answer::Server(server.imap_port())),
    ];
    let town = town(&server, &ports);
    for protocol in ["smtp", "pop3", "imap"] {
        let text = settings(protocol, "");
        let report = examine(&session(&town, &text), direction(protocol)).await;
        expect(&format!("clear_server_on_tls_port_{protocol}"), &report);
        corrected_works(&town, &text, protocol, &report).await;
    }
}

#[tokio::test]
async fn a_tls_server_where_clear_text_was_waited_for() {
    let server = server().await;
    let ports = [
        (2525, Answer::Server(server.smtps_port())),
        (110, Answer::Server(server.pop3s_port())),
        (143, Answer::Server(server.imaps_port())),
    ];
    let town = town(&server, &ports);
    let town = &town;
    join_all([("smtp", 2525), ("pop3", 110), ("imap", 143)].map(async |(protocol, port)| {
        let text = settings(protocol, &format!("mail.{protocol}.port={port}\n"));
        let report = examine(&session(town, &text), direction(protocol)).await;
        expect(&format!("tls_server_on_clear_port_{protocol}"), &report);
        corrected_works(town, &text, protocol, &report).await;
    }))
    .await;
}

async fn corrected_works(town: &Town, text: &str, protocol: &str, report: &postrider::doctor::Report) {
    let mut better = text.to_owned();
    for correction in report.corrections() {
        better.push_str(&format!("{}={}\n", correction.key, correction.value));
    }
    let report = examine(&session(town, &better), direction(protocol)).await;
    assert!(report.is_ok(), "{report}");
}

#[tokio::test]
async fn the_secure_flag_on_110_means_stls_and_starttls_on_465_means_tls() {
    let server = server().await;
    let ports = [(110, Answer::Server(server.pop3_port())), (465, Answer::Server(server.smtps_port()))];
    let town = town(&server, &ports);
    let text = settings("pop3", "mail.pop3.port=110\nmail.pop3.ssl.enable=true\n");
    let report = examine(&session(&town, &text), Incoming).await;
    assert!(report.is_ok());
    expect("secure_flag_on_110", &report);
    let text = settings("smtp", "mail.smtp.port=465\nmail.smtp.starttls.enable=true\n");
    let report = examine(&session(&town, &text), Outgoing).await;
    assert!(report.is_ok());
    expect("starttls_on_465", &report);
    // In so many words it is done, and does not work.
    let text = settings("smtp", "mail.smtp.port=465\nmail.smtp.tls=starttls\n");
    let report = examine(&session(&town, &text), Outgoing).await;
    expect("starttls_forced_on_465", &report);
    corrected_works(&town, &text, "smtp", &report).await;
}

#[tokio::test]
async fn a_server_of_another_protocol() {
    let server = server().await;
    let ports = [
        (993, Answer::Server(server.smtps_port())),
        (143, Answer::Server(server.pop3_port())),
        (587, Answer::Server(server.imap_port())),
        (22, listener(b"SSH-2.0-OpenSSH_9.9\r\n", b"", true).await),
    ];
    let town = town(&server, &ports);
    for (name, protocol, more) in [
        ("smtp_server_on_993", "imap", ""),
        ("pop3_server_on_143", "imap", "mail.imap.port=143\n"),
        ("imap_server_on_587", "smtp", "mail.smtp.port=587\n"),
        ("ssh_server", "pop3", "mail.pop3.port=22\n"),
    ] {
        let report = examine(&session(&town, &settings(protocol, more)), direction(protocol)).await;
        expect(name, &report);
    }
}

#[tokio::test]
async fn starttls_that_is_not_offered_or_not_used() {
    let server = Server::builder()
        .user("alice", PASSWORD)
        .certificate_names(&["mail.example.test"])
        .without("STARTTLS")
        .without("STLS")
        .start()
        .await
        .unwrap();
    let ports = [
        (587, Answer::Server(server.smtp_port())),
        (465, Answer::Server(server.smtps_port())),
        (110, Answer::Server(server.pop3_port())),
        (995, Answer::Server(server.pop3s_port())),
        (143, Answer::Server(server.imap_port())),
        (993, Answer::Server(server.imaps_port())),
    ];
    let town = town(&server, &ports);
    for (protocol, port) in [("smtp", 587), ("pop3", 110), ("imap", 143)] {
        let text = settings(protocol, &format!("mail.{protocol}.port={port}\n"));
        let report = examine(&session(&town, &text), direction(protocol)).await;
        expect(&format!("starttls_not_offered_{protocol}"), &report);
        corrected_works(&town, &text, protocol, &report).await;
    }
    let server = self::server().await;
    let town = self::town(&server, &[(587, Answer::Server(server.smtp_port()))]);
    let text = settings("smtp", "mail.smtp.port=587\nmail.smtp.tls=none\nmail.smtp.auth=false\n");
    expect("starttls_not_used", &examine(&session(&town, &text), Outgoing).await);
}
