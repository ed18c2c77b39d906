//! Recorded dialogues: however the bytes are delivered, and wherever they are cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_core::*;
use postrider_lettre::{Lettre, LettreConfig, Login};
use postrider_testkit::{Dialogue, VirtualHost, secrets, sweep};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Work = Pin<Box<dyn Future<Output = Vec<String>>>>;

const SECRET: &str = "hunter2secret";
/// Signed in and about to hear of one message.
const READY: &str = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-mail.example\nS: 250 HELP\n";

fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn lettre(tls: TlsMode, host: &VirtualHost) -> Lettre {
    let target = Target::new("mail.example", 465, tls).unwrap();
    let login = Login::password(&target, "me", SECRET);
    Lettre::new(LettreConfig::new(target, login), Arc::new(host.clone()))
}

fn anonymous(host: &VirtualHost) -> Lettre {
    let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
    Lettre::new(LettreConfig::new(target.clone(), Login::none(&target)), Arc::new(host.clone()))
}

fn to(addresses: &[&str]) -> Envelope {
    Envelope::parse(Some("me@example.org"), addresses.iter().copied()).unwrap()
}

fn word(outcome: &Result<Receipt>) -> String {
    match outcome {
        Ok(receipt) => format!("delivered {}", receipt.recipients.len() - receipt.failures().count()),
        Err(error) => format!("{:?} {:?}", error.outcome(), error.phase()),
    }
}

fn refused_then_sent(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut lettre = lettre(TlsMode::Implicit, &host);
        let body = || Body::from("Subject: x\n\n.dot\r\nend\r\n\r\n");
        let refused = lettre.send(&to(&["nobody@example.org"]), body()).await;
        let sent = lettre.send(&to(&["you@example.org"]), body()).await;
        Box::new(lettre).close().await.unwrap();
        vec![word(&refused), word(&sent)]
    })
}

fn starttls(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut lettre = lettre(TlsMode::StartTls, &host);
        vec![word(&lettre.send(&to(&["you@example.org"]), "Subject: x\r\n\r\nGrüße\r\n".into()).await)]
    })
}

/// One send, anonymous and in the clear, to a server that goes on like this behind EHLO.
fn play(rest: &str, addresses: &[&str]) -> (Result<Receipt>, VirtualHost) {
    let host = VirtualHost::play(&Dialogue::parse(&format!("{READY}{rest}")).unwrap());
    let mut lettre = anonymous(&host);
    let outcome = postrider_testkit::run(&host, lettre.send(&to(addresses), "x".into()));
    let Ok(outcome) = outcome else { panic!("hangs: {rest}") };
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    (outcome, host)
}

#[test]
fn a_refused_message_leaves_the_connection_for_the_next_one_however_bytes_arrive() {
    let outcomes = sweep::deliveries(&dialogue("refused-then-sent"), &refused_then_sent);
    assert_eq!(outcomes, ["Rejected Recipient", "delivered 1"]);
}

#[test]
fn starttls_is_the_hosts_and_nothing_secret_goes_out_before_it() {
    assert_eq!(sweep::deliveries(&dialogue("starttls"), &starttls), ["delivered 1"]);
    let host = VirtualHost::play(&dialogue("starttls"));
    postrider_testkit::run(&host, starttls(host.clone())).unwrap();
    let clear = String::from_utf8_lossy(&host.sent_in_clear()).into_owned();
    assert_eq!(clear, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n");
}

#[test]
fn words_injected_behind_the_starttls_reply_end_the_session() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-a\nS: 250 STARTTLS\nC: STARTTLS\nS| 220 go\\r\\n250 injected\\r\\n\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let outcome = postrider_testkit::run(&host, lettre(TlsMode::StartTls, &host).connect()).unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn without_starttls_nothing_is_said_where_it_is_required() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250 AUTH PLAIN\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let outcome = postrider_testkit::run(&host, lettre(TlsMode::StartTls, &host).connect()).unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn a_password_is_not_said_in_the_clear() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-a\nS: 250 AUTH PLAIN LOGIN\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let outcome = postrider_testkit::run(&host, lettre(TlsMode::None, &host).connect()).unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Authentication);
}

#[test]
fn a_refused_password_names_the_reply_and_no_secret_even_if_the_server_repeats_it() {
    let script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-a\nS: 250 AUTH PLAIN\nC: AUTH PLAIN\nS: 334 \n\
                  C: AG1lAGh1bnRlcjJzZWNyZXQ=\nS: 535 5.7.8 no hunter2secret AG1lAGh1bnRlcjJzZWNyZXQ=\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut lettre = lettre(TlsMode::Implicit, &host);
    let error = postrider_testkit::run(&host, lettre.connect()).unwrap().unwrap_err();
    let text = format!("{error} {error:?} {lettre:?}");
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(text.contains("535 5.7.8"), "{text}");
    secrets::assert_absent(&text, &[SECRET]);
}

#[test]
fn one_refusal_cancels_the_message_and_every_recipient_hears_of_it() {
    let (outcome, _) = play(
        "C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<a@b.c>\nS: 250 ok\nC: RCPT TO:<d@b.c>\n\
         S: 450 4.2.1 busy\nC: RCPT TO:<e@b.c>\nS: 550 5.1.1 none\nC: RSET\nS: 250 ok\n",
        &["a@b.c", "d@b.c", "e@b.c"],
    );
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Rejected, Phase::Recipient));
    let verdicts: Vec<_> = error.recipients().iter().map(|r| &r.verdict).collect();
    assert!(matches!(verdicts[..], [Verdict::NotSent, Verdict::Deferred(_), Verdict::Refused(_)]));
}

#[test]
fn the_answer_to_the_end_of_data_decides_and_none_or_nonsense_is_unsure() {
    let envelope = "C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<a@b.c>\nS: 250 ok\nC: DATA\n";
    for (end, want) in [
        ("S: 354 go\nC: x\nC: .\nS: 250 ok\n", "delivered 1"),
        ("S: 354 go\nC: x\nC: .\nS: 554 5.7.1 spam\nC: RSET\nS: 250 ok\n", "Rejected EndOfData"),
        ("S: 354 go\nC: x\nC: .\nS: 451 later\nC: RSET\nS: 250 ok\n", "Deferred EndOfData"),
        ("S: 354 go\nC: x\nC: .\nCUT\n", "Unsure EndOfData"),
        ("S: 354 go\nC: x\nC: .\nSILENCE\n", "Unsure EndOfData"),
        ("S: 354 go\nC: x\nC: .\nS: 354 what\n", "Unsure EndOfData"),
        ("S: 354 go\nC: x\nC: .\nS: what\n", "Unsure EndOfData"),
        ("S: 250 what\n", "NotSent Data"),
        ("S: 503 no\nC: RSET\nS: 250 ok\n", "Rejected Data"),
    ] {
        assert_eq!(word(&play(&format!("{envelope}{end}"), &["a@b.c"]).0), want, "{end}");
    }
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced_once() {
    let one = "C: MAIL FROM:<me@example.org>\nS: 250 ok\nC: RCPT TO:<a@b.c>\nS: 250 ok\nC: DATA\nS: 354 go\n\
               C: x\nC: .\nS: 250 ok\n";
    let script = format!("{READY}{one}CUT\nCONNECT\n{READY}{one}");
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    let mut lettre = anonymous(&host);
    let both = postrider_testkit::run(&host, async {
        let first = lettre.send(&to(&["a@b.c"]), "x".into()).await;
        vec![word(&first), word(&lettre.send(&to(&["a@b.c"]), "x".into()).await)]
    });
    assert_eq!(both.unwrap(), ["delivered 1", "delivered 1"]);
    assert_eq!(host.dials(), 2);
}

#[test]
fn a_message_over_the_limit_is_refused_before_anything_is_dialed() {
    let host = VirtualHost::play(&Dialogue::parse(READY).unwrap());
    let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
    let mut config = LettreConfig::new(target.clone(), Login::none(&target));
    config.max_size = 10;
    let mut lettre = Lettre::new(config, Arc::new(host.clone()));
    let outcome =
        postrider_testkit::run(&host, lettre.send(&to(&["a@b.c"]), "x".repeat(11).into_bytes().into()));
    assert_eq!(outcome.unwrap().unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(host.dials(), 0);
}

#[test]
fn a_typed_name_can_not_leave_its_command() {
    let host = VirtualHost::play(&Dialogue::parse(READY).unwrap());
    let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
    let mut config = LettreConfig::new(target.clone(), Login::none(&target));
    config.hello = ::lettre::transport::smtp::extension::ClientId::Domain("a\r\nMAIL FROM:<>".into());
    let mut lettre = Lettre::new(config, Arc::new(host.clone()));
    let outcome = postrider_testkit::run(&host, lettre.connect());
    assert_eq!(outcome.unwrap().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(host.dials(), 0);
}

/// Where the server's bytes are cut or stop, the outcome is delivered only if all of the final reply was read, and
/// unsure exactly while it was not and everything before it was.
#[test]
fn a_cut_never_makes_a_false_delivered_and_unsure_only_where_it_is_true() {
    let last = "250 2.0.0 queued\r\n".len();
    sweep::cuts(&dialogue("starttls"), &starttls, |n, total, outcomes| {
        let want = if n == total {
            "delivered 1"
        } else if n >= total - last {
            "Unsure EndOfData"
        } else {
            "NotSent"
        };
        assert!(outcomes[0].starts_with(want), "{n} of {total}: {outcomes:?}, not {want}");
    });
}

#[test]
fn a_client_cut_is_unsure_only_if_the_whole_terminator_reached_the_server() {
    sweep::client_cuts(&dialogue("starttls"), &starttls, |n, total, outcomes| {
        let want = if n == total { "delivered" } else { "NotSent" };
        assert!(outcomes[0].starts_with(want), "{n} of {total}: {outcomes:?}");
    });
}
