//! What a host tells whoever looks for the cause of a failure.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Target, TlsMode};
use postrider_net::{Certificate, TokioHost};
use std::error::Error as _;
use std::io;
use support::{Authority, TLS13, echo, line, serve_tls, target};
use tokio::net::TcpSocket;

#[tokio::test]
async fn addresses_are_told_as_they_would_be_tried_and_the_filter_counts() {
    let target = Target::new("localhost", 25, TlsMode::None).unwrap();
    let addresses = TokioHost::new().resolve(&target).await.unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(|a| a.ip().is_loopback() && a.port() == 25));
    let none = TokioHost::builder().address_filter(|ip| !ip.is_loopback()).build().unwrap();
    assert_eq!(none.resolve(&target).await.unwrap_err().kind(), ErrorKind::Connect);
    let Err(error) = none.connect_to(&target, addresses[0]).await else { panic!("it is forbidden") };
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    let missing = Target::new("no-such-name.invalid", 25, TlsMode::None).unwrap();
    assert_eq!(TokioHost::new().resolve(&missing).await.unwrap_err().kind(), ErrorKind::Resolve);
}

#[tokio::test]
async fn one_address_is_connected_to_in_the_clear_and_shows_its_certificates_after_start_tls() {
    let authority = Authority::new("an authority");
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    let der = identity.der.to_vec();
    let port = serve_tls(identity.server(&[&TLS13], None), echo).await;
    // The name of the target is what the certificate must be for, whatever address is used.
    let target = target("localhost", port);
    let host = authority.host();
    let connection = host.connect_to(&target, ([127, 0, 0, 1], port).into()).await.unwrap();
    assert!(connection.tls().is_none(), "in the clear first, although the target wants TLS");
    let mut connection = connection.start_tls(&target).await.unwrap();
    let session = connection.tls().unwrap().clone();
    assert_eq!(session.certificates.first(), Some(&der));
    let certificate = Certificate::read(&session.certificates[0]).unwrap();
    assert_eq!((certificate.subject.as_str(), certificate.issuer.as_str()), ("leaf", "an authority"));
    assert_eq!(certificate.names, ["localhost", "127.0.0.1"]);
    assert_eq!(certificate.days(), ("2020-01-01".to_owned(), "2090-01-01".to_owned()));
    assert!(line(&mut connection).await.unwrap().starts_with("Full"));
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_told_from_one_that_is_silent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let target = Target::new("localhost", address.port(), TlsMode::None).unwrap();
    let Err(error) = TokioHost::new().connect_to(&target, address).await else { panic!("nobody is there") };
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!((error.kind(), cause.kind()), (ErrorKind::Connect, io::ErrorKind::ConnectionRefused));
}
