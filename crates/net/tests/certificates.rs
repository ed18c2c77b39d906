//! Which certificates are accepted, and what is said of the others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::{ErrorKind, Host, Phase, Repeat};
use postrider_net::TokioHost;
use std::fs::File;
use std::time::{Duration, SystemTime};
use support::{Authority, Identity, TLS12, TLS13, echo, line, refused, says, serve_tls, target, write};

async fn serve(identity: &Identity) -> u16 {
    serve_tls(identity.server(&[&TLS13, &TLS12], None), echo).await
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted_for_its_names_and_addresses() {
    let authority = Authority::new("A");
    let port = serve(&authority.issue(&["localhost", "127.0.0.1"])).await;
    for name in ["localhost", "LOCALHOST", "127.0.0.1", "[127.0.0.1]"] {
        let mut connection = authority.host().connect(&target(name, port)).await.unwrap();
        assert!(line(&mut connection).await.unwrap().starts_with("Full"), "{name}");
        assert!(connection.is_loopback());
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_names_the_property_that_would_trust_it() {
    let port = serve(&Authority::new("B").issue(&["localhost"])).await;
    for host in [Authority::new("A").host(), TokioHost::new()] {
        let error = refused(&host, &target("localhost", port)).await;
        says(&error, &["ssl.cafile"]);
        // A machine without any authorities says so instead.
        if error.kind() != ErrorKind::Configuration {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));
            says(&error, &["not trusted here", "localhost:"]);
            assert_eq!((error.property().unwrap().0, error.repeat()), ("ssl.cafile", Repeat::Never));
        }
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_unless_it_is_named_itself() {
    let identity = Identity::self_signed(&["localhost"], false);
    let port = serve(&identity).await;
    let host = Authority::new("A").host();
    let mut target = target("localhost", port);
    says(&refused(&host, &target).await, &["self-signed", "ssl.cafile"]);

    let folder = tempfile::tempdir().unwrap();
    target.tls_options.ca_file = Some(write(folder.path(), "own.pem", &identity.pem));
    host.connect(&target).await.unwrap();
}

#[tokio::test]
async fn a_self_signed_authority_as_server_says_what_is_wrong_with_it() {
    let identity = Identity::self_signed(&["localhost"], true);
    let port = serve(&identity).await;
    let host = TokioHost::builder().roots_pem(identity.pem.as_str()).build().unwrap();
    says(&refused(&host, &target("localhost", port)).await, &["CA:TRUE", "CA:FALSE"]);
}

#[tokio::test]
async fn expired_and_not_yet_valid_certificates_say_the_day() {
    let authority = Authority::new("A");
    for (from, to, words) in [
        (2020, 2021, ["expired on 2021-01-01", "renewed"]),
        (2080, 2090, ["valid only from 2080-01-01", "clock"]),
    ] {
        let port = serve(&authority.issue_between(&["localhost"], from, to)).await;
        let error = refused(&authority.host(), &target("localhost", port)).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));
        says(&error, &words);
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_says_whom_it_is_for() {
    let authority = Authority::new("A");
    let port = serve(&authority.issue(&["mail.example.org", "*.example.net", "192.0.2.7"])).await;
    let error = refused(&authority.host(), &target("localhost", port)).await;
    says(&error, &["\"localhost\"", "mail.example.org", "*.example.net", "192.0.2.7", "host property"]);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Tls));

    let error = refused(&authority.host(), &target("127.0.0.1", port)).await;
    says(&error, &["\"127.0.0.1\"", "mail.example.org"]);

    let port = serve(&authority.issue(&[])).await;
    let error = refused(&authority.host(), &target("localhost", port)).await;
    says(&error, &["no name at all", "subject alternative names"]);
}

#[tokio::test]
async fn an_authority_file_replaces_the_roots_and_is_read_again_when_it_changes() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let port = serve(&new.issue(&["localhost"])).await;
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "ca.pem", &old.pem);
    let mut target = target("localhost", port);
    target.tls_options.ca_file = Some(path.clone());
    // The host itself would trust the server.
    let host = new.host();
    says(&refused(&host, &target).await, &["ssl.cafile", "ca.pem", "replaces the system's"]);

    write(folder.path(), "ca.pem", &new.pem);
    let later = SystemTime::now() + Duration::from_secs(5);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    host.connect(&target).await.unwrap();
}

#[tokio::test]
async fn files_that_are_of_no_use_are_named_with_their_property_before_anything_is_dialled() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("A");
    let (one, other) = (authority.issue(&["client"]), authority.issue(&["other"]));
    let file = |name: &str, text: &str| Some(write(folder.path(), name, text));
    let certificate = file("cert.pem", &one.pem);
    let key = file("other-key.pem", &other.key.serialize_pem());
    let encrypted =
        file("enc.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let empty = file("empty.pem", "not pem");
    let cut = file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let nonsense = file("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let missing = Some(folder.path().join("missing.pem"));
    let directory = Some(folder.path().to_owned());

    for (ca, certificate, key, words) in [
        (&missing, &None, &None, ["ssl.cafile", "missing.pem", "can't be read"]),
        (&directory, &None, &None, ["ssl.cafile", "is not a file", ""]),
        (&empty, &None, &None, ["ssl.cafile", "empty.pem", "no certificate in PEM"]),
        (&cut, &None, &None, ["ssl.cafile", "cut.pem", "not well-formed"]),
        (&nonsense, &None, &None, ["ssl.cafile", "nonsense.pem", "can be read"]),
        (&None, &missing, &key, ["ssl.certfile", "missing.pem", "can't be read"]),
        (&None, &certificate, &missing, ["ssl.keyfile", "missing.pem", "can't be read"]),
        (&None, &certificate, &encrypted, ["ssl.keyfile", "enc.pem", "encrypted"]),
        (&None, &certificate, &empty, ["ssl.keyfile", "empty.pem", "no private key"]),
        (&None, &certificate, &key, ["ssl.keyfile", "other-key.pem", "does not go with"]),
        (&None, &certificate, &None, ["ssl.certfile", "cert.pem", "no private key"]),
        (&None, &None, &key, ["ssl.keyfile", "other-key.pem", "without a certificate"]),
    ] {
        // Nothing listens on port 1: dialling would be another error.
        let mut target = target("127.0.0.1", 1);
        target.tls_options.ca_file = ca.clone();
        target.tls_options.certificate_file = certificate.clone();
        target.tls_options.key_file = key.clone();
        let error = refused(&authority.host(), &target).await;
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Configuration, Phase::Configure), "{error}");
        says(&error, &words);
    }
    assert!(TokioHost::builder().roots_pem("nothing").build().is_err());
}

#[tokio::test]
async fn the_system_s_authorities_are_trusted_by_default() {
    // The environment of a running program can't be changed safely: this test starts itself once more.
    const PORT: &str = "POSTRIDER_NET_TEST_PORT";
    if let Ok(port) = std::env::var(PORT) {
        let target = target("localhost", port.parse().unwrap());
        TokioHost::new().connect(&target).await.unwrap();
        return;
    }
    let authority = Authority::new("A");
    let port = serve(&authority.issue(&["localhost"])).await;
    let folder = tempfile::tempdir().unwrap();
    let system = write(folder.path(), "system.pem", &authority.pem);
    let run = move |key: &'static str| {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "the_system_s_authorities_are_trusted_by_default"]);
        again.env_remove("SSL_CERT_DIR").env(key, &system).env(PORT, port.to_string());
        tokio::task::spawn_blocking(move || again.output().unwrap())
    };
    if cfg!(target_os = "linux") {
        let output = run("SSL_CERT_FILE").await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!run("UNRELATED").await.unwrap().status.success());
    }
}
