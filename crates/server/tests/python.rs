//! Python's smtplib, poplib and imaplib, over clear text, STARTTLS and implicit TLS.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use postrider_server::Server;

fn builder() -> postrider_server::Builder {
    Server::builder().user("alice", "secret").user("bob", "hunter two")
}

fn python_message() -> Vec<u8> {
    let mut message =
        b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: dots\r\n\r\n.\r\n..\r\n.hidden\r\n\r\nend.\r\n"
            .to_vec();
    message.extend_from_slice(format!("F\u{fc}nf\r\n{}\r\n.\r\n", "x".repeat(900)).as_bytes());
    message
}

#[tokio::test]
async fn smtplib_delivers_byte_for_byte() {
    let server = builder().start().await.unwrap();
    server.refuse("later@example.test", 451, "4.2.0 come back later");
    common::python("smtp.py", &server).await;
    if !common::has("python3") {
        return;
    }
    let messages = server.messages("bob", "INBOX");
    assert_eq!(messages.len(), 6);
    assert!(messages.iter().all(|m| *m == python_message()));
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 6);
    assert_eq!(accepted.iter().filter(|a| a.tls).count(), 4);
    assert!(accepted.iter().all(|a| a.user.as_deref() == Some("alice") && a.recipients.len() == 1));
}

#[tokio::test]
async fn poplib_reads_and_deletes() {
    let server = builder().start().await.unwrap();
    server.deliver("bob", python_message()).unwrap();
    server.deliver("bob", python_message()).unwrap();
    common::python("pop3.py", &server).await;
    if common::has("python3") {
        assert_eq!(server.messages("bob", "INBOX").len(), 0);
    }
}

#[tokio::test]
async fn imaplib_walks_through_mailboxes() {
    let server = builder().start().await.unwrap();
    common::python("imap.py", &server).await;
}

#[tokio::test]
async fn writes_of_three_bytes_change_nothing() {
    let server = builder().chunked_writes(3).start().await.unwrap();
    common::python("imap.py", &server).await;
    server.deliver("bob", python_message()).unwrap();
    server.deliver("bob", python_message()).unwrap();
    common::python("pop3.py", &server).await;
}
