//! What a TLS session is good for once it stands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::Host;
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use support::{Authority, Identity, TLS12, TLS13, echo, hex, line, serve_tls, target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn authority_and_server(
    version: &'static rustls::SupportedProtocolVersion,
) -> (Authority, Identity, ServerConfig) {
    let authority = Authority::new("A");
    let identity = authority.issue(&["localhost"]);
    let mut config = identity.server(&[version], None);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    (authority, identity, config)
}

#[tokio::test]
async fn the_second_connection_resumes_the_first_and_each_has_its_own_channel_binding() {
    let (authority, _, config) = authority_and_server(&TLS13);
    let port = serve_tls(config, echo).await;
    let host = authority.host();
    let mut seen = Vec::new();
    for kind in ["Full", "Resumed"] {
        let mut connection = host.connect(&target("localhost", port)).await.unwrap();
        let greeting = line(&mut connection).await.unwrap();
        let session = connection.tls().unwrap();
        assert_eq!(session.version, "TLSv1.3");
        assert!(session.cipher_suite.starts_with("TLS_AES_"), "{}", session.cipher_suite);
        let binding = session.channel_binding.clone().unwrap();
        assert_eq!(binding.kind, "tls-exporter");
        assert_eq!(greeting, format!("{kind} {}", hex(&binding.data)));
        seen.push(binding.data);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn tls_1_2_resumes_too_and_is_bound_to_the_certificate() {
    let (authority, identity, config) = authority_and_server(&TLS12);
    let port = serve_tls(config, echo).await;
    let host = authority.host().clone();
    for kind in ["Full", "Resumed"] {
        let mut connection = host.connect(&target("localhost", port)).await.unwrap();
        assert!(line(&mut connection).await.unwrap().starts_with(kind));
        let session = connection.tls().unwrap();
        assert_eq!(session.version, "TLSv1.2");
        assert!(session.cipher_suite.starts_with("TLS_ECDHE_"), "{}", session.cipher_suite);
        let binding = session.channel_binding.clone().unwrap();
        assert_eq!(binding.kind, "tls-server-end-point");
        assert_eq!(binding.data, Sha256::digest(&identity.der).to_vec());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mebibytes_pass_both_ways_unchanged() {
    let (authority, _, config) = authority_and_server(&TLS13);
    let port = serve_tls(config, echo).await;
    let mut connection = authority.host().connect(&target("localhost", port)).await.unwrap();
    line(&mut connection).await.unwrap();
    assert!(connection.is_write_vectored());

    let mut state = 1u32;
    let data: Arc<Vec<u8>> = Arc::new(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(10 << 20)
        .collect(),
    );
    let (mut read, mut write) = tokio::io::split(connection);
    let out = data.clone();
    let sender = tokio::spawn(async move {
        let mut sent = 0;
        while sent < out.len() {
            let rest = &out[sent..];
            let (a, b) = rest.split_at(rest.len().min(1_000));
            let parts = [IoSlice::new(a), IoSlice::new(&b[..b.len().min(99_000)])];
            sent += write.write_vectored(&parts).await.unwrap();
        }
        write.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    read.read_to_end(&mut back).await.unwrap();
    sender.await.unwrap();
    assert!(back == *data, "{} bytes came back", back.len());
}

#[tokio::test]
async fn an_end_without_close_notify_is_an_error_and_one_with_it_is_plain() {
    for polite in [true, false] {
        let (authority, _, config) = authority_and_server(&TLS13);
        let port = serve_tls(config, move |mut stream| async move {
            stream.write_all(b"bye").await.unwrap();
            stream.flush().await.unwrap();
            if polite {
                stream.shutdown().await.unwrap();
            }
            // The ticket and the words are out; the socket closes without an alert.
            stream.get_mut().0.shutdown().await.unwrap();
        })
        .await;
        let mut connection = authority.host().connect(&target("localhost", port)).await.unwrap();
        let mut text = Vec::new();
        let end = connection.read_to_end(&mut text).await;
        assert_eq!(text, b"bye");
        assert_eq!(end.map_err(|error| error.kind()).err(), (!polite).then_some(ErrorKind::UnexpectedEof));
    }
}
