//! Servers that lie, stall, talk without end or inject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3Config;
use postrider_testkit::{Dialogue, VirtualHost, run, secrets};

fn fails(config: Pop3Config, script: &str) -> (Error, VirtualHost) {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut pop3 = pop3(config, &host);
    let Ok(result) = run(&host, async { pop3.fetch(&id("a")).await?.read_all(1 << 20).await }) else {
        panic!("hangs: {script}")
    };
    let Err(error) = result else { panic!("fetched: {script}") };
    secrets::assert_absent(&format!("{error} {error:?} {pop3:?}"), &[SECRET]);
    secrets::assert_absent(&String::from_utf8_lossy(&host.sent_in_clear()), &[SECRET]);
    (error, host)
}

const CAPA: &str = "S: +OK hi\nC: CAPA\n";

#[test]
fn without_the_tls_that_is_required_nothing_secret_is_said() {
    for script in [
        "S: -ERR what\n",
        "S: +OK\nS: SASL PLAIN\nS: USER\nS: .\n",
        "S: +OK\nS: STLS\nS: .\nC: STLS\nS: -ERR no\n",
        "S: +OK\nS: STLS\nS: .\nC: STLS\nS: + go on\n",
        "S: +OK\nS: STLS\nS: .\nC: STLS\nS: \n",
        "S: +OK\nS: STLS\nS: .\nC: STLS\nSILENCE\n",
        "S: +OK\nS: STLS\nS: .\nC: STLS\nS: +OK\nFAIL-TLS\n",
    ] {
        let (error, _) = fails(config(TlsMode::StartTls), &format!("{CAPA}{script}"));
        assert!(matches!(error.phase(), Phase::StartTls | Phase::Tls), "{error}");
    }
    let injected = format!("{CAPA}S: +OK\nS: STLS\nS: .\nC: STLS\nS| +OK\\r\\n+OK evil\nTLS\n");
    assert_eq!(fails(config(TlsMode::StartTls), &injected).0.kind(), ErrorKind::Protocol);
}

#[test]
fn a_password_never_goes_over_a_clear_line_unasked() {
    for offer in ["S: -ERR\n", "S: +OK\nS: USER\nS: .\n", "S: +OK\nS: SASL PLAIN LOGIN\nS: .\n"] {
        let (error, _) = fails(config(TlsMode::None), &format!("{CAPA}{offer}"));
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    }
}

#[test]
fn refusals_say_whether_to_try_again() {
    for (answer, kind) in [
        ("-ERR [AUTH] wrong password hunter2secret", ErrorKind::Authentication),
        ("-ERR no", ErrorKind::Authentication),
        ("-ERR [IN-USE] locked", ErrorKind::Deferred),
        ("-ERR [LOGIN-DELAY] wait", ErrorKind::Deferred),
        ("-ERR [SYS/TEMP] ill", ErrorKind::Deferred),
        ("-ERR [SYS/PERM] dead", ErrorKind::Rejected),
    ] {
        let script = format!("{CAPA}S: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: {answer}\n");
        assert_eq!(fails(config(TlsMode::Implicit), &script).0.kind(), kind, "{answer}");
    }
}

#[test]
fn endless_and_malformed_answers_end_within_limits() {
    let open =
        format!("{CAPA}S: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: +OK\nC: CAPA\nS: -ERR\nC: LIST\n");
    let body = format!("{open}S: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 a\nS: .\nC: RETR 1\nS: +OK\n");
    let mut small = config(TlsMode::Implicit);
    small.max_size = 10_000;
    for (script, kind) in [
        ("S: 220 smtp\n".to_owned(), ErrorKind::Protocol),
        ("S: * OK imap\n".to_owned(), ErrorKind::Protocol),
        (format!("S| +OK {}\n", "x".repeat(9_000)), ErrorKind::Limit),
        (format!("{CAPA}S: +OK\nREPEAT 100000: X-MORE\n"), ErrorKind::Limit),
        ("SILENCE\n".to_owned(), ErrorKind::Timeout),
        ("CUT\n".to_owned(), ErrorKind::Closed),
        (format!("{open}S: +OK\nS: garbage\n"), ErrorKind::Protocol),
        (format!("{open}S: +OK\nS: 1 5\nCUT\n"), ErrorKind::Closed),
        (format!("{open}S: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nCUT\n"), ErrorKind::Closed),
        (format!("{body}REPEAT 1000000: endless\n"), ErrorKind::Limit),
        (format!("{body}S: half\nCUT\n"), ErrorKind::Closed),
        (format!("{body}S: half\nSILENCE\n"), ErrorKind::Timeout),
        (format!("{body}S: half\nS| .\nCUT\n"), ErrorKind::Closed),
    ] {
        let (error, host) = fails(small.clone(), &script);
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(host.received() < 300_000, "{script}: read {}", host.received());
    }
}

#[test]
fn a_trickle_that_never_ends_is_a_timeout() {
    // One byte whenever asked, each after 5 s: the silence alone would never be too long.
    struct Slow;
    impl postrider_testkit::Script for Slow {
        fn greet(&mut self) -> Vec<u8> {
            b"+OK hi\r\n".to_vec()
        }
        fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
            match bytes {
                b"LIST\r\n" => b"+OK\r\n1 5\r\n.\r\n".to_vec(),
                b"UIDL\r\n" => b"+OK\r\n1 a\r\n.\r\n".to_vec(),
                b"RETR 1\r\n" => b"+OK\r\n".to_vec(),
                b"CAPA\r\n" => b"-ERR\r\n".to_vec(),
                _ => b"+OK\r\n".to_vec(),
            }
        }
    }
    let host = VirtualHost::serve(|| Box::new(Slow));
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    let error = run(&host, async { pop3.fetch(&id("a")).await?.read_all(99).await }).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Fetch));
}

#[test]
fn apop_and_the_two_line_form_are_said_as_they_should_be() {
    let apop = "S: +OK ready <1896.697170952@dbc.mtview.ca.us> go\nC: CAPA\nS: -ERR\n\
                C: APOP mrose c4c9334bac560ecc979e58001b3e22fb\nS: +OK\nC: CAPA\nS: -ERR\n";
    let mut config_apop = config(TlsMode::Implicit);
    (config_apop.apop, config_apop.login.user) = (true, "mrose".into());
    config_apop.login.password = Some("tanstaaf".into());
    let host = VirtualHost::play(&Dialogue::parse(apop).unwrap());
    run(&host, async { pop3(config_apop, &host).connect().await.map(drop) }).unwrap().unwrap();
    let two = "S: +OK\nC: CAPA\nS: +OK\nS: SASL XOAUTH2\nS: .\nC: AUTH XOAUTH2\nS: + \n\
               C: dXNlcj1tZQFhdXRoPUJlYXJlciBodW50ZXIyc2VjcmV0AQE=\nS: +OK\nC: CAPA\nS: -ERR\n";
    let mut config_two = config(TlsMode::Implicit);
    config_two.two_line = true;
    config_two.login.token = config_two.login.password.take();
    let host = VirtualHost::play(&Dialogue::parse(two).unwrap());
    run(&host, async { pop3(config_two, &host).connect().await.map(drop) }).unwrap().unwrap();
    host.assert_followed();
}
