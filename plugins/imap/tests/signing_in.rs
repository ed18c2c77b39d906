//! Signing in: how, with what, and what nobody gets to see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Dialogue, VirtualHost, run, secrets};
use postrider_wire::Login;
use postrider_wire::sasl::Mechanism;
use std::io::Write;
use std::sync::{Arc, Mutex};

async fn connect(imap: &mut Imap) -> Result<Vec<String>> {
    Ok(imap.connect().await?.iter().map(str::to_owned).collect())
}

fn greeting(capabilities: &str) -> String {
    format!("S: * OK [CAPABILITY IMAP4rev1 {capabilities}] hi\n")
}

const CAPS: &str = "C: {z} CAPABILITY\nS: * CAPABILITY IMAP4rev1 AFTER\nS: {z} OK\n";

#[test]
fn capabilities_are_asked_for_until_they_are_told_unasked() {
    let login = format!("C: {{a}} AUTHENTICATE PLAIN {PLAIN}\n");
    for (script, after) in [
        (greeting("SASL-IR AUTH=PLAIN") + &login + "S: {a} OK in\n" + CAPS, true),
        (greeting("SASL-IR AUTH=PLAIN") + &login + "S: {a} OK [CAPABILITY IMAP4rev1 AFTER] in\n", true),
        (greeting("SASL-IR AUTH=PLAIN") + &login + "S: * CAPABILITY IMAP4rev1 AFTER\nS: {a} OK in\n", true),
        (
            greeting("SASL-IR AUTH=PLAIN")
                + &login
                + "S: * NO [ALERT] x\nS: * OK [ALERT] y\nS: {a} OK in\n"
                + CAPS,
            true,
        ),
        (
            "S: * OK hi\nC: {c} CAPABILITY\nS: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\nS: {c} OK\n"
                .to_owned()
                + &login
                + "S: {a} OK\n"
                + CAPS,
            true,
        ),
        // Without SASL-IR the response waits for the prompt.
        (
            greeting("AUTH=PLAIN")
                + "C: {a} AUTHENTICATE PLAIN\nS: + \nC: "
                + PLAIN
                + "\nS: {a} OK in\n"
                + CAPS,
            true,
        ),
        (
            greeting("AUTH=PLAIN")
                + "C: {a} AUTHENTICATE PLAIN\nS: +\nC: "
                + PLAIN
                + "\nS: {a} OK in\n"
                + CAPS,
            true,
        ),
        ("S: * PREAUTH [CAPABILITY IMAP4rev1] hello again\n".to_owned(), false),
    ] {
        let (caps, host) = play(config(TlsMode::Implicit), &script, connect);
        assert_eq!(caps.unwrap().contains(&"AFTER".to_owned()), after, "{script}");
        host.assert_followed();
    }
}

#[test]
fn login_serves_where_no_mechanism_does_and_only_where_nobody_reads_along() {
    let script = greeting("") + "C: {a} LOGIN \"me\" \"hunter2secret\"\nS: {a} OK in\n" + CAPS;
    for tls in [TlsMode::Implicit, TlsMode::None] {
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap()).loopback(tls == TlsMode::None);
        run(&host, imap(config(tls), &host).connect().await_words()).unwrap().unwrap();
        host.assert_followed();
    }
    for (tls, capabilities) in [
        (TlsMode::None, ""),
        (TlsMode::None, "AUTH=PLAIN"),
        (TlsMode::None, "AUTH=SCRAM-SHA-256"),
        (TlsMode::None, "LOGINDISABLED"),
        (TlsMode::Implicit, "LOGINDISABLED"),
    ] {
        let (outcome, host) = play(config(tls), &greeting(capabilities), connect);
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Authentication, Phase::Authenticate),
            "{error}"
        );
        assert!(error.advice().is_some() && host.sent().is_empty(), "{error}");
    }
    let mut brave = config(TlsMode::None);
    brave.login.allow_cleartext = true;
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    run(&host, imap(brave, &host).connect().await_words()).unwrap().unwrap();
}

/// Lets a borrowed answer end inside `run`.
trait Words {
    async fn await_words(self) -> Result<()>;
}

impl<'a, F: Future<Output = Result<&'a postrider_imap::Capabilities>>> Words for F {
    async fn await_words(self) -> Result<()> {
        self.await.map(drop)
    }
}

#[test]
fn every_refusal_has_its_kind_and_says_what_to_do() {
    for (answer, kind, part) in [
        ("NO [AUTHENTICATIONFAILED] no", ErrorKind::Authentication, "app password"),
        ("NO [EXPIRED] no", ErrorKind::Authentication, "renew"),
        ("NO [AUTHORIZATIONFAILED] no", ErrorKind::Authentication, "authorizationid"),
        ("NO [PRIVACYREQUIRED] no", ErrorKind::Authentication, "tls="),
        ("NO [UNAVAILABLE] no", ErrorKind::Deferred, "later"),
        ("NO [LIMIT] too many connections", ErrorKind::Deferred, "later"),
        ("NO [CONTACTADMIN] blocked", ErrorKind::Authentication, "administrator"),
        ("NO [ALERT] Application-specific password required", ErrorKind::Authentication, "check user"),
        ("NO no", ErrorKind::Authentication, "check user"),
        ("BAD what", ErrorKind::Authentication, "auth.mechanisms"),
    ] {
        let script = format!(
            "{}C: {{a}} AUTHENTICATE PLAIN {PLAIN}\nS: {{a}} {answer}\n",
            greeting("SASL-IR AUTH=PLAIN")
        );
        let error = fails(config(TlsMode::Implicit), &script, connect);
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Authenticate), "{answer}: {error}");
        assert!(error.advice().unwrap().contains(part), "{answer}: {error}");
    }
}

#[test]
fn a_challenge_that_can_not_be_answered_is_cancelled() {
    let start = greeting("AUTH=SCRAM-SHA-256") + "C~ {a} AUTHENTICATE SCRAM-SHA-256\nS: + \nC~ *\n";
    for (rest, kind) in [
        ("S: + !!!\nC: *\nS: {a} BAD cancelled\n", ErrorKind::Protocol),
        ("S: + eCx5\nC: *\nS: {a} NO cancelled\n", ErrorKind::Protocol),
        ("S: + eCx5\nC: *\nS: + go on\n", ErrorKind::Protocol),
        // The server says yes without having proved that it knows the password.
        ("S: {a} OK in\n", ErrorKind::Authentication),
    ] {
        let error = fails(config(TlsMode::Implicit), &(start.clone() + rest), connect);
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Authenticate), "{rest}: {error}");
    }
    let script = greeting("AUTH=PLAIN")
        + "C: {a} AUTHENTICATE PLAIN\n"
        + &format!("S: + \nC: {PLAIN}\n").repeat(8)
        + "S: + \nC: *\nS: {a} NO\n";
    assert_eq!(fails(config(TlsMode::Implicit), &script, connect).kind(), ErrorKind::Protocol);
}

#[test]
fn without_credentials_nothing_is_tried() {
    let target = Target::new("mail.example", 993, TlsMode::Implicit).unwrap();
    let nobody = ImapConfig::new(target.clone(), Login::none(&target));
    let error = fails(nobody, &greeting("AUTH=PLAIN"), connect);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Configuration, Phase::Authenticate));
}

#[test]
fn id_is_told_only_if_the_property_says_so_and_its_refusal_means_nothing() {
    for (id, script) in [
        (
            true,
            "S: * PREAUTH [CAPABILITY IMAP4rev1 ID] hi\nC~ {i} ID (\"name\" \"postrider\" *\nS: * ID NIL\nS: {i} NO what for\n",
        ),
        (false, "S: * PREAUTH [CAPABILITY IMAP4rev1 ID] hi\n"),
        (true, "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n"),
    ] {
        let mut config = config(TlsMode::Implicit);
        config.id = id;
        let script = format!("{script}C: {{l}} LIST \"\" \"*\"\nS: {{l}} OK\n");
        let (mailboxes, host) = play(config, &script, async |imap| imap.mailboxes().await);
        assert!(mailboxes.is_ok());
        host.assert_followed();
    }
}

#[test]
fn what_is_enabled_decides_how_names_are_written() {
    for (capabilities, enable, name) in [
        (
            "ENABLE UTF8=ACCEPT",
            "C: {e} ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: {e} OK\n",
            "Entwürfe",
        ),
        ("IMAP4rev2", "C: {e} ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2\nS: {e} OK\n", "Entwürfe"),
        (
            "IMAP4rev2 UTF8=ACCEPT",
            "C: {e} ENABLE IMAP4rev2 UTF8=ACCEPT\nS: * ENABLED IMAP4rev2 UTF8=ACCEPT\nS: {e} OK\n",
            "Entwürfe",
        ),
        ("ENABLE UTF8=ACCEPT", "C: {e} ENABLE UTF8=ACCEPT\nS: {e} NO\n", "Entw&APw-rfe"),
        ("ENABLE UTF8=ACCEPT", "C: {e} ENABLE UTF8=ACCEPT\nS: * ENABLED\nS: {e} OK\n", "Entw&APw-rfe"),
        ("UTF8=ACCEPT", "", "Entw&APw-rfe"),
        ("ENABLE", "", "Entw&APw-rfe"),
    ] {
        let script = format!(
            "S: * PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] hi\n{enable}C: {{s}} SELECT \"{name}\"\nS: {{s}} NO [NONEXISTENT] none\n"
        );
        let mut config = config(TlsMode::Implicit);
        config.folder = "Entwürfe".into();
        let error = fails(config, &script, async |imap| imap.list(&Query::all()).await);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::NotFound, Phase::Select), "{error}");
        assert!(error.advice().unwrap().contains("folder"), "{error}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_transcript_shows_the_dialogue_and_no_secret_even_if_the_server_repeats_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut config = config(TlsMode::Implicit);
        config.debug = true;
        let plain = format!(
            "{}C: {{a}} AUTHENTICATE PLAIN {PLAIN}\nS: {{a}} NO not {PLAIN} or {SECRET}\n",
            greeting("SASL-IR AUTH=PLAIN")
        );
        play(config.clone(), &plain, connect).0.unwrap_err();
        let login =
            greeting("") + "C: {a} LOGIN \"me\" \"hunter2secret\"\nS: {a} BAD LOGIN me hunter2secret\n";
        play(config.clone(), &login, connect).0.unwrap_err();
        config.login.password = Some("hunter2\"secret\\".into());
        let quoted = greeting("")
            + "C: {a} LOGIN \"me\" \"hunter2\\\"secret\\\\\"\nS: {a} BAD LOGIN \"me\" \"hunter2\\\"secret\\\\\"\n";
        play(config.clone(), &quoted, connect).0.unwrap_err();
        config.login.allowed = vec![Mechanism::Login];
        config.login.password = Some(SECRET.into());
        let two = greeting("AUTH=LOGIN")
            + "C: {a} AUTHENTICATE LOGIN\nS: + VXNlciBOYW1lAA==\nC: bWU=\nS: + UGFzc3dvcmQA\nC: aHVudGVyMnNlY3JldA==\nS: {a} NO aHVudGVyMnNlY3JldA==\n";
        play(config.clone(), &two, connect).0.unwrap_err();
        let flight = "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\nC: {s} SELECT \"INBOX\"\nC: {f} UID SEARCH UID 1:50000\n\
                      C: {d} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: {s} NO [NONEXISTENT] none\n\
                      S: {f} BAD no\nS: {d} BAD no\n";
        config.pipelining = true;
        play(config, flight, async |imap| imap.list(&Query::all()).await).0.unwrap_err();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for line in [
        "AUTHENTICATE PLAIN ***",
        "LOGIN \\\"me\\\" \\\"***\\\"",
        "C: ***",
        "S: * OK [CAPABILITY",
        "NO not *** or ***",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // What leaves together is shown as what it is: each command on a line, behind its tag.
    let select =
        text.lines().filter_map(|line| line.split_once(" C: ")).find(|(_, said)| said.contains("SELECT"));
    assert!(select.is_some_and(|(_, said)| said.find("SELECT") == Some(9)), "{select:?}");
    secrets::assert_absent(&text, &[SECRET, "hunter2\"secret", "hunter2\\\"secret"]);
}
