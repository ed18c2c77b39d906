//! Servers that do not do their part of the handshake, and clients that have to show who they are.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{Error, ErrorKind, Host, Phase, Repeat, TlsMode};
use std::time::Duration;
use support::{Authority, TLS12, TLS13, echo, line, refused, says, serve, serve_tls, target, write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a text and waits for the other side to leave.
async fn clear(mut tcp: TcpStream, text: &'static str) {
    let _ = tcp.write_all(text.as_bytes()).await;
    let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
}

#[tokio::test]
async fn a_server_that_speaks_clear_text_is_quoted() {
    let host = Authority::new("A").host();
    for (text, shown) in [
        ("220 mail.example ESMTP\r\n250 more\r\n", "\"220 mail.example ESMTP\""),
        ("+OK POP3 ready <1.2@x>\r\n", "\"+OK POP3 ready <1.2@x>\""),
        ("* OK [CAPABILITY IMAP4rev1] ready\r\n", "\"* OK [CAPABILITY IMAP4rev1] ready\""),
        ("-ERR \"no\"\r\n", "\"-ERR \\\"no\\\"\""),
    ] {
        let port = serve(move |tcp| clear(tcp, text)).await;
        let error = refused(&host, &target("localhost", port)).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));
        says(&error, &[shown, "clear text on this port", "tls=starttls", "465/993/995"]);
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_shown_escaped() {
    let port = serve(|tcp| clear(tcp, "\u{1}\u{2}\u{1b}[31mSSH\0\0")).await;
    let error = refused(&Authority::new("A").host(), &target("localhost", port)).await;
    says(&error, &["does not speak TLS", "\\u{1b}[31mSSH", "another service"]);
    assert!(!error.to_string().contains('\u{1b}'));
}

#[tokio::test]
async fn clear_text_after_starttls_is_another_story() {
    let port = serve(|tcp| clear(tcp, "220 go\n454 or not")).await;
    let mut target = target("localhost", port);
    target.tls = TlsMode::StartTls;
    let mut connection = Authority::new("A").host().connect(&target).await.unwrap();
    assert!(connection.tls().is_none());
    assert_eq!(line(&mut connection).await.unwrap(), "220 go");
    let error = connection.start_tls(&target).await.err().unwrap();
    says(&error, &["\"454 or not\"", "after it agreed to STARTTLS"]);
}

#[tokio::test]
async fn starttls_upgrades_a_clear_connection_once() {
    let authority = Authority::new("A");
    let config = std::sync::Arc::new(authority.issue(&["localhost"]).server(&[&TLS13], None));
    let port = serve(move |mut tcp| {
        let acceptor = tokio_rustls::TlsAcceptor::from(config.clone());
        async move {
            tcp.write_all(b"go\n").await.unwrap();
            echo(acceptor.accept(tcp).await.unwrap()).await;
        }
    })
    .await;
    let mut target = target("localhost", port);
    target.tls = TlsMode::StartTls;
    let mut connection = authority.host().connect(&target).await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), "go");
    let mut connection = connection.start_tls(&target).await.unwrap();
    assert!(line(&mut connection).await.unwrap().starts_with("Full"));
    let again = connection.start_tls(&target).await.err().unwrap();
    assert_eq!(again.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline() {
    let port = serve(|tcp| clear(tcp, "")).await;
    let mut target = target("localhost", port);
    target.tls_options.handshake_timeout = Duration::from_millis(200);
    let error = refused(&Authority::new("A").host(), &target).await;
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Tls));
    says(&error, &["within 0.2 s", "tls=starttls", "ssl.timeout"]);
}

#[tokio::test]
async fn dropping_a_connect_half_way_closes_the_socket() {
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let (ended, mut has_ended) = tokio::sync::mpsc::channel(1);
    let port = serve(move |mut tcp| {
        let (begun, ended) = (begun.clone(), ended.clone());
        async move {
            tcp.read_u8().await.unwrap();
            begun.send(()).await.unwrap();
            let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            ended.send(()).await.unwrap();
        }
    })
    .await;
    let host = Authority::new("A").host();
    let target = target("localhost", port);
    tokio::select! {
        _ = host.connect(&target) => panic!("the server said nothing"),
        _ = has_begun.recv() => {}
    }
    tokio::time::timeout(Duration::from_secs(20), has_ended.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_apart() {
    let port = serve(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
    })
    .await;
    let error = refused(&Authority::new("A").host(), &target("localhost", port)).await;
    assert_eq!((error.kind(), error.phase(), error.repeat()), (ErrorKind::Tls, Phase::Tls, Repeat::Safe));
    says(&error, &["during the TLS handshake", "tls=starttls"]);
}

#[tokio::test]
async fn a_demanded_client_certificate_is_shown_or_its_absence_and_rejection_are_named() {
    let (authority, stranger) = (Authority::new("A"), Authority::new("stranger"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| Some(write(folder.path(), name, &text));
    let (good, bad) = (authority.issue(&["client"]), stranger.issue(&["client"]));
    let good_file = file("good.pem", good.pem.clone());
    let good_key = file("good-key.pem", good.key.serialize_pem());
    let both = file("both.pem", good.pem.clone() + &good.key.serialize_pem());
    let bad_both = file("bad.pem", bad.pem.clone() + &bad.key.serialize_pem());

    for version in [&TLS12, &TLS13] {
        let server = authority.issue(&["localhost"]).server(&[version], Some(&authority));
        let port = serve_tls(server, echo).await;
        let try_with = async |certificate: &Option<std::path::PathBuf>, key: &Option<std::path::PathBuf>| {
            let mut target = target("localhost", port);
            target.tls_options.certificate_file = certificate.clone();
            target.tls_options.key_file = key.clone();
            let mut connection = authority.host().connect(&target).await?;
            // In TLS 1.3 the server's verdict comes after the handshake.
            line(&mut connection).await.map_err(|error| Error::from_io(error, Phase::Greeting))
        };
        assert!(try_with(&good_file, &good_key).await.unwrap().starts_with("Full"));
        assert!(try_with(&both, &None).await.unwrap().starts_with("Full"));

        let missing = try_with(&None, &None).await.unwrap_err();
        assert_eq!((missing.kind(), missing.phase()), (ErrorKind::Tls, Phase::Tls), "{version:?}: {missing}");
        says(&missing, &["client certificate", "ssl.certfile", "ssl.keyfile"]);

        let rejected = try_with(&bad_both, &None).await.unwrap_err();
        assert_eq!((rejected.kind(), rejected.phase()), (ErrorKind::Tls, Phase::Tls), "{rejected}");
        says(&rejected, &["refuses the client certificate", "bad.pem"]);
    }
}
