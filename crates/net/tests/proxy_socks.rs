//! Through a SOCKS 5 proxy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Proxy, Repeat, Target, TlsMode};
use postrider_net::TokioHost;
use std::time::Duration;
use support::proxies::{connecting_socks, saying, socks};
use support::{Authority, TLS13, echo, line, refused, says, serve, serve_tls, target};
use tokio::io::AsyncWriteExt;

fn clear(host: &str, port: u16, proxy: Proxy) -> Target {
    let mut target = Target::new(host, port, TlsMode::None).unwrap();
    target.proxy = Some(proxy);
    target
}

async fn hello() -> u16 {
    serve(|mut tcp| async move { tcp.write_all(b"hello\n").await.unwrap() }).await
}

#[tokio::test]
async fn names_are_the_proxy_s_to_look_up_and_addresses_go_as_they_are() {
    let server = hello().await;
    for (host, want) in [
        ("only.the.proxy.knows.invalid", "3 only.the.proxy.knows.invalid"),
        ("Bücher.example.", "3 xn--bcher-kva.example"),
        ("192.0.2.1", "1 192.0.2.1"),
        ("[::ffff:192.0.2.1]", "1 192.0.2.1"),
        ("2001:db8::1", "4 20010db8000000000000000000000001"),
    ] {
        let (proxy, heard) = connecting_socks(None).await;
        let mut connection = TokioHost::new().connect(&clear(host, server, socks(proxy))).await.unwrap();
        assert_eq!(line(&mut connection).await.unwrap(), "hello");
        assert!(!connection.is_loopback());
        assert_eq!(heard.all(), [want]);
    }
}

#[tokio::test]
async fn tls_goes_through_the_proxy_to_the_server() {
    let authority = Authority::new("A");
    let server = serve_tls(authority.issue(&["mail.hidden.invalid"]).server(&[&TLS13], None), echo).await;
    let (proxy, _) = connecting_socks(None).await;
    let mut target = target("mail.hidden.invalid", server);
    target.proxy = Some(socks(proxy));
    let mut connection = authority.host().connect(&target).await.unwrap();
    assert!(line(&mut connection).await.unwrap().starts_with("Full"));
}

#[tokio::test]
async fn name_and_password_are_said_where_they_are_asked_for() {
    let server = hello().await;
    let (proxy, heard) = connecting_socks(Some(("me", "hush"))).await;
    let good = socks(proxy).with_login("me", "hush").unwrap();
    TokioHost::new().connect(&clear("h", server, good)).await.unwrap();
    assert_eq!(heard.all(), ["login true", "3 h"]);

    let wrong = socks(proxy).with_login("me", "hush-hush").unwrap();
    let error = refused(&TokioHost::new(), &clear("h", server, wrong)).await;
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Connect));
    says(&error, &["the SOCKS proxy", "name \"me\"", "check socks.user"]);
    assert!(!format!("{error:?}").contains("hush"));

    let error = refused(&TokioHost::new(), &clear("h", server, socks(proxy))).await;
    assert_eq!(error.kind(), ErrorKind::Authentication);
    says(&error, &["without a name and a password", "set socks.user"]);

    // Who has a login tells it only to a proxy that asks.
    let (open, heard) = connecting_socks(None).await;
    let login = socks(open).with_login("me", "hush").unwrap();
    TokioHost::new().connect(&clear("h", server, login)).await.unwrap();
    assert_eq!(heard.all(), ["3 h"]);
}

#[tokio::test]
async fn a_refusal_says_why_and_whether_to_try_again() {
    for (reply, repeat, word) in [
        (1, Repeat::Safe, "general failure"),
        (2, Repeat::Never, "not allowed"),
        (3, Repeat::Safe, "network unreachable"),
        (4, Repeat::Safe, "host unreachable"),
        (5, Repeat::Safe, "connection refused"),
        (6, Repeat::Safe, "time to live"),
        (7, Repeat::Never, "no CONNECT"),
        (8, Repeat::Never, "kind of address"),
        (200, Repeat::Safe, "unknown reason (reply 200)"),
    ] {
        let proxy = socks(saying(vec![5, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0], true).await);
        let error = refused(&TokioHost::new(), &clear("mail.example", 587, proxy)).await;
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, repeat), "{error}");
        says(&error, &["mail.example:587", word]);
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_is_named() {
    for (answer, words) in [
        (b"HTTP/1.1 400 Bad\r\n".to_vec(), ["HTTP/1.1 400", "proxy.host"]),
        (b"220 mail.example\r\n".to_vec(), ["220 mail.example", "another service"]),
        (vec![0, 0x5b], ["does not speak SOCKS", "another service"]),
        (vec![4, 0], ["does not speak SOCKS", "another service"]),
        // A way to sign in that nobody offered: the password is not said.
        (vec![5, 2], ["not offered (2)", "socks.host"]),
        (vec![5, 1], ["not offered (1)", "socks.host"]),
        (vec![5, 0, 4, 0, 0, 1], ["version 4", "socks.host"]),
        (vec![5, 0, 5, 0, 0, 9], ["unknown kind (9)", "socks.host"]),
    ] {
        let proxy = socks(saying(answer, true).await);
        let error = refused(&TokioHost::new(), &clear("h", 25, proxy)).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Connect), "{error}");
        says(&error, &words);
    }
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_an_end() {
    let login = |proxy: Proxy| proxy.with_login("me", "hush").unwrap();
    let whole = [5, 2, 1, 0, 5, 0, 0, 3, 4, b'n', b'a', b'm', b'e', 0, 25];
    for cut in 0..whole.len() {
        let proxy = login(socks(saying(whole[..cut].to_vec(), false).await));
        let error = refused(&TokioHost::new(), &clear("h", 25, proxy)).await;
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Safe), "{cut}: {error}");
    }
    let proxy = login(socks(saying([&whole[..], b"hello\n"].concat(), false).await));
    let mut connection = TokioHost::new().connect(&clear("h", 25, proxy)).await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), "hello");
}

#[tokio::test]
async fn connectiontimeout_covers_the_proxy_s_silence() {
    for begun in [vec![], vec![5], vec![5, 0], vec![5, 0, 5, 0, 0, 3, 200, 1]] {
        let mut target = clear("h", 25, socks(saying(begun, true).await));
        target.connect_timeout = Duration::from_millis(300);
        let error = refused(&TokioHost::new(), &target).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
        says(&error, &["the SOCKS proxy", "within 0.3 s", "connectiontimeout", "socks.host", "proxy.host"]);
    }
}
