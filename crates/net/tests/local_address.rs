//! Where on this machine connections come from.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, LocalAddress, Phase, Repeat, Target, TlsMode};
use postrider_net::TokioHost;
use support::proxies::{http, request};
use support::{line, refused, says, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Tells who connects.
async fn telling() -> u16 {
    serve(|mut tcp| async move {
        let peer = tcp.peer_addr().unwrap();
        tcp.write_all(format!("{peer}\n").as_bytes()).await.unwrap();
    })
    .await
}

fn from(local: LocalAddress, host: &str, port: u16) -> Target {
    let mut target = Target::new(host, port, TlsMode::None).unwrap();
    target.local_address = Some(local);
    target
}

// All of 127.0.0.0/8 is this machine on Linux only.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_server_sees_the_address_that_was_chosen() {
    let port = telling().await;
    for (local, seen) in
        [("127.0.0.2", "127.0.0.2:"), ("[127.0.0.3]", "127.0.0.3:"), ("localhost", "127.0.0.1:")]
    {
        let target = from(LocalAddress::new(local, 0), "127.0.0.1", port);
        let mut connection = TokioHost::new().connect(&target).await.unwrap();
        let told = line(&mut connection).await.unwrap();
        assert!(told.starts_with(seen), "{local}: {told}");
    }
    let mut connection =
        TokioHost::new().connect(&Target::new("127.0.0.1", port, TlsMode::None).unwrap()).await.unwrap();
    assert!(line(&mut connection).await.unwrap().starts_with("127.0.0.1:"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_port_is_the_one_that_was_chosen_and_a_taken_one_is_named() {
    let port = telling().await;
    // Free a moment ago, on an address nobody else here uses.
    let free = TcpListener::bind("127.0.0.4:0").await.unwrap().local_addr().unwrap();
    let target = from(LocalAddress::new("127.0.0.4", free.port()), "127.0.0.1", port);
    let mut connection = TokioHost::new().connect(&target).await.unwrap();
    assert_eq!(line(&mut connection).await.unwrap(), free.to_string());
    drop(connection);

    let taken = TcpListener::bind("127.0.0.5:0").await.unwrap().local_addr();
    let held = TcpListener::bind(taken.unwrap()).await.unwrap();
    let target = from(LocalAddress::new("127.0.0.5", held.local_addr().unwrap().port()), "127.0.0.1", port);
    let error = refused(&TokioHost::new(), &target).await;
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Safe));
    says(&error, &["localaddress 127.0.0.5:", "one connection at a time"]);
}

#[tokio::test]
async fn an_address_that_can_t_be_used_names_the_property() {
    let port = telling().await;
    for (local, words) in [
        ("192.0.2.1", ["192.0.2.1:0", "address of this machine"]),
        ("::1", ["not an IPv4 address", "address of this machine"]),
    ] {
        let error = refused(&TokioHost::new(), &from(LocalAddress::new(local, 0), "127.0.0.1", port)).await;
        let seen = (error.kind(), error.phase(), error.repeat());
        assert_eq!(seen, (ErrorKind::Configuration, Phase::Connect, Repeat::Never), "{error}");
        says(&error, &["localaddress"]);
        says(&error, &words);
    }
    let nobody = from(LocalAddress::new("no-such-host.invalid", 0), "127.0.0.1", port);
    says(&refused(&TokioHost::new(), &nobody).await, &["localaddress is \"no-such-host.invalid\""]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_is_the_proxy_that_sees_it_where_there_is_one() {
    let proxy = serve(|mut tcp| async move {
        request(&mut tcp).await.unwrap();
        let peer = tcp.peer_addr().unwrap();
        tcp.write_all(format!("HTTP/1.1 200 OK\r\n\r\n{peer}\n").as_bytes()).await.unwrap();
    })
    .await;
    let mut target = from(LocalAddress::new("127.0.0.2", 0), "h", 25);
    target.proxy = Some(http(proxy));
    let mut connection = TokioHost::new().connect(&target).await.unwrap();
    assert!(line(&mut connection).await.unwrap().starts_with("127.0.0.2:"));
}
