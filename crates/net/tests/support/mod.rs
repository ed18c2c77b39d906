//! Certificates, servers on loopback sockets, and targets for them.
// Each test file uses a part of it.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

pub mod proxies;

use postrider_core::{Connection, Error, Host, Target, TlsMode};
use postrider_net::TokioHost;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

// Re-exported for the tests that choose a version.
#[allow(unused_imports)]
pub use rustls::version::{TLS12, TLS13};

/// A certificate authority.
pub struct Authority {
    pub pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        Self { pem: own.pem(), der: own.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_between(names, 2020, 2090)
    }

    pub fn issue_between(&self, names: &[&str], from: i32, to: i32) -> Identity {
        let (params, key) = leaf(names, from, to);
        let own = params.signed_by(&key, &self.issuer).unwrap();
        Identity { pem: own.pem(), der: own.der().clone(), key }
    }

    pub fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        Arc::new(roots)
    }

    /// A host that trusts this authority only.
    pub fn host(&self) -> TokioHost {
        TokioHost::builder().roots_pem(self.pem.as_str()).build().unwrap()
    }
}

/// A certificate and its key.
pub struct Identity {
    pub pem: String,
    pub der: CertificateDer<'static>,
    pub key: KeyPair,
}

impl Identity {
    pub fn self_signed(names: &[&str], is_ca: bool) -> Self {
        let (mut params, key) = leaf(names, 2020, 2090);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let own = params.self_signed(&key).unwrap();
        Self { pem: own.pem(), der: own.der().clone(), key }
    }

    /// A server configuration; with `clients` it demands certificates of that authority.
    pub fn server(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(authority.roots(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        builder.with_single_cert(vec![self.der.clone()], key).unwrap()
    }
}

fn leaf(names: &[&str], from: i32, to: i32) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    (params, KeyPair::generate().unwrap())
}

/// Serves every connection with `work`; gives the port.
pub async fn serve<F>(work: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(work(tcp));
        }
    });
    port
}

/// Serves TLS: after the handshake `work` has the stream.
pub async fn serve_tls<F>(
    config: ServerConfig,
    work: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |tcp| {
        let (acceptor, work) = (acceptor.clone(), work.clone());
        async move {
            if let Ok(stream) = acceptor.accept(tcp).await {
                work(stream).await;
            }
        }
    })
    .await
}

/// Says what kind of handshake it was and the exported channel binding, then echoes.
pub async fn echo(mut stream: TlsStream<TcpStream>) {
    let session = stream.get_ref().1;
    let kind = session.handshake_kind().unwrap();
    let exported = session.export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", Some(b""));
    let greeting = format!("{kind:?} {}\n", hex(&exported.unwrap()));
    stream.write_all(greeting.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut read, &mut write).await;
    let _ = write.shutdown().await;
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads up to a line feed.
pub async fn line(connection: &mut Box<dyn Connection>) -> std::io::Result<String> {
    let mut out = Vec::new();
    loop {
        match connection.read_u8().await? {
            b'\n' => return Ok(String::from_utf8(out).unwrap()),
            byte => out.push(byte),
        }
    }
}

/// A target on loopback with TLS from the start and short deadlines.
pub fn target(host: &str, port: u16) -> Target {
    let mut target = Target::new(host, port, TlsMode::Implicit).unwrap();
    target.connect_timeout = Duration::from_secs(20);
    target.tls_options.handshake_timeout = Duration::from_secs(20);
    target
}

/// The error that connecting ends in.
pub async fn refused(host: &TokioHost, target: &Target) -> Error {
    match host.connect(target).await {
        Ok(_) => panic!("connected to {target:?}"),
        Err(error) => error,
    }
}

/// Checks that an error says all of these.
pub fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "\"{word}\" is not in: {text}");
    }
}

pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
