//! Against the embedded server: real sockets, real TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_core::*;
use postrider_lettre::{Lettre, LettreConfig, Login};
use postrider_net::TokioHost;
use postrider_server::Server;
use std::sync::Arc;

async fn sent(tls: TlsMode, message: &'static str) -> Vec<u8> {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    let port = if tls == TlsMode::Implicit { server.smtps_port() } else { server.smtp_port() };
    let target = Target::new(server.host(), port, tls).unwrap();
    let login = Login::password(&target, "alice", "secret");
    let mut lettre = Lettre::new(LettreConfig::new(target, login), Arc::new(host));
    let envelope = Envelope::parse(Some("alice@example.test"), ["alice@example.test"]).unwrap();
    let receipt = lettre.send(&envelope, message.into()).await.unwrap();
    assert!(receipt.is_complete());
    Box::new(lettre).close().await.unwrap();
    let messages = server.messages("alice", "INBOX");
    server.shutdown().await;
    messages.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte_with_every_kind_of_tls() {
    for tls in [TlsMode::Implicit, TlsMode::StartTls, TlsMode::StartTlsIfOffered, TlsMode::None] {
        let message = "Subject: x\r\n\r\n.dots\r\n..\r\n.\r\nGr\u{fc}\u{df}e\r\n\r\n";
        assert_eq!(sent(tls, message).await, message.as_bytes(), "{tls}");
    }
}

#[tokio::test]
async fn lone_line_ends_smuggle_nothing() {
    let message = "Subject: x\n\na\n.\nMAIL FROM:<evil@example.test>\r.\rb";
    let want = "Subject: x\r\n\r\na\r\n.\r\nMAIL FROM:<evil@example.test>\r\n.\r\nb\r\n";
    assert_eq!(sent(TlsMode::Implicit, message).await, want.as_bytes());
}
