//! Through an HTTP proxy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Proxy, ProxyKind, Repeat, Target, TlsMode};
use postrider_net::TokioHost;
use std::time::Duration;
use support::proxies::{connecting_http, http, saying};
use support::{Authority, TLS13, echo, line, refused, says, serve, serve_tls, target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

const YES: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn clear(host: &str, port: u16, proxy: Proxy) -> Target {
    let mut target = Target::new(host, port, TlsMode::None).unwrap();
    target.proxy = Some(proxy);
    target
}

async fn hello() -> u16 {
    serve(|mut tcp| async move { tcp.write_all(b"hello\n").await.unwrap() }).await
}

#[tokio::test]
async fn the_proxy_is_asked_by_name_and_every_yes_is_one() {
    let server = hello().await;
    for yes in [
        YES,
        "HTTP/1.0 200 OK\nVia: x\n\n",
        "HTTP/1.1 204\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 Fine\r\n\r\n",
    ] {
        let (proxy, heard) = connecting_http(yes).await;
        let target = clear("only.the.proxy.knows.invalid", server, http(proxy));
        let mut connection = TokioHost::new().connect(&target).await.unwrap();
        assert_eq!(line(&mut connection).await.unwrap(), "hello", "{yes}");
        // Clear text leaves this machine behind the proxy, however near the proxy is.
        assert!(!connection.is_loopback());
        let place = format!("only.the.proxy.knows.invalid:{server}");
        assert_eq!(heard.all(), [format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")]);
    }
}

#[tokio::test]
async fn a_greeting_in_the_same_packet_is_the_server_s_and_nothing_of_it_is_lost() {
    let port = saying(format!("{YES}220 hello\r\n\r\n").into_bytes(), true).await;
    let mut connection = TokioHost::new().connect(&clear("h", 25, http(port))).await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), "220 hello\r");
}

#[tokio::test]
async fn tls_goes_through_the_proxy_to_the_server_and_resumes() {
    let authority = Authority::new("A");
    let mut config = authority.issue(&["mail.hidden.invalid"]).server(&[&TLS13], None);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    let server = serve_tls(config, echo).await;
    let (proxy, _) = connecting_http(YES).await;
    let host = authority.host();
    for kind in ["Full", "Resumed"] {
        let mut target = target("mail.hidden.invalid", server);
        target.proxy = Some(http(proxy));
        let mut connection = host.connect(&target).await.unwrap();
        assert!(line(&mut connection).await.unwrap().starts_with(kind));
        assert_eq!(connection.tls().unwrap().version, "TLSv1.3");
        assert!(!connection.is_loopback());
    }
    let mut wrong = target("other.hidden.invalid", server);
    wrong.proxy = Some(http(proxy));
    says(&refused(&host, &wrong).await, &["other.hidden.invalid", "mail.hidden.invalid"]);
}

#[tokio::test]
async fn starttls_goes_through_the_proxy_too() {
    let authority = Authority::new("A");
    let server = serve_tls(authority.issue(&["h"]).server(&[&TLS13], None), echo).await;
    let (proxy, _) = connecting_http(YES).await;
    let mut target = target("h", server);
    (target.tls, target.proxy) = (TlsMode::StartTls, Some(http(proxy)));
    let connection = authority.host().connect(&target).await.unwrap();
    let mut connection = connection.start_tls(&target).await.unwrap();
    assert!(line(&mut connection).await.unwrap().starts_with("Full"));
}

#[tokio::test]
async fn names_and_addresses_are_written_as_the_proxy_wants_them() {
    for (host, want) in [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("mail.example.", "mail.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ] {
        let server = hello().await;
        let (proxy, heard) = connecting_http(YES).await;
        TokioHost::new().connect(&clear(host, server, http(proxy))).await.unwrap();
        assert!(heard.all()[0].starts_with(&format!("CONNECT {want}:{server} HTTP/1.1\r\n")), "{host}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_proxy_s_words_and_says_what_to_do() {
    use ErrorKind::{Authentication, Connect, Protocol};
    let basic = "HTTP/1.1 407 Proxy Auth Needed\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
    for (answer, login, kind, repeat, words) in [
        (basic, false, Authentication, Repeat::Never, ["407 Proxy Auth Needed", "set proxy.user"]),
        (
            "HTTP/1.1 401 Unauthorized\r\n\r\n",
            true,
            Authentication,
            Repeat::Never,
            ["401 Unau", "name \"me\""],
        ),
        (basic, true, Authentication, Repeat::Never, ["name \"me\"", "check proxy.user"]),
        (
            "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate x\r\n\r\n",
            true,
            Authentication,
            Repeat::Never,
            ["by NTLM, Negotiate only", "only Basic"],
        ),
        (
            "HTTP/1.1 502 Bad \x1b[31mGateway\r\n\r\n",
            false,
            Connect,
            Repeat::Safe,
            ["502 Bad \\u{1b}[31mGateway", "check host and port"],
        ),
        ("HTTP/1.0 403 Forbidden\r\n\r\n", false, Connect, Repeat::Never, ["403 Forbidden", "port 443 only"]),
        ("HTTP/1.1 501 What\r\n\r\n", false, Connect, Repeat::Never, ["knows no CONNECT", "socks.host"]),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n<html>",
            false,
            Connect,
            Repeat::Never,
            ["http://login.hotel.example/", "captive portal"],
        ),
        ("HTTP/1.1 511 Network\r\n\r\n", false, Connect, Repeat::Never, ["511 Network", "captive portal"]),
        ("HTTP/1.1 101 Switching\r\n\r\n", false, Protocol, Repeat::Never, ["101 Switching", "proxy.host"]),
        ("HTTP/1.1 999 ?\r\n\r\n", false, Protocol, Repeat::Never, ["999 ?", "proxy.port"]),
    ] {
        let mut proxy = http(saying(answer.into(), true).await);
        if login {
            proxy = proxy.with_login("me", "hush").unwrap();
        }
        let error = refused(&TokioHost::new(), &clear("mail.example", 587, proxy)).await;
        assert_eq!((error.kind(), error.phase(), error.repeat()), (kind, Phase::Connect, repeat), "{error}");
        says(&error, &words);
        says(&error, &["the HTTP proxy 127.0.0.1:"]);
        assert!(!error.to_string().contains('\x1b'));
    }
}

#[tokio::test]
async fn what_is_no_http_proxy_is_shown_and_named() {
    for (answer, words) in [
        ("220 mail.example ESMTP\r\n", ["\"220 mail.example ESMTP\"", "another service"]),
        ("\x05\u{7f}", ["\\u{5}", "socks.host"]),
        ("\x15\x03\x01", ["\\u{15}", "in the clear"]),
        ("<html>\r\n\r\n", ["\"<html>\"", "another service"]),
        ("HTTP/2 200 OK\r\n\r\n", ["HTTP/2 200 OK", "another service"]),
        ("HTTP/1.1 twohundred\r\n\r\n", ["HTTP/1.1 twohundred", "another service"]),
        ("HTTP/1.1\r\n\r\n", ["HTTP/1.1", "another service"]),
    ] {
        let proxy = http(saying(answer.into(), true).await);
        let error = refused(&TokioHost::new(), &clear("h", 25, proxy)).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Connect), "{error}");
        says(&error, &["does not speak HTTP"]);
        says(&error, &words);
    }
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_an_end_and_one_without_end_is_bounded() {
    for cut in 0..YES.len() {
        let proxy = http(saying(YES[..cut].into(), false).await);
        let error = refused(&TokioHost::new(), &clear("h", 25, proxy)).await;
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Safe), "{cut}: {error}");
        says(&error, &["closed the connection"]);
    }
    let long = format!("HTTP/1.1 200 {}", "x".repeat(100_000));
    let fields = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000));
    let announcements = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    for endless in [long, fields, announcements] {
        let proxy = http(saying(endless.into_bytes(), true).await);
        let error = refused(&TokioHost::new(), &clear("h", 25, proxy)).await;
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        says(&error, &["16384 bytes"]);
    }
}

#[tokio::test]
async fn connectiontimeout_covers_the_proxy_s_silence() {
    for begun in ["", "HTTP/1.1 200 OK\r\n"] {
        let mut target = clear("h", 25, http(saying(begun.into(), true).await));
        target.connect_timeout = Duration::from_millis(300);
        let error = refused(&TokioHost::new(), &target).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
        says(&error, &["the HTTP proxy", "within 0.3 s", "connectiontimeout", "proxy.host"]);
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_apart_from_the_server() {
    // Bound and not listening: nobody else can get the port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = socket.local_addr().unwrap();
    let error = refused(&TokioHost::new(), &clear("h", 25, http(closed.port()))).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    says(&error, &["the HTTP proxy \"127.0.0.1\"", "refused"]);
    let nowhere = Proxy::new(ProxyKind::Http, "no-such-proxy.invalid", 80).unwrap();
    let mut target = clear("h", 25, nowhere);
    target.connect_timeout = Duration::from_secs(10);
    let error = refused(&TokioHost::new(), &target).await;
    assert_eq!(error.phase(), Phase::Resolve);
    says(&error, &["no-such-proxy.invalid"]);
}

#[tokio::test]
async fn the_address_filter_is_asked_for_the_proxy_and_for_a_literal_server() {
    let server = hello().await;
    let (proxy, heard) = connecting_http(YES).await;
    let guarded = TokioHost::builder().address_filter(|ip| !ip.is_loopback()).build().unwrap();
    says(&refused(&guarded, &clear("h", server, http(proxy))).await, &["HTTP proxy", "does not allow"]);
    let fenced =
        TokioHost::builder().address_filter(|ip| ip.to_string() != "169.254.169.254").build().unwrap();
    let error = refused(&fenced, &clear("169.254.169.254", server, http(proxy))).await;
    says(&error, &["169.254.169.254", "does not allow"]);
    assert!(heard.all().is_empty());
    fenced.connect(&clear("h", server, http(proxy))).await.unwrap();
}

#[tokio::test]
async fn whoever_looks_for_a_cause_gets_the_proxy_s_addresses_and_the_way_through_it() {
    let server = hello().await;
    let (proxy, _) = connecting_http(YES).await;
    let target = clear("only.the.proxy.knows.invalid", server, http(proxy));
    let host = TokioHost::new();
    let addresses = host.resolve(&target).await.unwrap();
    assert_eq!(addresses, [format!("127.0.0.1:{proxy}").parse().unwrap()]);
    let mut connection = host.connect_to(&target, addresses[0]).await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), "hello");
}
