//! POP3, line by line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::Lines;
use postrider_server::Server;

async fn greeted(server: &Server) -> Lines {
    let mut client = Lines::connect(server.pop3_port()).await;
    client.until("+OK").await;
    client
}

#[tokio::test]
async fn a_group_at_once_and_dots() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    server.deliver("alice", "A: b\r\n\r\n.\r\n\n.x\r\n.y").unwrap();
    let mut client = greeted(&server).await;
    client.send("USER alice\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nRETR 1\r\nLIST\r\nQUIT\r\n").await;
    let all = client.rest().await;
    let wanted = "+OK And the password?\r\n+OK Welcome\r\n+OK 1 18\r\n+OK 18 octets\r\nA: b\r\n\r\n..\r\n\n.x\r\n..y\r\n.\r\n\
        +OK Gone at QUIT\r\n-ERR No such message\r\n+OK 0 messages\r\n.\r\n+OK Goodbye\r\n";
    assert_eq!(all, wanted);
    assert!(server.messages("alice", "INBOX").is_empty());
}

#[tokio::test]
async fn logins_and_their_failures() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let mut client = greeted(&server).await;
    assert!(
        client.ask("CAPA", ".").await.iter().any(|line| line.starts_with("SASL SCRAM-SHA-256 OAUTHBEARER"))
    );
    client.ask("AUTH PLAIN =", "-ERR [AUTH]").await;
    client.ask("AUTH XOAUTH2 dXNlcj1hbGljZQFhdXRoPUJlYXJlciBzdGFsZQEB", "+ eyJzdGF0dXMiOiI0MDAi").await;
    client.ask("", "-ERR [AUTH]").await;
    client.ask("AUTH OAUTHBEARER bixhPWFsaWNlLAFhdXRoPUJlYXJlciBzdGFsZQEB", "+ ").await;
    client.ask("AQ==", "-ERR [AUTH]").await;
    client.ask("AUTH PLAIN", "+").await;
    client.ask("*", "-ERR Cancelled").await;
    client.ask("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "+OK").await;
    let mut other = greeted(&server).await;
    other.ask("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "-ERR [IN-USE]").await;
    client.ask("STLS", "-ERR").await;
    client.ask("QUIT", "+OK").await;
    assert_eq!(client.rest().await, "");
    // The lock is gone before the connection is.
    other.ask("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "+OK").await;
}

#[tokio::test]
async fn withheld_and_hasty() {
    let builder = Server::builder().user("alice", "secret").require_tls();
    let server = builder.without("UIDL").without("TOP").without("APOP").start().await.unwrap();
    let mut client = Lines::connect(server.pop3_port()).await;
    assert!(!client.line().await.contains('<'));
    let capabilities = client.ask("CAPA", ".").await;
    for absent in ["UIDL", "TOP", "USER", "SASL"] {
        assert!(!capabilities.iter().any(|line| line.starts_with(absent)), "{capabilities:?}");
    }
    client.ask("USER alice", "-ERR").await;
    client.send("STLS\r\nUSER alice\r\n").await;
    assert_eq!(client.rest().await, "-ERR Nothing may follow STLS\r\n");
}
