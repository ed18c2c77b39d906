//! Signing in in all its forms, and that no secret gets anywhere but onto its line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3Config;
use postrider_testkit::{Dialogue, VirtualHost, run, secrets};
use postrider_wire::Login;

const PLAIN: &str = "AG1lAGh1bnRlcjJzZWNyZXQ=";

/// Plays a script to one sign-in, after a check that no secret shows anywhere.
fn connect(config: Pop3Config, script: &str) -> Result<()> {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut pop3 = pop3(config, &host);
    let Ok(outcome) = run(&host, pop3.connect()) else { panic!("hangs: {script}") };
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    secrets::assert_absent(&format!("{outcome:?} {pop3:?}"), &[SECRET]);
    outcome
}

fn sasl(mechanisms: &str, rest: &str) -> String {
    format!("S: +OK hi\nC: CAPA\nS: +OK\nS: SASL {mechanisms}\nS: .\n{rest}")
}

const IN: &str = "S: +OK in\nC: CAPA\nS: -ERR\n";

fn with_token(token: &str) -> Pop3Config {
    let mut config = config(TlsMode::Implicit);
    config.login = Login::token(&config.target, "me", token);
    config
}

#[test]
fn each_mechanism_is_said_as_its_rfc_has_it() {
    let password = config(TlsMode::Implicit);
    let login = "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: bWU=\nS: + UGFzc3dvcmQ6\nC: aHVudGVyMnNlY3JldA==\n";
    connect(password.clone(), &sasl("LOGIN", &format!("{login}{IN}"))).unwrap();
    connect(password.clone(), &sasl("PLAIN LOGIN", &format!("C: AUTH PLAIN {PLAIN}\n{IN}"))).unwrap();
    connect(
        with_token("t"),
        &sasl("XOAUTH2", &format!("C: AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0AQE=\n{IN}")),
    )
    .unwrap();
    connect(with_token("t"), &sasl("XOAUTH2 OAUTHBEARER", &format!("C~ AUTH OAUTHBEARER *\n{IN}"))).unwrap();
    // RFC 5034 §4: a line of at most 255 octets; what is longer waits for the challenge.
    let script = format!("C: AUTH OAUTHBEARER\nS: + \nC~ bixhPW1lL*\n{IN}");
    connect(with_token(&"t0ken".repeat(100)), &sasl("OAUTHBEARER", &script)).unwrap();
    let mut certificate = password;
    certificate.login = Login::none(&certificate.target);
    certificate.login.has_certificate = true;
    connect(certificate, &sasl("EXTERNAL PLAIN", &format!("C: AUTH EXTERNAL =\n{IN}"))).unwrap();
}

#[test]
fn a_server_that_takes_a_scram_sign_in_without_proof_is_not_believed() {
    let script = sasl("SCRAM-SHA-256", "C~ AUTH SCRAM-SHA-256 *\nS: +OK fine\n");
    let error = connect(config(TlsMode::Implicit), &script).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
}

#[test]
fn where_others_read_along_nothing_of_the_login_goes_out_whatever_the_way() {
    let greeting = "S: +OK hi <1896.697170952@dbc.mtview.ca.us>\nC: CAPA\nS: +OK\n";
    for (offered, apop) in
        [("SASL SCRAM-SHA-256", false), ("SASL PLAIN", false), ("USER", false), ("USER", true)]
    {
        let mut config = config(TlsMode::None);
        config.apop = apop;
        let host = VirtualHost::play(&Dialogue::parse(&format!("{greeting}S: {offered}\nS: .\n")).unwrap());
        let error = run(&host, pop3(config, &host).connect()).unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Authentication, Phase::Authenticate),
            "{error}"
        );
        assert!(error.advice().unwrap().contains("auth.cleartext=true"), "{error}");
        assert_eq!(host.sent_text(), "CAPA\r\n");
    }
}

#[test]
fn a_challenge_that_makes_no_sense_is_cancelled_and_endless_ones_end() {
    let script = sasl("LOGIN", "C: AUTH LOGIN\nS: + !!!\nC: *\n");
    let error = connect(config(TlsMode::Implicit), &script).unwrap_err();
    assert!(error.to_string().contains("not base64"), "{error}");
    let script = sasl("LOGIN", "C: AUTH LOGIN\nS: + \nC~ *\nS: + \nC~ *\nS: + \nC: *\n");
    assert_eq!(connect(config(TlsMode::Implicit), &script).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn utf8_is_asked_for_where_it_is_offered_and_its_refusal_changes_nothing() {
    for answer in ["+OK", "-ERR no"] {
        let script = format!(
            "S: +OK\nC: CAPA\nS: +OK\nS: UTF8 USER\nS: USER\nS: .\nC: UTF8\nS: {answer}\nC: USER jörg\nS: +OK\n\
             C: PASS {SECRET}\n{IN}"
        );
        let mut config = config(TlsMode::Implicit);
        config.login.user = "jörg".into();
        connect(config, &script).unwrap();
    }
}

#[test]
fn without_capabilities_what_the_user_says_counts() {
    let mut config = with_token("t");
    config.disable_capa = true;
    let error = connect(config.clone(), "S: +OK\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    config.login.allowed = vec![postrider_wire::sasl::Mechanism::XOAuth2];
    connect(config, "S: +OK\nC~ AUTH XOAUTH2 *\nS: +OK\n").unwrap();
}

#[test]
fn nothing_is_dialed_without_credentials_or_with_ones_that_break_their_line() {
    for (user, password) in [("me\r\nDELE 1", SECRET), ("me", "hunter2secret\n"), ("me\0", SECRET)] {
        let mut config = config(TlsMode::Implicit);
        config.login = Login::password(&config.target, user, password);
        let error = connect(config, "REFUSE\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let mut nobody = config(TlsMode::Implicit);
    nobody.login = Login::none(&nobody.target);
    assert_eq!(connect(nobody, "REFUSE\n").unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn a_server_that_repeats_what_it_was_told_shows_no_secret() {
    for echo in [SECRET, PLAIN, "aHVudGVyMnNlY3JldA=="] {
        let script = sasl("PLAIN", &format!("C: AUTH PLAIN {PLAIN}\nS: -ERR [AUTH] bad: {echo}\n"));
        let text = connect(config(TlsMode::Implicit), &script).unwrap_err().to_string();
        assert!(text.contains("bad: ***"), "{text}");
        let broken = sasl("PLAIN", &format!("C: AUTH PLAIN {PLAIN}\nS: {}{echo}\n", "x".repeat(195)));
        let text = connect(config(TlsMode::Implicit), &broken).unwrap_err().to_string();
        assert!(text.contains("***"), "{text}");
    }
    let token = SECRET.repeat(40);
    for broken in ["-ERR bad: {word}", "{word}"] {
        let script = sasl("OAUTHBEARER", &format!("C: AUTH OAUTHBEARER\nS: + \nC: {{word}}\nS: {broken}\n"));
        let text = connect(with_token(&token), &script).unwrap_err().to_string();
        assert!(text.contains("***"), "{text}");
    }
    // A line of a listing is no place for it either.
    let host = VirtualHost::play(
        &Dialogue::parse(&sasl(
            "PLAIN",
            &format!("C: AUTH PLAIN {PLAIN}\n{IN}C: LIST\nS: +OK\nS: {SECRET}\n"),
        ))
        .unwrap(),
    );
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    let error = run(&host, pop3.list(&Query::all())).unwrap().unwrap_err();
    assert!(error.to_string().contains("***"), "{error}");
    secrets::assert_absent(&format!("{error:?}"), &[SECRET]);
}

#[test]
fn the_transcript_shows_the_dialogue_and_no_secret() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
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
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut config = config(TlsMode::Implicit);
        config.debug = true;
        let user = format!(
            "S: +OK <1.2@h>\nC: CAPA\nS: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: +OK hi {SECRET}\n"
        );
        connect(config.clone(), &user).unwrap();
        let refused = sasl("PLAIN", &format!("C: AUTH PLAIN {PLAIN}\nS: -ERR {PLAIN}\n"));
        connect(config.clone(), &refused).unwrap_err();
        config.apop = true;
        connect(config, "S: +OK <1.2@h>\nC: CAPA\nS: -ERR\nC: APOP me {digest}\nS: -ERR {digest}\n")
            .unwrap_err();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for line in ["AUTH PLAIN ***", "PASS ***", "APOP me ***", "-ERR ***", "USER me"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    secrets::assert_absent(&text, &[SECRET]);
}
