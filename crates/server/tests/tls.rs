//! TLS: certificates, and SCRAM bound to the channel by a client written from the RFCs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use postrider_server::Server;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Client = BufReader<TlsStream<TcpStream>>;

async fn connect(server: &Server, port: u16, version: &'static rustls::SupportedProtocolVersion) -> Client {
    try_connect(server, port, version).await.unwrap()
}

async fn try_connect(
    server: &Server,
    port: u16,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<Client> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(BufReader::new)
}

async fn ask(client: &mut Client, line: &str) -> String {
    client.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    hear(client).await
}

async fn hear(client: &mut Client) -> String {
    let mut line = String::new();
    client.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(data).finalize().into_bytes().into()
}

/// client-final-message for a challenge, and the server's signature to expect.
fn answer(first_bare: &str, challenge: &str, channel: &[u8], password: &str) -> (String, String) {
    let field = |name: &str| challenge.split(',').find_map(|f| f.strip_prefix(name)).unwrap();
    let salt = STANDARD.decode(field("s=")).unwrap();
    let salted =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, field("i=").parse().unwrap());
    let without_proof = format!("c={},r={}", STANDARD.encode(channel), field("r="));
    let auth_message = format!("{first_bare},{challenge},{without_proof}");
    let client_key = hmac(&salted, b"Client Key");
    let signature = hmac(&Sha256::digest(client_key), auth_message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    let verifier = hmac(&hmac(&salted, b"Server Key"), auth_message.as_bytes());
    (format!("{without_proof},p={}", STANDARD.encode(proof)), format!("v={}", STANDARD.encode(verifier)))
}

async fn log_in(client: &mut Client, plus: bool, binding: &[u8], password: &str) -> String {
    let (mechanism, header) =
        if plus { ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,") } else { ("SCRAM-SHA-256", "n,,") };
    let bare = "n=alice,r=abcdef";
    let initial = STANDARD.encode(format!("{header}{bare}"));
    let challenge = ask(client, &format!("a AUTHENTICATE {mechanism} {initial}")).await;
    let challenge =
        String::from_utf8(STANDARD.decode(challenge.strip_prefix("+ ").unwrap()).unwrap()).unwrap();
    let (last, verifier) = answer(bare, &challenge, &[header.as_bytes(), binding].concat(), password);
    let reply = ask(client, &STANDARD.encode(last)).await;
    match reply.strip_prefix("+ ") {
        Some(signature) => {
            assert_eq!(STANDARD.decode(signature).unwrap(), verifier.as_bytes());
            ask(client, "").await
        }
        None => reply,
    }
}

fn exporter(client: &Client) -> [u8; 32] {
    client
        .get_ref()
        .get_ref()
        .1
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
        .unwrap()
}

#[tokio::test]
async fn the_channel_is_bound_in_tls13() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let imaps = server.imaps_port();
    let mut client = connect(&server, imaps, &rustls::version::TLS13).await;
    assert!(hear(&mut client).await.contains("AUTH=SCRAM-SHA-256-PLUS"));
    let binding = exporter(&client);
    assert!(log_in(&mut client, true, &binding, "wrong").await.starts_with("a NO [AUTHENTICATIONFAILED]"));
    assert!(log_in(&mut client, true, &[7; 32], "secret").await.starts_with("a NO"));
    assert!(log_in(&mut client, true, &binding, "secret").await.starts_with("a OK"));

    let mut client = connect(&server, imaps, &rustls::version::TLS13).await;
    hear(&mut client).await;
    assert!(log_in(&mut client, false, b"", "secret").await.starts_with("a OK"));
}

#[tokio::test]
async fn there_is_nothing_to_bind_to_in_tls12() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    let mut client = connect(&server, server.imaps_port(), &rustls::version::TLS12).await;
    let greeting = hear(&mut client).await;
    assert!(greeting.contains("AUTH=SCRAM-SHA-256 ") && !greeting.contains("256-PLUS"), "{greeting}");
    assert!(log_in(&mut client, false, b"", "secret").await.starts_with("a OK"));
}

#[tokio::test]
async fn certificates_can_be_wrong_on_purpose() {
    let expired = Server::builder().expired_certificate().start().await.unwrap();
    let other = Server::builder().certificate_names(&["elsewhere.test"]).start().await.unwrap();
    for (server, complaint) in [(expired, "Expired"), (other, "NotValidForName")] {
        let failed = try_connect(&server, server.smtps_port(), &rustls::version::TLS13).await;
        let error = format!("{:?}", failed.err().unwrap());
        assert!(error.contains(complaint), "{error}");
    }
    assert!(Server::builder().catch_all("nobody").start().await.is_err());
}
