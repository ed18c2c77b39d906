//! No secret shows in a log, an error, a receipt or any Debug output, as it is or encoded, with `mail.debug=true`
//! and everything that `tracing` gives at its finest level: against a server that accepts, one that refuses and
//! one that repeats what it was told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod parrot;

use parrot::{encode, parrot};
use postrider::{AccountFile, Direction, Envelope, Error, Layer, LayerKind, Query, Session, Settle};
use postrider_server::Server;
use postrider_testkit::secrets::assert_absent;
use postrider_tests::log::Log;
use postrider_tests::properties::Text;
use postrider_tests::servers::or_skip;
use std::error::Error as _;
use std::fmt::Debug;
use std::fmt::Write as _;

const PASSWORD: &str = "c0rrect-Horse+Battery/Staple=";
const AWKWARD: &str = "qu\"ote\\back sl\u{e4}sh%25&secret";
const WRONG: &str = "wr0ng-Dromedary-Battery-Staple";
const TOKEN: &str = "eyJ0b2tlbiI6InZlcnktc2VjcmV0In0.c2lnbmF0dXJlLW9mLWl0";
const ALL: &[&str] = &[PASSWORD, AWKWARD, WRONG, TOKEN];

/// All that a program could print.
#[derive(Default)]
struct Seen(String);

impl Seen {
    fn note(&mut self, value: &impl Debug) {
        let _ = writeln!(self.0, "{value:?}\n{value:#?}");
    }

    fn error(&mut self, error: &Error) {
        self.note(error);
        let _ = writeln!(self.0, "{error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = writeln!(self.0, "{cause}\n{cause:?}");
            source = cause.source();
        }
    }

    /// A session, all that can be asked of it, and one use of it.
    async fn session(&mut self, transport: &str, text: &str) -> Result<(), Error> {
        let text = format!("mail.debug=true\nmail.send.allowreserved=true\n{text}");
        self.note(&Layer::parse(LayerKind::Overrides, "overrides", &text)?);
        let builder = Session::builder().overrides(&text)?;
        let session = builder.build()?;
        self.note(&session);
        self.note(&session.properties());
        let direction = if transport == "smtp" { Direction::Outgoing } else { Direction::Incoming };
        for explained in [session.explain(None)?, session.explain(Some(direction))?] {
            self.note(&explained);
            self.0 += &serde_json::to_string(&explained).unwrap();
        }
        if transport == "smtp" {
            let mailer = session.mailer()?;
            self.note(&mailer);
            let to = Envelope::parse(Some("alice@example.test"), ["alice@example.test"])?;
            let receipt = mailer.send(&to, "Subject: x\r\n\r\nx\r\n".into()).await?;
            self.note(&receipt);
            mailer.close().await;
        } else {
            let mut inbox = session.inbox()?;
            self.note(&inbox);
            let listing = inbox.list(&Query::all()).await?;
            self.note(&listing);
            for message in &listing.messages {
                self.note(&inbox.receive(&message.id).await?);
                inbox.settle(std::slice::from_ref(&message.id), &Settle::Keep).await?;
            }
            inbox.close().await?;
        }
        Ok(())
    }
}

const MECHANISMS: &[&str] = &["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"];

fn credentials(transport: &str, mechanism: &str, secret: &str) -> String {
    let key = if mechanism.contains("OAUTH") { "auth.token" } else { "password" };
    // Backslashes are the property text's own escape.
    let secret = secret.replace('\\', "\\\\");
    format!(
        "mail.{transport}.user=alice\nmail.{transport}.{key}={secret}\nmail.{transport}.auth.mechanisms={mechanism}\n"
    )
}

async fn embedded(seen: &mut Seen, secret: &str, given: &str) -> usize {
    let server = Server::builder().user("alice", secret).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, server.ca_pem()).unwrap();
    let mut successes = 0;
    for (transport, clear, tls) in [
        ("smtp", server.smtp_port(), server.smtps_port()),
        ("pop3", server.pop3_port(), server.pop3s_port()),
        ("imap", server.imap_port(), server.imaps_port()),
    ] {
        let direction = if transport == "smtp" { "transport" } else { "store" };
        for mechanism in MECHANISMS {
            for (port, mode) in [(clear, "none"), (clear, "starttls"), (tls, "implicit")] {
                let text = format!(
                    "mail.{direction}.protocol={transport}\nmail.{transport}.host=127.0.0.1\n\
                     mail.{transport}.port={port}\nmail.{transport}.tls={mode}\n\
                     mail.{transport}.ssl.cafile={}\n{}",
                    ca.display(),
                    credentials(transport, mechanism, given)
                );
                match seen.session(transport, &text).await {
                    Ok(()) => successes += 1,
                    Err(error) => seen.error(&error),
                }
            }
        }
    }
    server.shutdown().await;
    successes
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let log = Log::capture();
    let mut seen = Seen::default();

    // 3 transports, 5 mechanisms, 3 kinds of encryption.
    assert_eq!(embedded(&mut seen, PASSWORD, PASSWORD).await, 45);
    assert_eq!(embedded(&mut seen, TOKEN, TOKEN).await, 45);
    assert_eq!(embedded(&mut seen, PASSWORD, WRONG).await, 0);
    assert_eq!(embedded(&mut seen, AWKWARD, AWKWARD).await, 45);

    let mut repeated = 0;
    for transport in ["smtp", "pop3", "imap"] {
        let port = parrot(transport).await;
        for mechanism in MECHANISMS {
            for secret in ALL {
                let direction = if transport == "smtp" { "transport" } else { "store" };
                let text = format!(
                    "mail.{direction}.protocol={transport}\nmail.{transport}.host=127.0.0.1\n\
                     mail.{transport}.port={port}\nmail.{transport}.tls=none\nmail.{transport}.timeout=5s\n{}",
                    credentials(transport, mechanism, secret)
                );
                let error = seen.session(transport, &text).await.unwrap_err();
                repeated += usize::from(error.to_string().contains("you said"));
                seen.error(&error);
            }
        }
    }
    assert!(repeated > 20, "the parrot was heard {repeated} times");

    let file = format!(
        "[mail.smtp]\nhost = 'h'\nuser = 'u'\npassword = '{PASSWORD}'\n[accounts.a.mail]\nsmtp.auth.token = '{TOKEN}'\n"
    );
    let file = AccountFile::parse("accounts.toml", &file).unwrap();
    seen.note(&file);
    seen.note(&file.layers(None).unwrap());
    seen.error(
        &AccountFile::parse("accounts.toml", &format!("mail.smtp.password = '{PASSWORD}\n")).unwrap_err(),
    );
    for bad in
        [format!("mail.smtp.password={PASSWORD}"), format!("mail.smtp.pasword={PASSWORD}\nmail.smtp.host=h")]
    {
        seen.error(&seen_error(&bad));
    }

    let text = log.text();
    assert!(
        text.contains("AUTH PLAIN") && text.contains("AUTHENTICATE PLAIN"),
        "the dialogue was not logged"
    );
    assert!(text.contains("postrider::wire") && text.len() > 100_000);
    assert_absent(&text, ALL);
    assert_absent(&seen.0, ALL);
    // What would have been found: the oracle is not blind.
    for leak in [PASSWORD.to_owned(), format!("AUTH PLAIN {}", encode(&format!("\0alice\0{PASSWORD}")))] {
        let leaked = format!("{text}{leak}");
        assert!(std::panic::catch_unwind(|| assert_absent(&leaked, ALL)).is_err(), "{leak} was not found");
    }
    real_servers(&log).await;
}

fn seen_error(text: &str) -> Error {
    match Session::builder().overrides(text).and_then(|b| b.build()) {
        Ok(session) => session.mailer().unwrap_err(),
        Err(error) => error,
    }
}

async fn real_servers(log: &Log) {
    let Some(servers) = or_skip("no_secret_shows_anywhere, its part with Dovecot and Postfix") else {
        return;
    };
    let mut seen = Seen::default();
    let (valid, expired) = (servers.setting("OAUTH_TOKEN"), servers.setting("OAUTH_EXPIRED_TOKEN"));
    for (transport, server) in [("smtp", "POSTFIX_SMTP"), ("pop3", "DOVECOT_POP3"), ("imap", "DOVECOT_IMAP")]
    {
        for mechanism in MECHANISMS {
            let secrets =
                if mechanism.contains("OAUTH") { [valid, expired] } else { [servers.password(), WRONG] };
            for secret in secrets {
                let direction = if transport == "smtp" { "transport" } else { "store" };
                let text = format!(
                    "mail.{direction}.protocol={transport}\nmail.{transport}.host=localhost\n\
                     mail.{transport}.port={}\nmail.{transport}.tls=none\n{}",
                    servers.port(server),
                    credentials(transport, mechanism, secret)
                );
                let done = seen.session(transport, &text).await;
                if let Err(error) = &done {
                    seen.error(error);
                }
                let expected = secret == valid || secret == servers.password();
                assert_eq!(done.is_ok(), expected, "{transport} {mechanism}: {done:?}");
            }
        }
    }
    let key = std::fs::read_to_string(servers.setting("CLIENT_KEY")).unwrap();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let mut inbox = Text::new(servers, "imap", "DOVECOT_CERT_IMAPS", "implicit")
        .and("ssl.certfile", servers.setting("CLIENT_CERT"))
        .and("ssl.keyfile", servers.setting("CLIENT_KEY"))
        .general("debug", true)
        .inbox();
    inbox.list(&Query::all()).await.unwrap();
    inbox.close().await.unwrap();
    let all = [ALL, &lines, &[valid, expired, servers.password()]].concat();
    assert_absent(&log.text(), &all);
    assert_absent(&seen.0, &all);
}
