//! Against the embedded server, over real sockets and real TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_core::*;
use postrider_net::TokioHost;
use postrider_pop3::{Pop3, Pop3Config};
use postrider_server::{Builder, Server};
use postrider_wire::Login;
use std::sync::Arc;

const PASSWORD: &str = "throw-away";

async fn start(change: impl FnOnce(Builder) -> Builder) -> Server {
    let server = change(Server::builder().user("alice", PASSWORD)).start().await.unwrap();
    for text in ["Subject: one\r\n\r\n.dot\r\n..\r\n", "Subject: two\r\n\r\n", "no header and no line end"] {
        server.deliver("alice", text).unwrap();
    }
    server
}

fn config(server: &Server, tls: TlsMode) -> Pop3Config {
    let port = if tls == TlsMode::Implicit { server.pop3s_port() } else { server.pop3_port() };
    let target = Target::new("localhost", port, tls).unwrap();
    let login = Login::password(&target, "alice", PASSWORD);
    Pop3Config::new(target, login)
}

fn pop3(server: &Server, config: Pop3Config) -> Box<Pop3> {
    let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
    Box::new(Pop3::new(config, Arc::new(host)))
}

/// Reads and deletes all; what was read, with CRLF at its end, as POP3 has it.
async fn drain(mut pop3: Box<Pop3>) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for message in pop3.list(&Query::all()).await.unwrap().messages {
        texts.push(pop3.fetch(&message.id).await.unwrap().read_all(1 << 20).await.unwrap().to_vec());
        pop3.settle(&[message.id], &Settle::Delete).await.unwrap();
    }
    pop3.close().await.unwrap();
    texts
}

fn ended(mut text: Vec<u8>) -> Vec<u8> {
    if !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

#[tokio::test]
async fn mail_comes_unchanged_and_is_gone_after_close_in_each_kind_of_tls() {
    for tls in [TlsMode::Implicit, TlsMode::StartTls, TlsMode::StartTlsIfOffered, TlsMode::None] {
        let server = start(|b| b).await;
        let sent: Vec<Vec<u8>> = server.messages("alice", "INBOX").into_iter().map(ended).collect();
        let texts = drain(pop3(&server, config(&server, tls))).await;
        assert_eq!(texts, sent, "{tls}");
        assert!(server.messages("alice", "INBOX").is_empty(), "{tls}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn each_way_to_sign_in_and_each_missing_extension_works() {
    let server_of = |name: &'static str| start(move |b| b.without(name));
    for name in ["PIPELINING", "UIDL", "TOP", "UTF8", "USER", "CAPA", "RESP-CODES"] {
        let server = server_of(name).await;
        assert_eq!(drain(pop3(&server, config(&server, TlsMode::Implicit))).await.len(), 3, "{name}");
        server.shutdown().await;
    }
    for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"] {
        let server = start(|b| b.mechanisms(&[mechanism])).await;
        let mut config = config(&server, TlsMode::Implicit);
        config.login.allowed.extend(postrider_wire::sasl::Mechanism::parse(mechanism));
        if mechanism.contains("AUTH") {
            config.login.token = config.login.password.take();
        }
        assert_eq!(drain(pop3(&server, config)).await.len(), 3, "{mechanism}");
        server.shutdown().await;
    }
    let server = start(|b| b.without("AUTH")).await;
    let mut config = config(&server, TlsMode::StartTls);
    config.apop = true;
    assert_eq!(drain(pop3(&server, config)).await.len(), 3, "APOP");
    server.shutdown().await;
}

#[tokio::test]
async fn the_keys_of_two_sessions_are_the_same_and_a_large_message_streams() {
    let server = start(|b| b.chunked_writes(7_001)).await;
    let large: Vec<u8> = (0..200_000u32).flat_map(|n| format!(".{n:08}\r\n").into_bytes()).collect();
    server.deliver("alice", large.clone()).unwrap();
    let mut first = pop3(&server, config(&server, TlsMode::Implicit));
    let listing = first.list(&Query::all()).await.unwrap();
    first.close().await.unwrap();
    let mut second = pop3(&server, config(&server, TlsMode::Implicit));
    assert_eq!(second.list(&Query::all()).await.unwrap(), listing);
    let mut body = second.fetch(&listing.messages[3].id).await.unwrap();
    let (mut at, mut widest) = (0, 0);
    while let Some(chunk) = body.chunk().await.unwrap() {
        assert_eq!(chunk, large[at..at + chunk.len()]);
        at += chunk.len();
        widest = widest.max(chunk.len());
    }
    assert_eq!(at, large.len());
    assert!(widest <= 128 * 1024, "{widest}");
    drop(body);
    let mut small = config(&server, TlsMode::Implicit);
    small.max_size = 1_000_000;
    second.close().await.unwrap();
    let error = pop3(&server, small).fetch(&listing.messages[3].id).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Limit, Phase::Fetch));
    server.shutdown().await;
}

#[tokio::test]
async fn a_maildrop_in_use_and_a_wrong_password_are_told_apart() {
    let server = start(|b| b).await;
    let mut first = pop3(&server, config(&server, TlsMode::Implicit));
    first.connect().await.unwrap();
    let error = pop3(&server, config(&server, TlsMode::Implicit)).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Deferred, Repeat::Safe), "{error}");
    let mut wrong = config(&server, TlsMode::Implicit);
    wrong.login.password = Some("wrong".into());
    let error = pop3(&server, wrong).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Authentication, Repeat::Never), "{error}");
    first.close().await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn news_wakes_a_wait() {
    let server = start(|b| b).await;
    let mut config = config(&server, TlsMode::Implicit);
    config.poll_interval = std::time::Duration::from_millis(1);
    let mut pop3 = pop3(&server, config);
    pop3.list(&Query::all()).await.unwrap();
    server.deliver("alice", "Subject: new\r\n\r\n").unwrap();
    assert_eq!(pop3.wait(std::time::Duration::from_secs(60)).await.unwrap(), Wake::News);
    assert_eq!(pop3.list(&Query::all()).await.unwrap().messages.len(), 4);
    pop3.close().await.unwrap();
    server.shutdown().await;
}
