//! Versions of TLS and cipher suites that a target chooses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{CipherSuite, ErrorKind, Host, Target, TlsVersion};
use support::{Authority, TLS12, TLS13, echo, refused, says, serve_tls, target};

fn suites(target: &mut Target, names: &[&str]) {
    target.tls_options.cipher_suites = names.iter().map(|name| CipherSuite::named(name).unwrap()).collect();
}

#[tokio::test]
async fn the_version_is_one_of_those_chosen() {
    use TlsVersion::{Tls12, Tls13};
    let authority = Authority::new("A");
    let both = serve_tls(authority.issue(&["localhost"]).server(&[&TLS12, &TLS13], None), echo).await;
    let host = authority.host();
    for (chosen, spoken) in [
        (vec![], "TLSv1.3"),
        (vec![Tls12], "TLSv1.2"),
        (vec![Tls13], "TLSv1.3"),
        (vec![Tls12, Tls13], "TLSv1.3"),
    ] {
        let mut target = target("localhost", both);
        target.tls_options.protocols = chosen;
        assert_eq!(host.connect(&target).await.unwrap().tls().unwrap().version, spoken);
    }
}

#[tokio::test]
async fn a_server_without_any_of_them_is_told_from_one_that_is_too_old() {
    let authority = Authority::new("A");
    for (served, chosen, word) in
        [(&TLS12, TlsVersion::Tls13, "TLSv1.3 only"), (&TLS13, TlsVersion::Tls12, "TLSv1.2 only")]
    {
        let port = serve_tls(authority.issue(&["localhost"]).server(&[served], None), echo).await;
        let mut target = target("localhost", port);
        target.tls_options.protocols = vec![chosen];
        let error = refused(&authority.host(), &target).await;
        assert_eq!(error.kind(), ErrorKind::Tls);
        says(&error, &["ssl.protocols allows", word]);
    }
}

#[tokio::test]
async fn the_cipher_suite_is_one_of_those_chosen_in_their_order() {
    let authority = Authority::new("A");
    let host = authority.host();
    for (version, chosen) in [
        (&TLS13, &["TLS_CHACHA20_POLY1305_SHA256"][..]),
        (&TLS13, &["TLS_AES_128_GCM_SHA256"]),
        (&TLS12, &["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]),
        (&TLS12, &["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]),
    ] {
        let mut config = authority.issue(&["localhost"]).server(&[version], None);
        config.ignore_client_order = false;
        let port = serve_tls(config, echo).await;
        let mut target = target("localhost", port);
        suites(&mut target, chosen);
        let connection = host.connect(&target).await.unwrap();
        assert_eq!(connection.tls().unwrap().cipher_suite, chosen[0]);
    }
}

#[tokio::test]
async fn a_server_without_any_of_the_suites_is_told_what_was_allowed() {
    let authority = Authority::new("A");
    // The server's key is an elliptic one.
    for (version, chosen) in [
        (&TLS12, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (&TLS12, "TLS_AES_128_GCM_SHA256"),
        (&TLS13, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ] {
        let port = serve_tls(authority.issue(&["localhost"]).server(&[version], None), echo).await;
        let mut target = target("localhost", port);
        suites(&mut target, &[chosen]);
        let error = refused(&authority.host(), &target).await;
        assert_eq!(error.kind(), ErrorKind::Tls);
        says(&error, &["ssl.ciphersuites allows", chosen]);
    }
}
