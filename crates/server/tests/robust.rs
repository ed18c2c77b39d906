//! Clients that mean no good, and the end of the server.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::Lines;
use postrider_server::Server;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::AsyncWriteExt;

async fn still_serves(server: &Server) {
    let mut client = Lines::imap(server.imap_port()).await;
    client.ask("x NOOP", "x OK").await;
    for (port, greeting) in [(server.smtp_port(), "220"), (server.pop3_port(), "+OK")] {
        Lines::connect(port).await.until(greeting).await;
    }
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let words = "(EHLO x|MAIL FROM:<|RCPT TO:<alice@example.test>|DATA|BDAT 3|AUTH PLAIN|a LOGIN alice secret|a SELECT INBOX|a FETCH 1:|a APPEND INBOX \\{3\\}|a SEARCH |a UID STORE|a STATUS|a LIST \"\" |USER alice|PASS secret|TOP 1|RETR|[ -~]{0,9}|[\\x00-\\xff]{0,9})";
    let lines =
        prop::collection::vec((words, prop::sample::select(vec!["\r\n", "\r\n", "\n", " ", "\r"])), 0..40);
    let mut runner = TestRunner::deterministic();
    for round in 0..120 {
        let text: String =
            lines.new_tree(&mut runner).unwrap().current().into_iter().map(|(a, b)| a + b).collect();
        let port = [server.smtp_port(), server.pop3_port(), server.imap_port()][round % 3];
        let mut client = Lines::connect(port).await;
        // The server may have hung up already: that is fine.
        let _ = client.0.get_mut().write_all(text.as_bytes()).await;
        let _ = client.0.get_mut().shutdown().await;
        client.rest().await;
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn a_message_cut_short_is_never_kept() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let envelope = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\n";
    for rest in ["BDAT 3\r\nabc", "BDAT 4 LAST\r\nabc", "BDAT 3\r\nabcBDAT 1 LAST\r\n"] {
        let mut client = Lines::connect(server.smtp_port()).await;
        client.send(format!("{envelope}{rest}")).await;
        client.0.get_mut().shutdown().await.unwrap();
        client.rest().await;
    }
    for rest in ["abc", "abc\r\n", "abc\r\n.", "abc\r\n.\r", "abc\n.\n"] {
        let mut client = Lines::connect(server.smtp_port()).await;
        client.send(format!("{envelope}DATA\r\n")).await;
        client.until("354").await;
        client.send(rest).await;
        client.0.get_mut().shutdown().await.unwrap();
        client.rest().await;
    }
    for rest in ["a APPEND INBOX {4+}\r\nabc", "a APPEND INBOX {3+}\r\nabc", "a APPEND INBOX {3+}\r\nabc\r"] {
        let mut client = Lines::imap(server.imap_port()).await;
        client.send(rest).await;
        client.0.get_mut().shutdown().await.unwrap();
        client.rest().await;
    }
    assert!(server.messages("alice", "INBOX").is_empty());
    assert!(server.accepted().is_empty());
}

#[tokio::test]
async fn connections_have_a_limit() {
    let server = Server::builder().user("alice", "secret").connection_limit(1).start().await.unwrap();
    let mut first = Lines::connect(server.smtp_port()).await;
    first.until("220").await;
    assert_eq!(Lines::connect(server.smtp_port()).await.rest().await, "");
    first.ask("NOOP", "250").await;
}

#[tokio::test]
async fn shutdown_says_goodbye_and_drop_just_goes() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let mut imap = Lines::imap(server.imap_port()).await;
    imap.ask("i IDLE", "+ ").await;
    let mut smtp = Lines::connect(server.smtp_port()).await;
    smtp.until("220").await;
    let port = server.smtp_port();
    server.shutdown().await;
    assert_eq!(imap.rest().await, "* BYE The server is stopping\r\n");
    assert!(smtp.rest().await.starts_with("421"));
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());

    let server = Server::builder().start().await.unwrap();
    let mut smtp = Lines::connect(server.smtp_port()).await;
    smtp.until("220").await;
    drop(server);
    assert_eq!(smtp.rest().await, "");
}

#[tokio::test]
async fn waiting_for_messages_needs_no_sleep() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let deliver = async {
        tokio::task::yield_now().await;
        server.deliver("alice@example.test", "x").unwrap();
        server.deliver("ALICE", "y").unwrap();
    };
    tokio::join!(server.wait_for_messages("alice", "INBOX", 2), deliver);
    assert!(server.deliver("nobody", "x").is_err());
}
