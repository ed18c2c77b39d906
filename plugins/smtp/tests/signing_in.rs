//! AUTH in all its forms, and that no secret gets anywhere but onto its line.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::log::logged;
use common::*;
use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{Dialogue, VirtualHost, run, secrets};
use postrider_wire::Login;

const REST: &str = "C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<you@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\n\
                    C: x\nC: .\nS: 250 ok\n";

fn with_token(token: &str) -> SmtpConfig {
    let mut config = config(TlsMode::Implicit);
    config.login = Login::token(&config.target, "me", token);
    config
}

fn send(config: SmtpConfig, auth: &str, script: &str) -> Result<Receipt> {
    let script = format!("{}{script}", ehlo(&[&format!("AUTH {auth}")]));
    let (outcome, host) = play(config, &script, &to(&["you@example.org"]), "x".into());
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    outcome
}

#[test]
fn a_response_too_long_for_the_command_line_waits_for_the_challenge() {
    let script = format!("C: AUTH XOAUTH2\nS: 334 \nC~ dXNlcj1tZQ*\nS: 235 ok\n{REST}");
    assert!(send(with_token(&"t0ken".repeat(400)), "XOAUTH2", &script).is_ok());
    let script = format!("C~ AUTH XOAUTH2 dXNlcj1tZQ*\nS: 235 ok\n{REST}");
    assert!(send(with_token("short"), "XOAUTH2", &script).is_ok());
}

#[test]
fn a_certificate_signs_in_by_an_empty_response() {
    let mut config = anonymous(TlsMode::Implicit);
    config.login.has_certificate = true;
    let script = format!("C: AUTH EXTERNAL =\nS: 235 ok\n{REST}");
    assert!(send(config.clone(), "EXTERNAL", &script).is_ok());
    assert!(send(config, "PLAIN", REST).is_ok(), "the certificate may be all the server wants");
}

#[test]
fn a_server_that_takes_a_scram_sign_in_without_proof_is_not_believed() {
    for early in ["S: 235 fine\n", "S: 334 \nC~ *\nS: 235 fine\n"] {
        let script = format!("C~ AUTH SCRAM-SHA-256 *\n{early}");
        let error = send(config(TlsMode::Implicit), "SCRAM-SHA-256", &script).unwrap_err();
        assert!(error.phase() == Phase::Authenticate && error.outcome() == Outcome::NotSent, "{error}");
        assert!(matches!(error.kind(), ErrorKind::Authentication | ErrorKind::Protocol), "{error}");
    }
}

#[test]
fn where_others_read_along_nothing_of_the_login_goes_out_whatever_the_mechanism() {
    for offered in ["SCRAM-SHA-256", "SCRAM-SHA-256 PLAIN LOGIN", "PLAIN"] {
        let script = ehlo(&[&format!("AUTH {offered}")]);
        let (outcome, host) = play(config(TlsMode::None), &script, &to(&["you@example.org"]), "x".into());
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Authentication, Phase::Authenticate),
            "{error}"
        );
        assert!(error.advice().unwrap().contains("auth.cleartext=true"), "{error}");
        assert_eq!(host.sent_text(), "EHLO [127.0.0.1]\r\n");
    }
    let script = format!("{}C~ AUTH SCRAM-SHA-256 *\nS: 535 no\n", ehlo(&["AUTH SCRAM-SHA-256"]));
    let mut brave = config(TlsMode::None);
    brave.login.allow_cleartext = true;
    let (outcome, _) = play(brave, &script, &to(&["you@example.org"]), "x".into());
    assert_eq!(outcome.unwrap_err().reply().unwrap().number(), Some(535));
    // Nobody reads along on this machine.
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap()).loopback(true);
    let error = run(&host, smtp(config(TlsMode::None), &host).connect()).unwrap().unwrap_err();
    assert_eq!(error.reply().unwrap().number(), Some(535));
}

#[test]
fn auth_false_leaves_credentials_unused() {
    let mut config = config(TlsMode::Implicit);
    config.auth = Some(false);
    assert!(send(config, "PLAIN", REST).is_ok());
}

#[test]
fn a_challenge_that_makes_no_sense_is_cancelled_and_the_reason_kept_whatever_the_server_says() {
    for answer in ["S: 501 cancelled\n", "S: 235 welcome\n", "S: what\n", "CUT\n", "SILENCE\n"] {
        let script = format!("C: AUTH LOGIN\nS: 334 !!!\nC: *\n{answer}");
        let error = send(config(TlsMode::Implicit), "LOGIN", &script).unwrap_err();
        assert!(error.to_string().contains("not base64"), "{answer}: {error}");
    }
    let endless = "C: AUTH LOGIN\nS: 334 \nC~ *\nS: 334 \nC~ *\nS: 334 \nC: *\nS: 501 x\n";
    assert_eq!(send(config(TlsMode::Implicit), "LOGIN", endless).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn each_refusal_keeps_its_kind_and_the_servers_words_without_the_secret() {
    let plain = "AG1lAGh1bnRlcjJzZWNyZXQ=";
    for (code, kind) in [("535 5.7.8", ErrorKind::Authentication), ("454 4.7.0", ErrorKind::Deferred)] {
        for echo in [SECRET, plain, "aHVudGVyMnNlY3JldA=="] {
            let script = format!("C: AUTH PLAIN {plain}\nS: {code} bad: {echo}\n");
            let error = send(config(TlsMode::Implicit), "PLAIN", &script).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let text = format!("{error} {error:?}");
            secrets::assert_absent(&text, &[SECRET]);
            assert!(text.contains(&format!("{code} bad: ***")), "{text}");
        }
    }
    // The answer to a challenge holds the token too: repeated as it was, or cut off in a broken reply.
    let token = SECRET.repeat(40);
    for broken in ["535 bad: {word}", "{word}"] {
        let script = format!("C: AUTH XOAUTH2\nS: 334 \nC: {{word}}\nS: {broken}\n");
        let error = send(with_token(&token), "XOAUTH2", &script).unwrap_err();
        let text = format!("{error} {error:?}");
        secrets::assert_absent(&text, &[SECRET]);
        assert!(text.contains("***"), "{text}");
    }
    // Where the echo is no reply at all, it is an error text of ours that could hold it.
    let script = format!("C: AUTH PLAIN {plain}\nS: {SECRET} and {plain}\n");
    let error = send(config(TlsMode::Implicit), "PLAIN", &script).unwrap_err();
    secrets::assert_absent(&error.to_string(), &[SECRET]);
}

#[test]
fn the_transcript_shows_the_dialogue_and_no_secret() {
    let ((), text) = logged(|| {
        let mut config = config(TlsMode::Implicit);
        config.debug = true;
        let login =
            "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bWU=\nS: 334 UGFzc3dvcmQ6\nC: aHVudGVyMnNlY3JldA==\n";
        let script = format!("{login}S: 235 hello hunter2secret\n{REST}");
        assert!(send(config.clone(), "LOGIN", &script).is_ok());
        let script = "C: AUTH PLAIN AG1lAGh1bnRlcjJzZWNyZXQ=\nS: 535 AG1lAGh1bnRlcjJzZWNyZXQ=\n";
        assert!(send(config, "PLAIN", script).is_err());
    });
    assert!(text.contains("AUTH PLAIN ***") && text.contains("MAIL FROM:<me@example.org>"), "{text}");
    secrets::assert_absent(&text, &[SECRET]);
}
