//! Against the embedded server: real sockets, real TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_async_imap::{AsyncImap, AsyncImapConfig, Login};
use postrider_core::*;
use postrider_net::TokioHost;
use postrider_server::Server;
use std::sync::Arc;

fn imap(server: &Server, tls: TlsMode) -> Box<AsyncImap> {
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    let port = if tls == TlsMode::Implicit { server.imaps_port() } else { server.imap_port() };
    let target = Target::new(server.host(), port, tls).unwrap();
    let login = Login::password(&target, "alice", "secret");
    Box::new(AsyncImap::new(AsyncImapConfig::new(target, login), Arc::new(host)))
}

#[tokio::test]
async fn messages_are_read_and_settled_with_every_kind_of_tls_and_mechanism() {
    for (tls, mechanism) in [
        (TlsMode::Implicit, "SCRAM-SHA-256"),
        (TlsMode::StartTls, "PLAIN"),
        (TlsMode::StartTlsIfOffered, "LOGIN"),
        (TlsMode::None, "PLAIN"),
    ] {
        let server =
            Server::builder().user("alice", "secret").mechanisms(&[mechanism]).start().await.unwrap();
        let texts = ["Subject: 1\r\n\r\na\r\n", "Subject: 2\r\n\r\nGrüße\r\n)\r\n", "Subject: 3\r\n\r\n\r\n"];
        for text in texts {
            server.deliver("alice", text).unwrap();
        }
        let mut imap = imap(&server, tls);
        let page = imap.list(&Query::all().limit(2)).await.unwrap();
        assert!(page.more && page.messages.len() == 2);
        let rest = imap.list(&Query::all().after(page.messages[1].id.clone())).await.unwrap();
        assert!(!rest.more && rest.messages.len() == 1);
        let ids: Vec<MessageId> = page.messages.into_iter().chain(rest.messages).map(|m| m.id).collect();
        for (id, text) in ids.iter().zip(texts) {
            assert_eq!(imap.fetch(id).await.unwrap().read_all(1 << 20).await.unwrap(), text.as_bytes());
        }
        assert_eq!(imap.list(&Query::unseen()).await.unwrap().messages.len(), 3, "fetching marked one");
        imap.settle(&ids[..1], &Settle::Delete).await.unwrap();
        imap.settle(&ids[1..2], &Settle::Move("Trash".into())).await.unwrap();
        imap.settle(&ids[2..], &Settle::Seen).await.unwrap();
        // Again: gone counts as done.
        imap.settle(&ids, &Settle::Seen).await.unwrap();
        assert_eq!(imap.fetch(&ids[0]).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(imap.list(&Query::unseen()).await.unwrap().messages.is_empty());
        imap.close().await.unwrap();
        assert_eq!(server.messages("alice", "Trash"), [texts[1].as_bytes()]);
        assert_eq!(server.messages("alice", "INBOX"), [texts[2].as_bytes()]);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_as_one() {
    let server = Server::builder().user("alice", "other").start().await.unwrap();
    let error = imap(&server, TlsMode::Implicit).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_a_limit_and_the_next_call_works() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    server.deliver("alice", "x".repeat(4 << 20)).unwrap();
    server.deliver("alice", "Subject: small\r\n\r\n").unwrap();
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    let target = Target::new(server.host(), server.imaps_port(), TlsMode::Implicit).unwrap();
    let mut config = AsyncImapConfig::new(target.clone(), Login::password(&target, "alice", "secret"));
    config.max_size = 1000;
    let mut imap = AsyncImap::new(config, Arc::new(host));
    let ids = imap.list(&Query::all()).await.unwrap().messages;
    assert_eq!(imap.fetch(&ids[0].id).await.unwrap_err().kind(), ErrorKind::Limit);
    assert!(imap.fetch(&ids[1].id).await.is_ok());
    server.shutdown().await;
}
