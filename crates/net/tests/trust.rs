//! Whose certificate is accepted when a target says so, and that nothing of it spills over to others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Fingerprint, Host, Phase, Target, Trust};
use postrider_net::TokioHost;
use rcgen::PublicKeyData;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use support::{Authority, Identity, TLS12, TLS13, echo, line, refused, says, serve_tls, target};

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    Fingerprint::new(Sha256::digest(bytes).into())
}

fn spki(identity: &Identity) -> Fingerprint {
    fingerprint(&identity.key.subject_public_key_info())
}

async fn accepted(host: &TokioHost, target: &Target) -> String {
    let mut connection = host.connect(target).await.unwrap_or_else(|error| panic!("{error}"));
    line(&mut connection).await.unwrap()
}

async fn serving(identity: &Identity) -> u16 {
    serve_tls(identity.server(&[&TLS12, &TLS13], None), echo).await
}

#[tokio::test]
async fn a_pinned_certificate_or_key_needs_no_authority_no_name_and_no_date() {
    let authority = Authority::new("trusted here");
    let stranger = Authority::new("stranger");
    for identity in [
        Identity::self_signed(&["localhost"], false),
        Identity::self_signed(&["other.example"], true),
        stranger.issue(&["localhost"]),
        stranger.issue_between(&["localhost"], 2019, 2020),
    ] {
        for version in [&TLS12, &TLS13] {
            let port = serve_tls(identity.server(&[version], None), echo).await;
            let host = authority.host();
            for pin in [fingerprint(&identity.der), spki(&identity)] {
                let mut target = target("localhost", port);
                target.tls_options.fingerprints = vec![Fingerprint::new([7; 32]), pin];
                assert!(accepted(&host, &target).await.starts_with("Full"));
            }
            refused(&host, &target("localhost", port)).await;
        }
    }
}

#[tokio::test]
async fn another_certificate_is_refused_even_if_an_authority_vouches_for_it() {
    let authority = Authority::new("A");
    let identity = authority.issue(&["localhost"]);
    let port = serving(&identity).await;
    let mut target = target("localhost", port);
    target.tls_options.fingerprints = vec![Fingerprint::new([7; 32])];
    for trust in [Trust::Authorities, Trust::Any] {
        target.tls_options.trust = trust;
        let error = refused(&authority.host(), &target).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));
        let (certificate, key) = (fingerprint(&identity.der).to_string(), spki(&identity).to_string());
        says(&error, &["ssl.fingerprints", &certificate, &key, "pretend"]);
    }
}

/// Shows a certificate without having its key.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn who_shows_the_certificate_without_having_its_key_is_refused_whatever_is_left_out() {
    let authority = Authority::new("A");
    let (real, own) = (authority.issue(&["localhost"]), authority.issue(&["impostor"]));
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let shown = Arc::new(CertifiedKey::new(vec![real.der.clone()], key));
    for version in [&TLS12, &TLS13] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = config.with_no_client_auth().with_cert_resolver(Arc::new(Impostor(shown.clone())));
        let port = serve_tls(config, echo).await;
        let try_with = async |change: &dyn Fn(&mut Target)| {
            let mut target = target("localhost", port);
            change(&mut target);
            let error = refused(&authority.host(), &target).await;
            assert_eq!(error.kind(), ErrorKind::Tls);
            says(&error, &["ignature"]);
        };
        try_with(&|_| ()).await;
        try_with(&|target| target.tls_options.fingerprints = vec![fingerprint(&real.der)]).await;
        try_with(&|target| target.tls_options.fingerprints = vec![spki(&real)]).await;
        try_with(&|target| target.tls_options.trust = Trust::Any).await;
        try_with(&|target| target.tls_options.check_server_identity = false).await;
        try_with(&|target| {
            target.tls_options.trust = Trust::Any;
            target.tls_options.check_server_identity = false;
        })
        .await;
    }
}

#[tokio::test]
async fn trust_leaves_the_name_and_checkserveridentity_leaves_the_authority() {
    let (authority, stranger) = (Authority::new("A"), Authority::new("stranger"));
    let hosts = |names: &[&str]| Trust::Hosts(names.iter().map(ToString::to_string).collect());
    // Signed by a trusted authority? For the right name? Trust. Name checked? Accepted?
    for (known, named, trust, check, good) in [
        (true, true, Trust::Authorities, true, true),
        (false, true, Trust::Authorities, true, false),
        (false, true, Trust::Any, true, true),
        (false, false, Trust::Any, true, false),
        (false, false, Trust::Any, false, true),
        (false, true, hosts(&["LOCALHOST", "x.example"]), true, true),
        (false, false, hosts(&["localhost"]), true, false),
        (false, true, hosts(&["x.example"]), true, false),
        (true, true, hosts(&["x.example"]), true, true),
        (true, false, hosts(&["x.example"]), true, false),
        (true, false, Trust::Authorities, false, true),
        (false, true, Trust::Authorities, false, false),
    ] {
        let signer = if known { &authority } else { &stranger };
        let port = serving(&signer.issue(&[if named { "localhost" } else { "other.example" }])).await;
        let mut target = target("localhost", port);
        let case = format!("{known} {named} {trust:?} {check}");
        (target.tls_options.trust, target.tls_options.check_server_identity) = (trust, check);
        match authority.host().connect(&target).await {
            Ok(_) => assert!(good, "accepted: {case}"),
            Err(error) => {
                assert!(!good, "{case}: {error}");
                assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));
                says(&error, &[if named { "ssl.cafile" } else { "other.example" }]);
            }
        }
    }
}

#[tokio::test]
async fn what_one_target_lets_pass_is_not_let_pass_or_resumed_for_another() {
    let mut config = Identity::self_signed(&["localhost"], false).server(&[&TLS13], None);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    let port = serve_tls(config, echo).await;
    let host = Authority::new("A").host();
    let strict = target("localhost", port);
    let mut blind = strict.clone();
    blind.tls_options.trust = Trust::Any;
    assert!(accepted(&host, &blind).await.starts_with("Full"));
    assert!(accepted(&host, &blind).await.starts_with("Resumed"));
    says(&refused(&host, &strict).await, &["self-signed", "ssl.fingerprints"]);
    let mut other = blind.clone();
    other.tls_options.check_server_identity = false;
    assert!(accepted(&host, &other).await.starts_with("Full"));
}

#[tokio::test]
async fn pinned_sessions_resume() {
    let identity = Identity::self_signed(&["localhost"], false);
    for version in [&TLS12, &TLS13] {
        let mut config = identity.server(&[version], None);
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        let port = serve_tls(config, echo).await;
        let mut target = target("localhost", port);
        target.tls_options.fingerprints = vec![spki(&identity)];
        let host = TokioHost::new();
        assert!(accepted(&host, &target).await.starts_with("Full"));
        assert!(accepted(&host, &target).await.starts_with("Resumed"));
    }
}

/// Keeps the texts of warnings.
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        *about.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            text.push_str(&format!("{field}={value:?} "));
        });
        self.0.lock().unwrap().push(text);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn each_check_that_is_left_out_is_warned_of_once() {
    let identity = Identity::self_signed(&["localhost"], false);
    let port = serving(&identity).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _guard = tracing::subscriber::set_default(Warnings(heard.clone()));
    let host = Authority::new("A").host();
    let mut pinned = target("localhost", port);
    pinned.tls_options.fingerprints = vec![spki(&identity)];
    accepted(&host, &pinned).await;
    assert!(heard.lock().unwrap().is_empty());
    let mut target = target("localhost", port);
    target.tls_options.trust = Trust::Any;
    target.tls_options.check_server_identity = false;
    accepted(&host, &target).await;
    accepted(&host, &target).await;
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].contains("localhost") && heard[0].contains("ssl.trust"), "{heard:?}");
    assert!(heard[1].contains("ssl.checkserveridentity"), "{heard:?}");
}
