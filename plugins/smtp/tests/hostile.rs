//! Servers that lie, stall, talk without end or inject; callers that try to.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::*;
use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{Dialogue, VirtualHost, body, run, secrets};

fn outcome(config: SmtpConfig, script: &str) -> (Error, VirtualHost) {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut smtp = smtp(config, &host);
    let Ok(result) = run(&host, smtp.send(&to(&["you@example.org"]), BODY.into())) else {
        panic!("hangs: {script}")
    };
    let Err(error) = result else { panic!("delivered: {script}") };
    secrets::assert_absent(&format!("{error} {error:?} {smtp:?}"), &[SECRET]);
    secrets::assert_absent(&String::from_utf8_lossy(&host.sent_in_clear()), &[SECRET]);
    assert!(
        error.advice().is_some() || error.reply().is_some() || error.kind() != ErrorKind::Authentication,
        "{error}"
    );
    (error, host)
}

const EHLO: &str = "S: 220 hi\nC: EHLO [127.0.0.1]\n";

#[test]
fn without_the_tls_that_is_required_nothing_secret_is_said() {
    for script in [
        "S: 250-x\nS: 250 AUTH PLAIN\n",
        "S: 500 what\nC: HELO [127.0.0.1]\nS: 250 x\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 not now\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 502 no\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 354 no\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: \n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nFAIL-TLS\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nSILENCE\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS| 220 go\\r\\n250-evil\\r\\n250 AUTH PLAIN\\r\\n\nTLS\n",
        "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS| 220 go\\r\\n250-evil AUTH\nTLS\n",
    ] {
        let (error, _) = outcome(config(TlsMode::StartTls), &format!("{EHLO}{script}"));
        assert_eq!(
            error.outcome(),
            if error.kind() == ErrorKind::Deferred { Outcome::Deferred } else { error.outcome() }
        );
        assert!(error.phase() <= Phase::StartTls || error.phase() == Phase::Tls, "{error}");
    }
}

#[test]
fn a_refused_starttls_is_for_now_or_a_matter_of_tls() {
    for (answer, kind) in [
        ("454 4.7.0 not now", ErrorKind::Deferred),
        ("421 4.3.2 bye", ErrorKind::Deferred),
        ("502 no", ErrorKind::Tls),
        ("250 fine", ErrorKind::Tls),
    ] {
        let script = format!("{EHLO}S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: {answer}\n");
        let (error, _) = outcome(config(TlsMode::StartTls), &script);
        assert_eq!((error.kind(), error.phase()), (kind, Phase::StartTls), "{error}");
        assert!(error.advice().unwrap().contains("tls=implicit"));
    }
}

#[test]
fn injected_data_after_starttls_is_a_protocol_error_and_old_capabilities_do_not_count() {
    let script = format!("{EHLO}S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS| 220 go\\r\\n250-evil AUTH\nTLS\n");
    assert_eq!(outcome(config(TlsMode::StartTls), &script).0.kind(), ErrorKind::Protocol);
    let script = format!(
        "{EHLO}S: 250-x\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO [127.0.0.1]\nS: 250 x\n"
    );
    assert_eq!(outcome(config(TlsMode::StartTls), &script).0.kind(), ErrorKind::Authentication);
}

#[test]
fn what_was_offered_in_the_clear_is_forgotten_even_where_the_server_knows_only_helo_inside_tls() {
    let script = format!(
        "{EHLO}S: 250-x\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO [127.0.0.1]\nS: 502 x\n\
         C: HELO [127.0.0.1]\nS: 250 x\n"
    );
    let (error, host) = outcome(config(TlsMode::StartTls), &script);
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    host.assert_followed();
}

#[test]
fn credentials_are_never_revealed_on_a_clear_line_and_never_silently_left_out() {
    for offer in ["S: 250-x\nS: 250 AUTH PLAIN LOGIN\n", "S: 250 x\n", "S: 250-x\nS: 250 AUTH CRAM-MD5\n"] {
        for mode in [TlsMode::None, TlsMode::StartTlsIfOffered] {
            let (error, _) = outcome(config(mode), &format!("{EHLO}{offer}"));
            assert_eq!(error.kind(), ErrorKind::Authentication, "{offer}");
        }
    }
}

#[test]
fn endless_and_malformed_replies_end_within_limits() {
    for (script, kind) in [
        ("REPEAT 100000: 220-more\n", ErrorKind::Limit),
        ("REPEAT 1000000: \n", ErrorKind::Protocol),
        ("S: 22\n", ErrorKind::Protocol),
        ("S: 999 x\n", ErrorKind::Protocol),
        ("S| 220 a\\0b\\r\\n\n", ErrorKind::Protocol),
        ("S: +OK POP3 ready\n", ErrorKind::Protocol),
        ("S: * OK IMAP4 ready\n", ErrorKind::Protocol),
        ("SILENCE\n", ErrorKind::Timeout),
        ("CUT\n", ErrorKind::Closed),
        ("RESET\n", ErrorKind::Closed),
        ("S: 554 go away\n", ErrorKind::Rejected),
        ("S: 421 busy\n", ErrorKind::Deferred),
        ("REFUSE\n", ErrorKind::Connect),
    ] {
        let (error, host) = outcome(config(TlsMode::Implicit), script);
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(host.received() < 200_000, "{script}: read {} bytes", host.received());
    }
    let endless = format!("S| {}\n", "x".repeat(10_000));
    assert_eq!(outcome(config(TlsMode::Implicit), &endless).0.kind(), ErrorKind::Limit);
}

#[test]
fn a_server_that_asks_for_ever_or_cheats_at_sign_in_is_left() {
    for challenges in ["S: 334 !!!\nC: *\nS: 501 cancelled\n", "S: 235 fine\n", "S: 334 \nCUT\n"] {
        let script =
            format!("{EHLO}S: 250-x\nS: 250 AUTH SCRAM-SHA-256\nC~ AUTH SCRAM-SHA-256 *\n{challenges}");
        let (error, _) = outcome(config(TlsMode::Implicit), &script);
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
}

#[test]
fn a_late_reply_or_an_extra_one_is_never_paired_with_the_next_command() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250 x\nC: MAIL FROM:<me@example.org>\nS: 250 ok\n\
                  C: RCPT TO:<you@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC: \nC: ..dot\nC: end\nC: \nC: .\n\
                  S: 250 ok\nS: 250 extra\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    run(&host, async {
        assert!(smtp.send(&to(&["you@example.org"]), BODY.into()).await.is_ok());
        let error = smtp.send(&to(&["you@example.org"]), BODY.into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    })
    .unwrap();
}

#[test]
fn a_connection_the_server_closed_meanwhile_is_replaced_once_and_quietly() {
    let one = "C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<you@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\n\
               C: Subject: x\nC: \nC: ..dot\nC: end\nC: \nC: .\nS: 250 ok\n";
    for goodbye in [
        "CUT\n",
        "S: 421 idle for too long\nCUT\n",
        "C: MAIL FROM:<me@example.org>\nS: 421 bye\nCUT\n",
        "RESET\n",
    ] {
        let script = format!(
            "S: 220 a\nC: EHLO [127.0.0.1]\nS: 250 a\n{one}{goodbye}CONNECT\nS: 220 b\nC: EHLO [127.0.0.1]\nS: 250 b\n{one}"
        );
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        run(&host, async {
            for _ in 0..2 {
                // A 421 that came unasked is in the way of the first command: an answer before its command.
                let outcome = smtp.send(&to(&["you@example.org"]), BODY.into()).await;
                assert!(outcome.is_ok(), "{goodbye}: {outcome:?}");
            }
        })
        .unwrap();
        assert_eq!(host.dials(), 2, "{goodbye}");
    }
}

#[test]
fn a_message_too_large_is_refused_before_its_first_byte_or_stopped_in_the_middle() {
    let ehlo = format!("{EHLO}S: 250-x\nS: 250 SIZE 1000\n");
    let host = VirtualHost::play(&Dialogue::parse(&ehlo).unwrap());
    let mut known = smtp(anonymous(TlsMode::None), &host);
    let error = run(&host, known.send(&to(&["a@b.example"]), Body::from_bytes(vec![b'x'; 1001])))
        .unwrap()
        .unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Limit, Outcome::NotSent));
    assert!(!host.sent_text().contains("MAIL"));
    let script = format!(
        "{ehlo}C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<a@b.example>\nS: 250 ok\nC: DATA\nS: 354 go\n"
    );
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    let mut unknown = smtp(anonymous(TlsMode::None), &host);
    let error = run(&host, unknown.send(&to(&["a@b.example"]), body::of_size(100_000))).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Limit, Outcome::NotSent));
}

#[test]
fn every_pattern_of_refused_recipients_has_its_exact_outcome() {
    for partial in [false, true] {
        for pattern in 0..3usize.pow(3) {
            let codes: Vec<u16> = (0..3).map(|i| [250, 450, 550][pattern / 3usize.pow(i) % 3]).collect();
            let good = codes.iter().filter(|c| **c == 250).count();
            let mut script = format!(
                "{EHLO}S: 250-x\nS: 250 PIPELINING\nC~ MAIL*\nC~ RCPT*\nC~ RCPT*\nC~ RCPT*\nC: DATA\nS: 250 ok\n"
            );
            for code in &codes {
                script.push_str(&format!("S: {code} said\n"));
            }
            let delivered = good == 3 || (partial && good > 0);
            script.push_str(match (good, delivered) {
                (0, _) => "S: 503 no recipients\nC: RSET\nS: 250 ok\n",
                (_, true) => "S: 354 go\nC: x\nC: .\nS: 250 queued\n",
                (_, false) => "S: 354 go\n",
            });
            let mut config = anonymous(TlsMode::None);
            config.send_partial = partial;
            let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
            let envelope = to(&["a@x.example", "b@x.example", "c@x.example"]);
            let outcome = run(&host, smtp(config, &host).send(&envelope, "x".into())).unwrap();
            host.assert_followed();
            let recipients = match &outcome {
                Ok(receipt) => &receipt.recipients[..],
                Err(error) => error.recipients(),
            };
            assert_eq!(outcome.is_ok(), delivered, "{codes:?}");
            for (code, recipient) in codes.iter().zip(recipients) {
                let exact = match code {
                    250 if delivered => matches!(recipient.verdict, Verdict::Accepted(_)),
                    250 => recipient.verdict == Verdict::NotSent,
                    450 => matches!(recipient.verdict, Verdict::Deferred(_)),
                    _ => matches!(recipient.verdict, Verdict::Refused(_)),
                };
                assert!(exact, "{codes:?}: {recipient:?}");
            }
            if let Err(error) = &outcome {
                let kind = if codes.contains(&550) { ErrorKind::Rejected } else { ErrorKind::Deferred };
                assert_eq!(error.kind(), kind, "{codes:?}");
            }
        }
    }
}

#[test]
fn properties_that_could_inject_are_refused_with_their_key() {
    let registry = Registry::linked().unwrap();
    for (text, key) in [
        ("mail.smtp.localhost=a\\r\\nRSET", "mail.smtp.localhost"),
        ("mail.smtp.localhost=a b XCLIENT", "mail.smtp.localhost"),
        ("mail.smtp.submitter=a@b> SIZE=1", "mail.smtp.submitter"),
        ("mail.smtp.dsn.notify=NEVER,SUCCESS", "mail.smtp.dsn.notify"),
        ("mail.smtp.dsn.ret=x", "mail.smtp.dsn.ret"),
        ("mail.smtp.auth.mechanisms=NTLM", "mail.smtp.auth.mechanisms"),
        ("mail.smtp.password=x", "mail.smtp.user"),
        ("mail.smtp.auth=true", "mail.smtp.auth"),
        ("mail.smtp.host=a\\nb", "mail.smtp.host"),
    ] {
        let layer = Layer::parse(LayerKind::Overrides, "box", &format!("mail.smtp.host=h\n{text}")).unwrap();
        let host = VirtualHost::play(&Dialogue::parse("").unwrap());
        let Err(error) = registry.outgoing("smtp", &Properties::new([layer]), std::sync::Arc::new(host))
        else {
            panic!("{text} was taken")
        };
        assert_eq!(error.property().map(|(k, _)| k), Some(key), "{error}");
    }
}

#[test]
fn a_server_without_starttls_is_told_apart_from_one_on_this_machine() {
    for (loopback, advice) in [(false, "tls=implicit"), (true, "tls=none")] {
        let script = Dialogue::parse(&format!("{EHLO}S: 250 x\n")).unwrap();
        let host = VirtualHost::play(&script).loopback(loopback);
        let mut smtp = smtp(anonymous(TlsMode::StartTls), &host);
        let error = run(&host, smtp.send(&to(&["you@example.org"]), BODY.into())).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::StartTls));
        assert!(error.advice().unwrap().contains(advice), "{error}");
    }
}
