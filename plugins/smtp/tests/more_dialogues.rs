//! More recorded dialogues, delivered in every way and cut everywhere; and the calls that must never begin one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, run, sweep};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Work = Pin<Box<dyn Future<Output = String>>>;

fn international(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut recipient = Recipient::new("you@exämple.org".parse().unwrap());
        recipient.original = Some("yöu@example.org".parse().unwrap());
        let envelope = Envelope::new(Some("grüße@exämple.org".parse().unwrap()), [recipient]).unwrap();
        let envelope = envelope.with_id("QQ+1").unwrap().with_returned(ReturnContent::Full);
        let envelope = envelope.with_notify(Notify::On { success: true, failure: true, delay: true });
        word(&smtp(anonymous(TlsMode::None), &host).send(&envelope, NORMALISED.into()).await)
    })
}

fn refused_by_all(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        let outcome = smtp.send(&to(&["a@example.org", "b@example.org"]), NORMALISED.into()).await;
        Box::new(smtp).close().await.unwrap();
        word(&outcome)
    })
}

#[test]
fn international_addresses_and_dsn_go_out_one_command_at_a_time() {
    let dialogue = dialogue("smtputf8");
    assert_eq!(sweep::deliveries(&dialogue, &international), "delivered 1");
    let last = "250 2.0.0 queued\r\n".len();
    sweep::cuts(&dialogue, &international, |n, total, outcome| {
        let want = match n {
            n if n == total => "delivered",
            // Gone is noticed before the end of data goes out, silent is not.
            n if n == total - last => ["NotSent", "Unsure"][usize::from(outcome.starts_with("Unsure"))],
            n if n > total - last => "Unsure",
            _ => "NotSent",
        };
        assert!(outcome.starts_with(want), "{n} of {total}: {outcome}");
    });
    sweep::client_cuts(&dialogue, &international, |n, total, outcome| {
        assert!(outcome.starts_with(if n == total { "delivered" } else { "NotSent" }), "{n}: {outcome}");
    });
}

#[test]
fn a_refusal_by_all_stands_whatever_becomes_of_the_lone_dot() {
    let dialogue = dialogue("lone-dot");
    assert_eq!(sweep::deliveries(&dialogue, &refused_by_all), "Rejected Recipient");
    let said = "220 mail.example ESMTP\r\n250-mail.example\r\n250 PIPELINING\r\n250 2.1.0 ok\r\n450 4.2.1 busy\r\n\
                550 5.1.1 who?\r\n354 go on\r\n";
    sweep::cuts(&dialogue, &refused_by_all, |n, _, outcome| {
        let want = if n < said.len() { "NotSent" } else { "Rejected Recipient" };
        assert!(outcome.starts_with(want), "{n}: {outcome}");
    });
}

#[test]
fn nothing_that_could_leave_its_command_begins_a_dialogue() {
    let host = || VirtualHost::play(&Dialogue::parse("S: 220 hi\n").unwrap());
    for hello in ["a\r\nRSET", "a\nb", "a b XCLIENT", "", "\0", "[1", "-x", "a\u{10d}\u{10a}b"] {
        let host = host();
        let mut config = anonymous(TlsMode::None);
        config.hello = hello.into();
        let error =
            run(&host, smtp(config, &host).send(&to(&["a@x.example"]), "x".into())).unwrap().unwrap_err();
        assert_eq!((error.kind(), host.dials()), (ErrorKind::InvalidInput, 0), "{hello:?}");
    }
    // A password that would end its line is refused before AUTH, and does not show.
    let host = VirtualHost::play(&Dialogue::parse(&ehlo(&["AUTH PLAIN LOGIN"])).unwrap());
    let mut config = config(TlsMode::Implicit);
    config.login.password = Some(format!("{SECRET}\r\nRSET").into());
    let error = run(&host, smtp(config, &host).send(&to(&["a@x.example"]), "x".into())).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!host.sent_text().contains("AUTH") && !error.to_string().contains(SECRET));
    // An envelope whose public fields were changed after it was checked.
    let script = format!(
        "{}C: MAIL FROM:<me@example.org> ENVID=a+0D+0ARSET+20b\nS: 550 x\nC: RSET\nS: 250 x\n",
        ehlo(&["DSN"])
    );
    let mut envelope = to(&["a@x.example"]);
    envelope.id = Some("a\r\nRSET b".into());
    let (outcome, host) = play(anonymous(TlsMode::None), &script, &envelope, "x".into());
    assert_eq!(outcome.unwrap_err().outcome(), Outcome::Rejected);
    host.assert_followed();
}

#[test]
fn dsn_wishes_are_left_out_where_the_server_knows_none_and_the_message_goes() {
    let script = format!(
        "{}C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<you@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\n",
        ehlo(&[])
    );
    let envelope = to(&["you@example.org"]).with_notify(Notify::Never).with_returned(ReturnContent::Full);
    assert!(play(anonymous(TlsMode::None), &script, &envelope, "x".into()).0.is_ok());
}

#[test]
fn smtps_is_the_same_transport_with_tls_from_the_start() {
    let registry = Registry::linked().unwrap();
    let names: Vec<_> = registry.iter().flat_map(|(f, _)| f.names()).collect();
    assert_eq!(names, ["smtp", "smtps"]);
    for (name, text, port) in [
        ("smtps", "mail.smtps.host=h", 465),
        ("smtps", "mail.smtp.host=h", 465),
        ("smtp", "mail.smtp.host=h\nmail.smtp.starttls.enable=true", 587),
        ("smtp", "mail.host=h\nmail.smtp.tls=none", 25),
    ] {
        let layer = Layer::parse(LayerKind::Account, "file", text).unwrap();
        let scope = registry.scope(Direction::Outgoing, name, &Properties::new([layer])).unwrap();
        let config = postrider_smtp::SmtpConfig::read(&scope).unwrap();
        assert_eq!(config.target.port, port, "{name} {text}");
    }
    let text = "mail.smtp.host=h\nmail.smtp.ehlo=false\nmail.smtp.port=587";
    let layer = Layer::parse(LayerKind::Account, "file", text).unwrap();
    let host = Arc::new(VirtualHost::play(&Dialogue::parse("").unwrap()));
    let Err(error) = registry.outgoing("smtp", &Properties::new([layer]), host) else { panic!("taken") };
    assert_eq!(error.property().map(|(key, _)| key), Some("mail.smtp.ehlo"));
}

#[test]
fn a_server_that_answers_starttls_before_it_is_asked_is_left() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-mail.example\nS: 250 STARTTLS\nS: 220 go ahead\n";
    let (outcome, host) = play(config(TlsMode::StartTls), script, &to(&["a@x.example"]), "x".into());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Protocol);
    assert!(!host.sent_text().contains("STARTTLS"));
    // Without EHLO there is no STARTTLS: HELO is not even tried when TLS is required.
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 502 no\n";
    let (outcome, host) = play(config(TlsMode::StartTls), script, &to(&["a@x.example"]), "x".into());
    assert!(outcome.unwrap_err().advice().unwrap().contains("tls=implicit"));
    assert!(!host.sent_text().contains("HELO"));
    // 501 is a no to our name, not to EHLO.
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 501 bad name\n";
    let (outcome, _) = play(config(TlsMode::Implicit), script, &to(&["a@x.example"]), "x".into());
    assert!(outcome.unwrap_err().advice().unwrap().contains("localhost"));
}
