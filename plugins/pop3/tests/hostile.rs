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
    let Ok(result) = run(&host, text(&mut pop3, &key("a"))) else { panic!("hangs: {script}") };
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
    let open = format!("{CAPA}S: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: +OK\nC: LIST\n");
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
        (format!("{body}S: half\nS| .\r\nCUT\n"), ErrorKind::Closed),
        (format!("{open}S: +OK\nS: 99999999999 5\nS: .\n"), ErrorKind::Protocol),
        (format!("{open}S: +OK\nS: 1 5\nS: 1 6\nS: .\n"), ErrorKind::Protocol),
        (format!("{open}S: +OK\nS| 1 {}\n", "9".repeat(9_000)), ErrorKind::Limit),
        (format!("{open}S: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 a\nS: 1 b\nS: .\n"), ErrorKind::Protocol),
        (format!("{open}S: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 a\nSILENCE\n"), ErrorKind::Timeout),
        (format!("{open}S: +OK\nS: 1 20000\nS: .\nC: UIDL\nS: +OK\nS: 1 a\nS: .\n"), ErrorKind::Limit),
    ] {
        let (error, host) = fails(small.clone(), &script);
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(host.received() < 300_000, "{script}: read {}", host.received());
    }
    // A listing is bounded by the number of messages a maildrop may have.
    let (error, host) = fails(small, &format!("{open}S: +OK\nREPEAT 2000000: 1 5\n"));
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(host.received() < 6_000_000, "read {}", host.received());
}

#[test]
fn headers_without_end_are_not_read_for_ever() {
    let script = format!(
        "{CAPA}S: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: +OK\nC: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\n\
         S: -ERR\nC: TOP 1 0\nS: +OK\nREPEAT 100000: X-More: of the same\nS: .\n"
    );
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    let mut small = config(TlsMode::Implicit);
    small.max_size = 10_000;
    let error = run(&host, pop3(small, &host).list(&Query::all())).expect("hangs").unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Limit, Phase::List), "{error}");
    assert!(host.received() < 300_000, "read {}", host.received());
}

#[test]
fn an_answer_before_its_command_is_never_taken_for_one() {
    let signed_in = "S: -ERR\nC: USER me\nS: +OK\nC: PASS hunter2secret\nS: +OK\n";
    let listed = format!("{CAPA}{signed_in}C: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 a\n");
    for script in [
        "S| +OK hi\\r\\n+OK\\r\\nSASL PLAIN\\r\\n.\\r\\n\n".to_owned(),
        format!("{CAPA}S| -ERR\\r\\n+OK name is good\\r\\n\n"),
        format!("{CAPA}S: -ERR\nC: USER me\nS| +OK\\r\\n+OK you are in\\r\\n\n"),
        format!("{CAPA}S: +OK\nS: SASL PLAIN\nS| .\\r\\n+OK you are in\\r\\n\n"),
        format!("{CAPA}{signed_in}C: LIST\nS: +OK\nS: 1 5\nS| .\\r\\n+OK\\r\\n1 a\\r\\n.\\r\\n\n"),
        format!("{listed}S| .\\r\\n+OK\\r\\nfalse message\\r\\n.\\r\\n\n"),
    ] {
        let (error, _) = fails(config(TlsMode::Implicit), &script);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{script}: {error}");
        assert!(error.message().contains("before it was asked"), "{script}: {error}");
    }
}

#[test]
fn duplicate_and_malformed_uidls_are_not_stable_and_yet_each_message_is_reached() {
    let script = "S: +OK\nC: CAPA\nS: -ERR\nC: USER me\nS: +OK\nC: PASS hunter2secret\nS: +OK\nC: LIST\nS: +OK\nS: 1 5\n\
                  S: 2 5\nS: 3 5\nS: 4 5\nS: .\nC: UIDL\nS: +OK\nS: 1 x\nS: 2 x\nS: 3 y\nS: .\nC: RETR 2\nS: +OK\nS: two\n\
                  S: .\nC: DELE 2\nS: +OK\nC: QUIT\nS: +OK\nCUT\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
    run(&host, async {
        let listing = pop3.list(&Query::all()).await.unwrap();
        let names = keys(&listing);
        for (place, end) in [(0, "-1"), (1, "-2"), (3, "-4")] {
            assert!(names[place].starts_with("session-") && names[place].ends_with(end), "{names:?}");
        }
        assert_eq!(names[2], "y");
        let stable: Vec<bool> = listing.messages.iter().map(|m| m.stable).collect();
        assert_eq!(stable, [false, false, true, false]);
        let second = listing.messages[1].id.clone();
        assert_eq!(text(&mut pop3, &second).await.unwrap(), "two\r\n");
        pop3.settle(&[second], &Settle::Delete).await.unwrap();
        pop3.close().await.unwrap();
    })
    .unwrap();
    host.assert_followed();
}

#[test]
fn what_the_server_says_of_a_message_decides_whether_it_counts_as_gone() {
    let open = "S: +OK\nC: CAPA\nS: -ERR\nC: USER me\nS: +OK\nC: PASS hunter2secret\nS: +OK\nC: LIST\nS: +OK\nS: 1 5\n\
                S: .\nC: UIDL\nS: +OK\nS: 1 a\nS: .\nC: RETR 1\n";
    for (answer, kind, repeat) in [
        ("-ERR no such message", ErrorKind::NotFound, Repeat::Never),
        ("-ERR Message is expunged.", ErrorKind::NotFound, Repeat::Never),
        ("-ERR [SYS/TEMP] disk", ErrorKind::Deferred, Repeat::Safe),
        ("-ERR no", ErrorKind::Rejected, Repeat::Never),
        ("+ go on", ErrorKind::Protocol, Repeat::Never),
    ] {
        let (error, _) = fails(config(TlsMode::Implicit), &format!("{open}S: {answer}\n"));
        assert_eq!((error.kind(), error.repeat(), error.phase()), (kind, repeat, Phase::Fetch), "{answer}");
    }
}

#[test]
fn a_refused_uidl_is_an_error_where_the_server_claims_to_have_it() {
    let open = "S: +OK\nC: CAPA\nS: +OK\nS: UIDL\nS: SASL PLAIN\nS: .\nC~ AUTH PLAIN *\nS: +OK\nC: CAPA\nS: +OK\nS: UIDL\n\
                S: .\nC: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\n";
    for (answer, kind) in [("-ERR no", ErrorKind::Rejected), ("-ERR [SYS/TEMP] no", ErrorKind::Deferred)] {
        let (error, _) = fails(config(TlsMode::Implicit), &format!("{open}S: {answer}\n"));
        assert_eq!((error.kind(), error.phase()), (kind, Phase::List), "{answer}");
    }
}
