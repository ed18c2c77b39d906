//! Getting to a server at all.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Repeat, Target, TlsMode};
use postrider_net::TokioHost;
use std::time::Duration;
use support::{line, refused, says, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket};

fn clear(host: &str, port: u16) -> Target {
    Target::new(host, port, TlsMode::None).unwrap()
}

async fn hello() -> u16 {
    serve(|mut tcp| async move { tcp.write_all(b"hello\n").await.unwrap() }).await
}

#[tokio::test]
async fn names_and_literals_lead_to_the_server() {
    let port = hello().await;
    for name in ["localhost", "127.0.0.1", "[127.0.0.1]", "[::ffff:127.0.0.1]"] {
        let mut connection = TokioHost::new().connect(&clear(name, port)).await.unwrap();
        assert_eq!(line(&mut connection).await.unwrap(), "hello", "{name}");
        assert!(connection.tls().is_none() && connection.is_loopback(), "{name}");
    }
}

#[tokio::test]
async fn ipv6_literals_work_where_there_is_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    for name in ["::1", "[::1]"] {
        let target = clear(name, listener.local_addr().unwrap().port());
        assert!(TokioHost::new().connect(&target).await.unwrap().is_loopback(), "{name}");
    }
}

#[tokio::test]
async fn a_closed_port_names_every_address_and_the_system_s_words() {
    // Bound and not listening: nobody else can get the port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = socket.local_addr().unwrap();
    let error = refused(&TokioHost::new(), &clear("localhost", closed.port())).await;
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    assert_eq!(error.repeat(), Repeat::Safe);
    says(&error, &["\"localhost\"", &closed.to_string(), "refused", "nothing listens there"]);
}

#[tokio::test]
async fn a_name_without_address_is_an_error_of_the_lookup() {
    for name in ["no-such-host.invalid", "grüße.invalid"] {
        let mut target = clear(name, 25);
        target.connect_timeout = Duration::from_secs(10);
        let error = refused(&TokioHost::new(), &target).await;
        assert_eq!(error.phase(), Phase::Resolve, "{error}");
        // Without any DNS the lookup may hang instead.
        assert!(matches!(error.kind(), ErrorKind::Resolve | ErrorKind::Timeout), "{error}");
        says(&error, &[name, "DNS"]);
    }
}

#[tokio::test]
async fn the_address_filter_is_asked_after_the_lookup() {
    let port = hello().await;
    let guarded = TokioHost::builder().address_filter(|ip| !ip.is_loopback()).build().unwrap();
    for name in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let error = refused(&guarded, &clear(name, port)).await;
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Never), "{name}");
        says(&error, &["does not allow", "127.0.0.1"]);
    }
    let open = TokioHost::builder().address_filter(|ip| ip.is_loopback()).build().unwrap();
    open.connect(&clear("localhost", port)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn time_is_tokio_s_time() {
    let host = TokioHost::new();
    let start = host.now();
    host.sleep(Duration::from_secs(3_600)).await;
    assert_eq!((host.now() - start).as_secs(), 3_600);
}
