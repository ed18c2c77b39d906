//! Credentials that are kept elsewhere and tokens that grow old, against the embedded server: what is looked up when,
//! and that a refused token costs exactly one more try.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use postrider::{Layer, LayerKind, Properties, Registry};
use postrider_core::*;
use postrider_net::TokioHost;
use postrider_server::Server;
use postrider_testkit::secrets::assert_absent;
use postrider_tests::log::Log;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

const FRESH: &str = "fr3sh-t0ken";
const STALE: &str = "stal3-t0ken";
const PROTOCOLS: [&str; 3] = ["smtp", "imap", "pop3"];

/// All that the tests of this file log.
static LOG: LazyLock<Log> = LazyLock::new(Log::capture);

/// A host that counts its connections to the mail server.
struct Counting {
    host: TokioHost,
    dials: AtomicUsize,
}

#[async_trait]
impl Host for Counting {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        self.host.connect(target).await
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.host.secret(reference).await
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        self.host.access_token(grant, refused).await
    }
}

/// A mail server for alice, whose password or token is [`FRESH`], and a host for it.
struct Mail {
    server: Server,
    host: Arc<Counting>,
}

impl Mail {
    async fn start(mechanisms: &[&str]) -> Self {
        LazyLock::force(&LOG);
        let server = Server::builder().user("alice", FRESH).mechanisms(mechanisms).start().await.unwrap();
        let host = TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap();
        Self { server, host: Arc::new(Counting { host, dials: AtomicUsize::new(0) }) }
    }

    /// Connects and signs in with these properties.
    async fn connect(&self, protocol: &str, more: &str) -> Result<()> {
        let port = match protocol {
            "smtp" => self.server.smtps_port(),
            "imap" => self.server.imaps_port(),
            _ => self.server.pop3s_port(),
        };
        let p = format!("mail.{protocol}");
        let more: String = more.lines().map(|line| format!("{p}.{line}\n")).collect();
        let text = format!(
            "mail.debug=true\n{p}.host=localhost\n{p}.port={port}\n{p}.tls=implicit\n{p}.user=alice\n{more}"
        );
        let properties = Properties::new([Layer::parse(LayerKind::Account, "account", &text)?]);
        let host: Arc<dyn Host> = self.host.clone();
        let registry = Registry::linked()?;
        let outcome = if protocol == "smtp" {
            registry.outgoing(protocol, &properties, host)?.connect().await
        } else {
            registry.incoming(protocol, &properties, host)?.connect().await
        };
        let error = outcome.as_ref().err().map(|error| format!("{error} {error:?}"));
        assert_absent(&error.unwrap_or_default(), &[FRESH, STALE, "r3fresh"]);
        assert_absent(&LOG.text(), &[FRESH, STALE, "r3fresh"]);
        outcome
    }

    /// Connections since it was asked last.
    fn dials(&self) -> usize {
        self.host.dials.swap(0, Ordering::SeqCst)
    }
}

/// A token endpoint that gives these tokens one after the other, the last one again and again.
struct Endpoint {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    fn start(tokens: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        // Ends with the program.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut request, mut part) = (String::new(), [0; 4096]);
                // The client id is the last of the fields.
                while !request.ends_with("client_id=me") {
                    let read = stream.read(&mut part).unwrap();
                    request += std::str::from_utf8(&part[..read]).unwrap();
                }
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request);
                    log.len()
                };
                let token = tokens[(number - 1).min(tokens.len() - 1)];
                let body = format!(
                    r#"{{"access_token":"{token}","expires_in":3600,"refresh_token":"r3fresh-{number}"}}"#
                );
                let length = body.len();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
            }
        });
        Self { address, asked }
    }

    fn properties(&self, refresh_token: &str) -> String {
        let url = format!("http://{}/token", self.address);
        format!("oauth.tokenurl={url}\noauth.clientid=me\noauth.refreshtoken={refresh_token}")
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_token_the_server_refuses_is_refreshed_once_and_tried_once_more() {
    let folder = tempfile::tempdir().unwrap();
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let mail = Mail::start(&[mechanism]).await;
        for protocol in PROTOCOLS {
            let file = write(folder.path(), "refresh", "r3fresh-0\n");
            let endpoint = Endpoint::start(&[STALE, FRESH]);
            let properties = endpoint.properties(&format!("file:{file}"));
            mail.connect(protocol, &properties).await.unwrap();
            assert_eq!((mail.dials(), endpoint.asked()), (2, 2), "{protocol} {mechanism}");
            // The next one has the fresh token from the start.
            mail.connect(protocol, &properties).await.unwrap();
            assert_eq!((mail.dials(), endpoint.asked()), (1, 2), "{protocol} {mechanism}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "r3fresh-2\n");
        }
        // What was looked for in the log is the dialogue with all of these in it.
        assert!(LOG.text().contains(&format!("{mechanism} ***")));
        mail.server.shutdown().await;
    }
}

#[tokio::test]
async fn there_is_never_a_third_try() {
    let mail = Mail::start(&["XOAUTH2"]).await;
    for protocol in PROTOCOLS {
        let endpoint = Endpoint::start(&["wrong-1", "wrong-2", "wrong-3"]);
        let error = mail.connect(protocol, &endpoint.properties("r3fresh-0")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert_eq!((mail.dials(), endpoint.asked()), (2, 2), "{protocol}");
        // A server that gives the same token again says nothing new: it is not tried twice.
        let endpoint = Endpoint::start(&[STALE]);
        let error = mail.connect(protocol, &endpoint.properties("r3fresh-x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert_eq!((mail.dials(), endpoint.asked()), (1, 2), "{protocol}");
    }
    mail.server.shutdown().await;
}

#[tokio::test]
async fn a_token_command_is_run_again_for_a_refused_token_and_a_password_is_never_tried_twice() {
    let folder = tempfile::tempdir().unwrap();
    let both = Mail::start(&["XOAUTH2", "PLAIN"]).await;
    for protocol in PROTOCOLS {
        let seen = folder.path().join(protocol);
        let script =
            format!("if test -e {0}; then echo {FRESH}; else touch {0}; echo {STALE}; fi", seen.display());
        both.connect(protocol, &format!("auth.token=command:sh -c '{script}'")).await.unwrap();
        assert_eq!(both.dials(), 2, "{protocol}");
        for (credential, tries) in [
            (format!("auth.token=command:echo {STALE}"), 1),
            (format!("auth.token={STALE}"), 1),
            (format!("password=command:echo {STALE}"), 1),
            // Another one each time.
            ("password=command:sh -c 'echo $$'".to_owned(), 1),
            ("auth.token=command:sh -c 'echo $$'".to_owned(), 2),
        ] {
            let error = both.connect(protocol, &credential).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
            assert_eq!(both.dials(), tries, "{protocol} {credential}");
        }
    }
    both.server.shutdown().await;
}

#[tokio::test]
async fn passwords_come_from_where_they_are_kept_and_what_fails_names_the_key_before_anything_is_dialed() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "password", &format!("{FRESH}\n"));
    let mail = Mail::start(&["PLAIN"]).await;
    for protocol in PROTOCOLS {
        for reference in [format!("file:{file}"), format!("command:cat {file}"), format!("value:{FRESH}")] {
            mail.connect(protocol, &format!("password={reference}")).await.unwrap();
            assert_eq!(mail.dials(), 1);
        }
        for (key, reference) in [
            ("password", format!("file:{file}.missing")),
            ("password", "command:false".to_owned()),
            ("password", "env:POSTRIDER_NO_SUCH_VARIABLE".to_owned()),
            ("auth.token", format!("file:{file}.missing")),
        ] {
            let error = mail.connect(protocol, &format!("{key}={reference}")).await.unwrap_err();
            let full = format!("mail.{protocol}.{key}");
            assert_eq!(error.phase(), Phase::Authenticate, "{error}");
            assert!(error.message().starts_with(&full), "{error}");
            let (named, origin) = error.property().unwrap();
            assert_eq!((named, origin.unwrap().position.as_str()), (full.as_str(), "account:6"));
            assert_eq!(mail.dials(), 0);
        }
    }
    mail.server.shutdown().await;
}

#[tokio::test]
async fn a_refresh_token_that_is_worth_nothing_names_its_key_and_what_to_do() {
    let mail = Mail::start(&["XOAUTH2"]).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            while !request.ends_with("client_id=me") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                request += std::str::from_utf8(&part[..read]).unwrap();
            }
            let body = r#"{"error":"invalid_grant","error_description":"r3fresh-0 was revoked"}"#;
            let length = body.len();
            write!(stream, "HTTP/1.1 400 x\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    let properties =
        format!("oauth.tokenurl=http://{address}/\noauth.clientid=me\noauth.refreshtoken=r3fresh-0");
    let error = mail.connect("imap", &properties).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
    assert_eq!(error.property().unwrap().0, "mail.imap.oauth.refreshtoken");
    assert!(error.message().contains("invalid_grant: *** was revoked"), "{error}");
    assert!(error.advice().unwrap().contains("sign in at the provider anew"), "{error}");
    assert_eq!(mail.dials(), 0);
    mail.server.shutdown().await;
}

#[tokio::test]
async fn half_a_grant_is_found_when_the_transport_is_made() {
    let mail = Mail::start(&["XOAUTH2"]).await;
    let whole = "oauth.tokenurl=https://h/t\noauth.clientid=me\noauth.refreshtoken=r3fresh";
    for (text, key) in [
        (whole.replace("oauth.tokenurl=https://h/t\n", ""), "oauth.tokenurl"),
        (whole.replace("oauth.clientid=me\n", ""), "oauth.clientid"),
        (whole.replace("oauth.refreshtoken=r3fresh", ""), "oauth.refreshtoken"),
        (whole.replace("https", "http"), "oauth.tokenurl"),
        (format!("{whole}\nauth.token=x"), "oauth.refreshtoken"),
        ("password=file:".to_owned(), "password"),
        ("password=keyring:x".to_owned(), "password"),
    ] {
        let error = mail.connect("smtp", &text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert_eq!(error.property().unwrap().0, format!("mail.smtp.{key}"), "{error}");
    }
    mail.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_connections_with_an_old_token_refresh_it_once() {
    let mail = Arc::new(Mail::start(&["OAUTHBEARER"]).await);
    let endpoint = Endpoint::start(&[STALE, FRESH]);
    let properties = endpoint.properties("r3fresh-0");
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (mail, properties) = (Arc::clone(&mail), properties.clone());
        all.spawn(async move { mail.connect("imap", &properties).await });
    }
    for outcome in all.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(endpoint.asked(), 2);
    assert!(mail.dials() <= 100);
}
