//! SMTP, line by line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::Lines;
use postrider_server::Server;

async fn hello(server: &Server) -> Lines {
    let mut client = Lines::connect(server.smtp_port()).await;
    client.until("220 ").await;
    client.ask("EHLO here", "250 ").await;
    client
}

#[tokio::test]
async fn one_group_two_messages_and_outcomes_per_recipient() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    server.refuse("full@example.test", 452, "4.2.2 full");
    let mut client = hello(&server).await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<x@example.test>\r\nRCPT TO:<full@example.test>\r\nRCPT TO:<a@else.test>\r\nDATA\r\n")
        .await;
    let replies = client.until("354").await;
    let starts: Vec<&str> = replies.iter().map(|r| r.split(' ').take(2).last().unwrap()).collect();
    assert_eq!(starts, ["2.1.0", "2.1.5", "5.1.1", "4.2.2", "5.7.1", "End"]);
    // The next message's envelope may follow the dot in one go.
    client.send("..dot\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n").await;
    let replies = client.until("554").await;
    assert_eq!(replies.iter().map(|r| &r[..3]).collect::<Vec<_>>(), ["250", "250", "550", "554"]);
    assert_eq!(server.messages("alice", "INBOX"), [b".dot\r\n"]);
    assert_eq!(server.accepted()[0].recipients.len(), 1);
}

#[tokio::test]
async fn chunks_are_taken_as_they_are() {
    let server = Server::builder().user("alice", "secret").message_limit(20).start().await.unwrap();
    let mut client = hello(&server).await;
    client.send("MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nBDAT 7\r\n.\r\nx\r\n\r").await;
    client.send("BDAT 2 LAST\r\n\n.").await;
    client.until("250 2.0.0 Kept").await;
    assert_eq!(server.messages("alice", "INBOX"), [b".\r\nx\r\n\r\n."]);
    assert!(server.accepted()[0].chunked);

    client.send("MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nBDAT 21\r\n123456789012345678901BDAT 1 LAST\r\nxNOOP\r\n").await;
    let replies = client.until("250 2.0.0 Done").await;
    assert_eq!(replies.iter().map(|r| &r[..3]).collect::<Vec<_>>(), ["250", "250", "552", "503", "250"]);
    assert_eq!(server.messages("alice", "INBOX").len(), 1);
}

#[tokio::test]
async fn too_big_is_refused_before_and_after() {
    let server = Server::builder().user("alice", "secret").message_limit(10).start().await.unwrap();
    let mut client = hello(&server).await;
    client.ask("MAIL FROM:<a@b> SIZE=11", "552 5.3.4").await;
    client.ask("MAIL FROM:<a@b> SIZE=10", "250").await;
    client.ask("RCPT TO:<alice@example.test>", "250").await;
    client.ask("DATA", "354").await;
    client.send("x".repeat(1 << 20)).await;
    client.ask("\r\n.", "552 5.3.4").await;
    client.ask("NOOP", "250").await;
    assert!(server.messages("alice", "INBOX").is_empty());
}

#[tokio::test]
async fn nothing_may_follow_starttls_or_data() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let mut client = hello(&server).await;
    client.send("STARTTLS\r\nMAIL FROM:<evil@example.test>\r\n").await;
    assert_eq!(client.rest().await, "554 5.5.1 Nothing may follow STARTTLS\r\n");
    let mut client = hello(&server).await;
    client.send("MAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nhasty\r\n.\r\n").await;
    assert!(client.rest().await.contains("554 5.5.0"));
    assert!(server.messages("alice", "INBOX").is_empty());
}

#[tokio::test]
async fn what_is_withheld_is_neither_announced_nor_served() {
    let all = [
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "STARTTLS",
        "SIZE",
        "AUTH",
    ];
    let mut builder = Server::builder().user("alice", "secret");
    for name in all {
        builder = builder.without(name);
    }
    let server = builder.start().await.unwrap();
    let mut client = Lines::connect(server.smtp_port()).await;
    client.until("220 ").await;
    assert_eq!(client.ask("EHLO here", "250 ").await, ["250 example.test"]);
    for command in ["STARTTLS", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "BDAT 0 LAST"] {
        client.ask(command, "500").await;
    }
    for parameter in ["SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=FULL", "AUTH=<>"] {
        client.ask(&format!("MAIL FROM:<a@b> {parameter}"), "555").await;
    }
    assert_eq!(client.ask("MAIL FROM:<a@b>", "250").await, ["250 Go on"]);
    client.send("RCPT TO:<alice@example.test>\r\nDATA\r\n").await;
    assert!(client.rest().await.contains("554"));
}

#[tokio::test]
async fn logins_and_their_failures() {
    let server = Server::builder().user("alice", "secret").require_auth().start().await.unwrap();
    let mut client = hello(&server).await;
    client.ask("MAIL FROM:<a@b>", "530").await;
    client.ask("AUTH NTLM", "504").await;
    client.ask("AUTH SCRAM-SHA-256-PLUS", "504").await;
    client.ask("AUTH PLAIN !", "501").await;
    client.ask("AUTH PLAIN", "334 ").await;
    client.ask("*", "501").await;
    // user=alice ^A auth=Bearer stale ^A ^A
    let challenge = client.ask("AUTH XOAUTH2 dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzdGFsZQEB", "334 ").await;
    assert!(challenge[0].starts_with("334 eyJzdGF0dXMiOiI0MDAi"), "{challenge:?}");
    client.ask("", "535 5.7.8").await;
    client.ask("AUTH LOGIN YWxpY2U=", "334 UGFzc3dvcmQ6").await;
    client.ask("c2VjcmV0", "235").await;
    client.ask("AUTH LOGIN", "503").await;
    client.ask("MAIL FROM:<a@b> BODY=8BITMIME RET=HDRS ENVID=x+2B", "250").await;
    client
        .ask("RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;alice@example.test", "250")
        .await;
    client.ask("RSET", "250").await;
    client.ask("MAIL FROM:<j\u{fc}rgen@example.test>", "553 5.6.7").await;
    client.ask("MAIL FROM:<j\u{fc}rgen@example.test> SMTPUTF8", "250").await;
}

#[tokio::test]
async fn storage_has_an_end_and_bare_newlines_can_be_refused() {
    let builder = Server::builder().user("alice", "secret").user("bob", "x");
    let server = builder.storage_limit(10).refuse_bare_newlines().start().await.unwrap();
    let mut client = hello(&server).await;
    for (message, reply) in [("x\ny\r\n", "550 5.6.11"), ("12345\r\n", "452 4.3.1"), ("123\r\n", "250")] {
        client.ask("MAIL FROM:<>", "250").await;
        client.ask("RCPT TO:<alice@example.test>", "250").await;
        client.ask("RCPT TO:<BOB@Example.Test>", "250").await;
        client.ask("DATA", "354").await;
        client.ask(&format!("{message}."), reply).await;
    }
    assert_eq!(server.messages("alice", "INBOX"), [b"123\r\n"]);
    assert_eq!(server.messages("bob", "INBOX"), [b"123\r\n"]);
}
