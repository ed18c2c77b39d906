//! Signing in at an HTTP proxy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Proxy, SecretRef, Target, TlsMode};
use postrider_net::TokioHost;
use support::proxies::{connecting_http, http, saying};
use support::{line, refused, says, serve};
use tokio::io::AsyncWriteExt;

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
async fn name_and_password_go_to_the_proxy_in_basic_and_not_further() {
    let (proxy, heard) = connecting_http(YES).await;
    let server = serve(|mut tcp| async move {
        let (mut read, mut write) = tcp.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    let proxy = http(proxy).with_login("Aladdin", "open sesame").unwrap();
    let mut connection = TokioHost::new().connect(&clear("h", server, proxy)).await.unwrap();
    // RFC 7617 §2 has this very example.
    assert!(
        heard.all()[0].contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
        "{:?}",
        heard.all()
    );
    // The first the server hears is ours.
    connection.write_all(b"EHLO\n").await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), "EHLO");
}

#[tokio::test]
async fn a_password_that_is_kept_elsewhere_is_looked_up_for_each_connection() {
    let server = hello().await;
    let (proxy, heard) = connecting_http(YES).await;
    let folder = tempfile::tempdir().unwrap();
    let path = support::write(folder.path(), "password", "open sesame\n");
    let reference = SecretRef::parse(&format!("file:{}", path.display())).unwrap().unwrap();
    let target = clear("h", server, http(proxy).with_login("Aladdin", reference).unwrap());
    TokioHost::new().connect(&target).await.unwrap();
    assert!(heard.all()[0].contains("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    support::write(folder.path(), "password", "new");
    TokioHost::new().connect(&target).await.unwrap();
    assert!(heard.all()[1].contains("Basic QWxhZGRpbjpuZXc="));
    // What is looked up can't be checked beforehand.
    support::write(folder.path(), "password", "a\tb");
    let error = refused(&TokioHost::new(), &target).await;
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Configuration, Phase::Connect), "{error}");
    says(&error, &["proxy.password is file:", "control"]);
    std::fs::remove_file(path).unwrap();
    says(&refused(&TokioHost::new(), &target).await, &["connecting: ", "password"]);
    assert_eq!(heard.all().len(), 2);
}

#[tokio::test]
async fn a_proxy_that_repeats_the_password_does_not_get_it_into_the_error() {
    let answer = "HTTP/1.1 407 hush-hush bWU6aHVzaC1odXNo no\r\nLocation: hush-hush\r\n\r\n";
    for answer in [answer.to_owned(), answer.replace("407", "302"), answer.replace("HTTP/1.1", "?")] {
        let proxy = http(saying(answer.into_bytes(), true).await).with_login("me", "hush-hush").unwrap();
        let target = clear("h", 25, proxy);
        let error = refused(&TokioHost::new(), &target).await;
        let shown = format!("{error:?} {target:?}");
        assert!(!shown.contains("hush-hush") && !shown.contains("bWU6aHVzaC1odXNo"), "{shown}");
        says(&error, &["*** *** no"]);
    }
}
