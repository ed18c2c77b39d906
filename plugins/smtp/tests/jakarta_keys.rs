//! What Jakarta Mail's further keys do to a dialogue, read from text as a person writes it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::*;
use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{VirtualHost, run, sweep};
use std::time::Duration;

fn read(text: &str) -> SmtpConfig {
    let text = format!("mail.smtp.host=mail.example\nmail.smtp.port=25\nmail.smtp.tls=none\n{text}");
    let layer = Layer::parse(LayerKind::Overrides, "form", &text).unwrap();
    let specs: Vec<PropertySpec> = postrider_smtp::FACTORY.specs().copied().collect();
    SmtpConfig::read(&Properties::new([layer]).scoped(&["smtp"], &specs)).unwrap()
}

#[test]
fn a_server_that_does_not_want_to_talk_is_told_goodbye_only_if_it_is_asked_for() {
    let dialogue = dialogue("session-reject");
    let polite = read("mail.smtp.quitonsessionreject=true");
    let word = sweep::deliveries(&dialogue, &|host| {
        let mut smtp = smtp(polite.clone(), &host);
        Box::pin(async move { word(&smtp.send(&to(&["you@example.org"]), NORMALISED.into()).await) })
    });
    assert_eq!(word, "Rejected Greeting");
    for (text, sent) in
        [("", ""), ("mail.smtp.quitonsessionreject=true\nmail.smtp.quitwait=false", "QUIT\r\n")]
    {
        let host = VirtualHost::play(&dialogue);
        let mut smtp = smtp(read(text), &host);
        let error = run(&host, smtp.connect()).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.reply().unwrap().number()), (ErrorKind::Rejected, Some(554)));
        assert_eq!(String::from_utf8_lossy(&host.sent()), sent);
    }
}

#[test]
fn a_server_that_never_answers_the_goodbye_costs_five_seconds_and_changes_no_error() {
    let script = "S: 554 no\nC: QUIT\n";
    for (text, seconds) in [("quitwait=true", 5), ("quitwait=false", 0)] {
        let config = read(&format!("mail.smtp.quitonsessionreject=true\nmail.smtp.{text}"));
        let (outcome, host) = play(config, script, &to(&["you@example.org"]), "x".into());
        assert_eq!(word(&outcome), "Rejected Greeting");
        assert_eq!(host.now(), Duration::from_secs(seconds));
    }
    // It has said goodbye itself.
    let (outcome, host) = play(
        read("mail.smtp.quitonsessionreject=true"),
        "S: 421 busy\n",
        &to(&["you@example.org"]),
        "x".into(),
    );
    assert_eq!((word(&outcome).as_str(), host.sent().len()), ("Deferred Greeting", 0));
}

#[test]
fn parameters_of_the_user_s_own_go_behind_the_sender() {
    let config = read("mail.smtp.mailextension=body=7BIT  XVERP");
    let word = sweep::deliveries(&dialogue("mailextension"), &|host| {
        let mut smtp = smtp(config.clone(), &host);
        Box::pin(async move { word(&smtp.send(&to(&["you@example.org"]), NORMALISED.into()).await) })
    });
    assert_eq!(word, "delivered 1");
}

#[test]
fn a_portal_s_short_timeout_does_not_end_in_unsure_behind_a_server_that_scans_for_minutes() {
    let script = format!(
        "{}C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<you@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\n\
         C: x\nC: .\n",
        ehlo(&[])
    );
    for (text, seconds) in [("timeout=5000", 600), ("timeout=5000\nmail.smtp.finaltimeout=20000", 20)] {
        let config = read(&format!("mail.smtp.{text}"));
        let (outcome, host) = play(config, &script, &to(&["you@example.org"]), "x".into());
        assert_eq!(word(&outcome), "Unsure EndOfData");
        assert_eq!(host.now(), Duration::from_secs(seconds), "{text}");
    }
}

#[test]
fn sign_in_keys_choose_the_mechanism() {
    for (text, mechanism) in [
        ("", "PLAIN"),
        ("mail.smtp.auth.plain.disable=true", "LOGIN"),
        ("mail.smtp.sasl.enable=true\nmail.smtp.sasl.mechanisms=LOGIN PLAIN", "LOGIN"),
        ("mail.smtp.auth.login.disable=true\nmail.smtp.auth.mechanisms=LOGIN PLAIN", "PLAIN"),
    ] {
        let config = read(&format!("mail.smtp.user=me\nmail.smtp.password={SECRET}\n{text}"));
        let start = ehlo(&["AUTH PLAIN LOGIN"]);
        // The host of a test is not this machine: the settings have to say that clear text is meant.
        let mut config = config;
        config.login.allow_cleartext = true;
        let script = format!("{start}C~ AUTH {mechanism}*\nS: 535 no\n");
        let (host, envelope) = (
            VirtualHost::play(&postrider_testkit::Dialogue::parse(&script).unwrap()),
            to(&["you@example.org"]),
        );
        let error = run(&host, smtp(config, &host).send(&envelope, "x".into())).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert!(error.message().contains(&format!("by {mechanism}")), "{text}: {error}");
    }
}
