//! What LMTP has that SMTP has not: an answer for each recipient, after the message.

use postrider_core::{
    Envelope, ErrorKind, Host, Layer, LayerKind, Outcome, OutgoingTransport, Properties, Receipt, Registry,
    Result, Verdict,
};
use postrider_testkit::{Dialogue, VirtualHost, run};
use std::sync::Arc;

fn play(text: &str, loopback: bool, to: &[&str]) -> (VirtualHost, Result<Receipt>) {
    let host = VirtualHost::play(&Dialogue::parse(text).unwrap()).loopback(loopback);
    let layer = Layer::parse(LayerKind::Account, "test", "mail.lmtp.port=24").unwrap();
    let mut registry = Registry::empty();
    registry.add(&postrider_lmtp::FACTORY, "test").unwrap();
    let lent: Arc<dyn Host> = Arc::new(host.clone());
    let mut lmtp: Box<dyn OutgoingTransport> =
        registry.outgoing("lmtp", &Properties::new([layer]), lent).unwrap();
    let envelope = Envelope::parse(Some("me@example.org"), to.iter().copied()).unwrap();
    let mut outcome = None;
    run(&host, async {
        outcome = Some(lmtp.send(&envelope, "Subject: x\r\n\r\n.dot\r\n".into()).await);
        lmtp.close().await.unwrap();
    })
    .unwrap();
    (host, outcome.unwrap())
}

#[test]
fn a_full_mailbox_is_deferred_while_another_recipient_has_the_message() {
    let text = include_str!("dialogues/one-full.txt");
    let (host, outcome) = play(text, true, &["one@example.org", "nobody@example.org", "full@example.org"]);
    host.assert_followed();
    let verdicts: Vec<Verdict> = outcome.unwrap().recipients.into_iter().map(|r| r.verdict).collect();
    assert!(
        matches!(&verdicts[..], [Verdict::Accepted(_), Verdict::Refused(_), Verdict::Deferred(full)]
            if full.code() == Some("4.2.2")),
        "{verdicts:?}"
    );
}

#[test]
fn a_cut_between_two_answers_is_unsure_for_the_second_alone() {
    let text = include_str!("dialogues/half-answered.txt");
    let (_, outcome) = play(text, true, &["one@example.org", "two@example.org"]);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsure);
    let verdicts: Vec<&Verdict> = error.recipients().iter().map(|r| &r.verdict).collect();
    assert!(matches!(verdicts[..], [Verdict::Accepted(_), Verdict::Unsure]), "{verdicts:?}");
}

#[test]
fn an_answer_ahead_of_the_message_is_no_acceptance() {
    let text =
        include_str!("dialogues/half-answered.txt").replace("S: 354 go on", "S: 354 go on\nS: 250 early");
    let (host, outcome) = play(&text, true, &["one@example.org", "two@example.org"]);
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::NotSent));
    assert!(!host.sent_text().contains("\r\n.\r\n"), "{}", host.sent_text());
}

#[test]
fn nothing_is_said_in_the_clear_to_another_machine() {
    let (host, outcome) = play(include_str!("dialogues/one-full.txt"), false, &["one@example.org"]);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Tls);
    assert!(host.sent().is_empty());
}
