//! Sending rules: who may send, who gets it, in how many transactions, and what is said of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::message::Message;
use postrider::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

fn fixture(overrides: &str) -> (Arc<Line>, Mailer) {
    let line = Arc::new(Line::default());
    let mailer = session(&line, &Clock::default(), overrides).unwrap().mailer().unwrap();
    (line, mailer)
}

const MESSAGE: &str = "From: Me <me@example.org>\r\nTo: a@x.example\r\nCc: b@x.example\r\n\r\nx\r\n";

fn to(addresses: &[&str]) -> Envelope {
    Envelope::parse(Some("me@example.org"), addresses.iter().copied()).unwrap()
}

/// Envelope recipients and text of everything that went out.
fn went(line: &Line) -> Vec<(Vec<String>, String)> {
    let messages = line.messages.lock().unwrap();
    let one = |(envelope, bytes): &(Envelope, Vec<u8>)| {
        let to = envelope.to.iter().map(|r| r.address.to_string()).collect();
        (to, String::from_utf8(bytes.clone()).unwrap())
    };
    messages.iter().map(one).collect()
}

/// A letter for each verdict: Accepted, Refused, Deferred, NotSent, Unsure, Suppressed.
fn verdicts(recipients: &[RecipientOutcome]) -> String {
    let letter = |r: &RecipientOutcome| format!("{:?}", r.verdict).chars().next().unwrap();
    recipients.iter().map(letter).collect()
}

/// A body that comes byte by byte.
fn trickle(text: &str) -> Body<'static> {
    let bytes: Vec<u8> = text.bytes().collect();
    Body::generate(bytes.into_iter(), |mut bytes| async move {
        let byte = bytes.next();
        Ok(byte.map(|b| (vec![b].into(), bytes)))
    })
    .with_size(text.len() as u64)
}

#[tokio::test]
async fn nothing_is_sent_to_reserved_domains_unless_a_property_says_so_and_the_others_get_it() {
    let (line, mailer) = fixture("mail.send.allowreserved=false");
    let receipt = mailer.send(&to(&["a@real.de", "b@example.com", "c@x.test"]), "x".into()).await.unwrap();
    assert_eq!(verdicts(&receipt.recipients), "ASS");
    assert!(!receipt.is_complete() && receipt.failures().count() == 2);
    let Verdict::Suppressed(rule) = &receipt.recipients[1].verdict else { panic!() };
    assert!(rule.contains("example.com") && rule.contains("mail.send.allowreserved"), "{rule}");
    assert_eq!(went(&line), [(vec!["a@real.de".to_owned()], "x".to_owned())]);
    // Unset is the same.
    let config = MailerConfig::default();
    assert!(!config.rules.allow_reserved);
}

#[tokio::test]
async fn a_message_that_nobody_is_to_get_is_an_error_that_names_key_and_place_before_any_connection() {
    for (overrides, key, place) in [
        ("mail.send.allowreserved=false", "mail.send.allowreserved", "overrides:1"),
        (
            "mail.debug=false\nmail.send.blockedrecipients=B@X.example",
            "mail.send.blockedrecipients",
            "overrides:2",
        ),
    ] {
        let (line, mailer) = fixture(overrides);
        let error = mailer.send(&to(&["b@x.example"]), "x".into()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::InvalidInput, Outcome::NotSent));
        assert_eq!((verdicts(error.recipients()), error.repeat()), ("S".to_owned(), Repeat::Never));
        let text = error.to_string();
        assert!(text.contains(key) && text.contains(place) && text.contains("b@x.example"), "{text}");
        assert_eq!(line.dials.load(SeqCst), 0);
    }
}

#[tokio::test]
async fn blocked_recipients_are_found_by_address_name_and_domain_whatever_their_case() {
    let (line, mailer) = fixture(
        "mail.send.blockedrecipients = Gone@x.example, *@closed.example *@*.closed.example noreply@*",
    );
    let all = [
        "a@x.example",
        "gONE@X.example",
        "b@Closed.example",
        "c@mail.closed.example",
        "NoReply@y.example",
        "z@x.example",
    ];
    let receipt = mailer.send(&to(&all), "x".into()).await.unwrap();
    assert_eq!(verdicts(&receipt.recipients), "ASSSSA");
    let order: Vec<&str> = receipt.recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(order, all);
    assert_eq!(went(&line)[0].0, ["a@x.example", "z@x.example"]);
}

#[tokio::test]
async fn only_allowed_senders_send_and_others_are_refused_before_any_connection() {
    let rule = "mail.send.allowedsenders=me@example.org *@office.example";
    let (line, mailer) = fixture(rule);
    let send = async |from: Option<&str>, header: &str| {
        let envelope = Envelope::parse(from, ["a@x.example"]).unwrap();
        // Byte by byte: the header is found wherever the pieces end.
        mailer.send(&envelope, trickle(&format!("{header}\r\n\r\nx\r\n"))).await
    };
    for (from, header) in [
        (Some("ME@example.org"), "Subject: x"),
        (Some("me@example.org"), "From: Any <Boss@Office.example>"),
        (None, "FROM : me@example.org"),
        (Some("me@example.org"), "From: \"evil@x.example\"\r\n <me@example.org>"),
    ] {
        send(from, header).await.unwrap();
    }
    assert_eq!(line.sent.load(SeqCst), 4);
    assert!(went(&line)[1].1 == "From: Any <Boss@Office.example>\r\n\r\nx\r\n");
    let dials = line.dials.load(SeqCst);
    for (from, header) in [
        (Some("evil@x.example"), "From: me@example.org"),
        (Some("me@example.org"), "From: evil@x.example"),
        (Some("me@example.org"), "Sender: evil@x.example\r\nFrom: me@example.org"),
        (Some("me@example.org"), "From: me@example.org\r\nFrom: evil@x.example"),
        (Some("me@example.org"), "From: me@example.org, evil@x.example"),
        (Some("me@example.org"), "From: evil@x.example <me@example.org>"),
        (Some("me@example.org"), "Subject: x\rFrom: evil@x.example"),
        (Some("me@example.org"), "Subject: x\nFrom: evil@x.example"),
        (Some("me@example.org"), "From: me@example.org\r\n <evil@x.example>"),
        (Some("me@example.org"), "From: team: evil@x.example;"),
        (None, "From: evil@x.example"),
        (None, "Subject: who"),
    ] {
        let error = send(from, header).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{header}");
        let text = error.to_string();
        assert!(text.contains("mail.send.allowedsenders") && text.contains("overrides:1"), "{text}");
    }
    assert_eq!((line.sent.load(SeqCst), line.dials.load(SeqCst)), (4, dials));
}

#[tokio::test]
async fn a_message_of_the_builder_is_held_to_the_rules_as_a_stream_is() {
    let (line, mailer) =
        fixture("mail.send.allowedsenders=*@example.org\nmail.send.autosubmitted=auto-generated");
    let message = |from: &str| {
        let builder = Message::builder().from(from.parse().unwrap()).to("a@x.example".parse().unwrap());
        builder.bcc("hidden@x.example".parse().unwrap()).subject("x").body("x".to_owned()).unwrap()
    };
    mailer.send_message(&message("Me <me@example.org>")).await.unwrap();
    assert!(mailer.send_message(&message("me@evil.example")).await.is_err());
    let (to, text) = went(&line).remove(0);
    assert_eq!(to, ["a@x.example", "hidden@x.example"]);
    assert!(
        text.starts_with("Auto-Submitted: auto-generated\r\nFrom: ") && !text.contains("hidden"),
        "{text}"
    );
    assert_eq!(went(&line).len(), 1);
}

#[tokio::test]
async fn notices_stand_in_front_of_a_message_that_lacks_them_and_its_size_counts_them() {
    let (line, mailer) =
        fixture("mail.send.autosubmitted=Auto-Generated\nmail.send.autoresponsesuppress=oof autoreply");
    for body in [MESSAGE.into(), trickle(MESSAGE)] {
        mailer.send(&to(&["a@x.example"]), body).await.unwrap();
    }
    let notices = "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n";
    for (_, text) in went(&line) {
        assert_eq!(text, format!("{notices}{MESSAGE}"));
    }
    line.messages.lock().unwrap().clear();
    let own = "AUTO-SUBMITTED: no\r\nX-Auto-Response-Suppress\t: All\r\n\r\nAuto-Submitted: in the body\r\n";
    let body_only = "\r\nAuto-Submitted: no\r\n";
    for text in [own, body_only, ""] {
        mailer.send(&to(&["a@x.example"]), trickle(text)).await.unwrap();
    }
    let texts: Vec<String> = went(&line).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, [own.to_owned(), format!("{notices}{body_only}"), notices.to_owned()]);
    // A first line that would continue ours is no message.
    assert!(mailer.send(&to(&["a@x.example"]), " evil\r\n\r\nx".into()).await.is_err());
}

#[tokio::test]
async fn a_header_without_end_is_refused_and_not_held_in_memory() {
    let (line, mailer) = fixture("mail.send.autosubmitted=auto-generated");
    let endless = Body::generate(0u64, |n| async move {
        assert!(n < 100, "it is read on and on");
        Ok(Some((vec![b'a'; 16 * 1024].into(), n + 1)))
    });
    let error = mailer.send(&to(&["a@x.example"]), endless).await.unwrap_err();
    assert_eq!((error.kind(), line.dials.load(SeqCst)), (ErrorKind::Limit, 0));
}

#[tokio::test]
async fn bad_rules_are_found_when_the_mailer_is_made_with_key_and_place() {
    let line = Arc::new(Line::default());
    for (rule, part) in [
        ("mail.send.allowedsenders=example.org", "no @"),
        ("mail.send.blockedrecipients=*@*", "everybody"),
        ("mail.send.allowreserved=yes", "true or false"),
        ("mail.send.audit=me", "not a mail address"),
        ("mail.send.recipientspertransaction=0", "from 1"),
        ("mail.send.autosubmitted=auto-generated\\r\\nBcc: x@y", "control"),
        ("mail.send.autosubmitted=no", "auto-replied"),
        ("mail.send.autoresponsesuppress=All, OOF", "alone"),
        ("mail.send.autoresponsesuppress=X\\r\\nBcc:x@y", "AutoReply"),
        ("mail.send.redirect=Staging <s@x.example>", "s@x.example"),
        ("mail.from.name=Me\\r\\nBcc: x@y", "control"),
    ] {
        let made = session(&line, &Clock::default(), rule).and_then(|s| s.mailer());
        let error = made.map(drop).unwrap_err();
        let key = rule.split('=').next().unwrap();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{rule}");
        assert!(text.contains(key) && text.contains("overrides:1") && text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn the_default_sender_has_a_name_and_an_address() {
    let (_, mailer) = fixture("mail.from=office@example.org\nmail.from.name=Büro, 1. Stock");
    let mailbox = mailer.mailbox().unwrap();
    assert_eq!(
        (mailbox.name.as_deref(), mailbox.email.to_string().as_str()),
        (Some("Büro, 1. Stock"), "office@example.org")
    );
    let (_, mailer) = fixture("");
    assert!(mailer.mailbox().unwrap_err().to_string().contains("mail.from"));
}

#[tokio::test]
async fn everything_goes_to_the_staging_address_and_nobody_else_and_the_hidden_stay_hidden() {
    let (line, mailer) = fixture(
        "mail.send.redirect=staging@real.example\nmail.send.audit=audit@real.example\n\
         mail.send.blockedrecipients=*@x.example\nmail.send.allowreserved=false\nmail.send.recipientspertransaction=1",
    );
    let mut envelope = to(&["B@x.example", "a@x.example", "hidden@secret.example", "grüße@x.example"]);
    envelope.to[0].original = Some(Address::new("older@x.example").unwrap());
    let receipt = mailer.send(&envelope, trickle(MESSAGE)).await.unwrap();
    assert_eq!(verdicts(&receipt.recipients), "AAAA");
    assert!(receipt.is_complete() && receipt.copies.is_empty());
    assert!(
        receipt.recipients.iter().all(|r| r.instead.as_ref().unwrap().as_str() == "staging@real.example")
    );
    assert_eq!(receipt.recipients[2].address.as_str(), "hidden@secret.example");
    let original = "X-Original-To: B@x.example,\r\n a@x.example,\r\n (2 not named)\r\n";
    assert_eq!(went(&line), [(vec!["staging@real.example".to_owned()], format!("{original}{MESSAGE}"))]);
    let (envelope, _) = &line.messages.lock().unwrap()[0];
    assert!(envelope.to[0].original.is_none());
}

#[tokio::test]
async fn a_long_envelope_goes_in_several_transactions_and_each_recipient_has_their_own_verdict() {
    let (line, mailer) =
        fixture("mail.send.recipientspertransaction=2\nmail.send.blockedrecipients=no@x.example");
    let all = ["a@x.example", "b@x.example", "no@x.example", "c@x.example", "d@x.example", "e@x.example"];
    let receipt = mailer.send(&to(&all), trickle(MESSAGE)).await.unwrap();
    assert_eq!(verdicts(&receipt.recipients), "AASAAA");
    let parts: Vec<Vec<String>> = went(&line).iter().map(|(to, _)| to.clone()).collect();
    assert_eq!(
        parts,
        [vec!["a@x.example", "b@x.example"], vec!["c@x.example", "d@x.example"], vec!["e@x.example"]]
    );
    assert!(went(&line).iter().all(|(_, text)| text == MESSAGE));
}

/// Ends the transactions in this, one after the other; `None` accepts.
async fn parts(ends: Vec<Option<Error>>) -> (Result<Receipt>, usize) {
    let (line, mailer) = fixture("mail.send.recipientspertransaction=2");
    *line.ends.lock().unwrap() = ends.into();
    let envelope = to(&["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"]);
    let outcome = mailer.send(&envelope, "x".into()).await;
    (outcome, line.sent.load(SeqCst))
}

fn error(kind: ErrorKind, phase: Phase) -> Option<Error> {
    Some(Error::new(kind, phase, "x").with_reply(Reply::new("550", None, "no")))
}

#[tokio::test]
async fn a_transaction_in_doubt_makes_the_whole_unsure_and_says_for_whom() {
    let (outcome, sent) = parts(vec![None, error(ErrorKind::Unsure, Phase::EndOfData)]).await;
    let unsure = outcome.unwrap_err();
    assert_eq!((unsure.kind(), unsure.repeat()), (ErrorKind::Unsure, Repeat::MayDuplicate));
    // After doubt nothing more is tried.
    assert_eq!((verdicts(unsure.recipients()), sent), ("AAUUN".to_owned(), 1));
    let (outcome, _) = parts(vec![error(ErrorKind::Unsure, Phase::EndOfData)]).await;
    assert_eq!(verdicts(outcome.unwrap_err().recipients()), "UUNNN");
}

#[tokio::test]
async fn refused_recipients_of_one_transaction_do_not_stop_the_next_and_a_lost_connection_does() {
    let (outcome, sent) = parts(vec![error(ErrorKind::Rejected, Phase::Recipient), None, None]).await;
    assert_eq!((verdicts(&outcome.unwrap().recipients), sent), ("RRAAA".to_owned(), 2));
    let (outcome, sent) = parts(vec![None, error(ErrorKind::Deferred, Phase::Recipient), None]).await;
    assert_eq!((verdicts(&outcome.unwrap().recipients), sent), ("AADDA".to_owned(), 2));
    let (outcome, sent) =
        parts(vec![None, Some(Error::new(ErrorKind::Closed, Phase::Data, "x")), None]).await;
    assert_eq!((verdicts(&outcome.unwrap().recipients), sent), ("AANNN".to_owned(), 1));
    // Nobody's: the first error it is.
    let (outcome, sent) = parts(vec![error(ErrorKind::Rejected, Phase::Sender)]).await;
    let refused = outcome.unwrap_err();
    assert_eq!((refused.kind(), refused.phase()), (ErrorKind::Rejected, Phase::Sender));
    assert_eq!((verdicts(refused.recipients()), sent), ("RRNNN".to_owned(), 0));
    let all = error(ErrorKind::Rejected, Phase::Recipient);
    let (outcome, _) = parts(vec![
        all,
        error(ErrorKind::Deferred, Phase::Recipient),
        error(ErrorKind::Rejected, Phase::Recipient),
    ])
    .await;
    assert_eq!(verdicts(outcome.unwrap_err().recipients()), "RRDDR");
}

#[tokio::test]
async fn an_audit_copy_is_in_no_header_and_its_failure_changes_nothing_for_the_message() {
    let rule = "mail.send.audit=audit@x.example a@x.example";
    let (line, mailer) = fixture(rule);
    let receipt = mailer.send(&to(&["A@x.example", "a@x.example"]), trickle(MESSAGE)).await.unwrap();
    assert_eq!((verdicts(&receipt.recipients), verdicts(&receipt.copies)), ("AA".to_owned(), "A".to_owned()));
    let messages = went(&line);
    assert_eq!((messages.len(), &messages[1].0[..]), (2, &["audit@x.example".to_owned()][..]));
    assert!(messages.iter().all(|(_, text)| text == MESSAGE));
    assert_eq!(line.messages.lock().unwrap()[1].0.to[0].notify, Some(Notify::Never));

    for (ends, want) in [
        (vec![None, error(ErrorKind::Rejected, Phase::Recipient)], Ok("R")),
        (vec![None, Some(Error::new(ErrorKind::Closed, Phase::Data, "x"))], Ok("N")),
        (vec![None, error(ErrorKind::Unsure, Phase::EndOfData)], Ok("U")),
        // What was not sent is not copied; what may have been sent is.
        (vec![error(ErrorKind::Rejected, Phase::Data)], Err(0)),
        (vec![error(ErrorKind::Unsure, Phase::EndOfData)], Err(1)),
    ] {
        let (line, mailer) = fixture(rule);
        *line.ends.lock().unwrap() = ends.into();
        match (mailer.send(&to(&["b@x.example"]), "x".into()).await, want) {
            (Ok(receipt), Ok(copies)) => {
                assert!(receipt.is_complete());
                assert_eq!(verdicts(&receipt.copies)[..1], *copies);
            }
            (Err(_), Err(sent)) => assert_eq!(line.sent.load(SeqCst), sent),
            (got, want) => panic!("{got:?} {want:?}"),
        }
    }
}

#[tokio::test]
async fn in_a_batch_each_message_has_the_outcome_the_rules_give_it() {
    let (line, mailer) = fixture(
        "mail.send.blockedrecipients=no@x.example\nmail.send.recipientspertransaction=2\nmail.send.audit=audit@x.example",
    );
    let batch = vec![
        (to(&["a@x.example"]), "1".into()),
        (to(&["no@x.example"]), "2".into()),
        (to(&["a@x.example", "no@x.example", "b@x.example", "c@x.example"]), "3".into()),
        (
            to(&["d@x.example"]),
            Body::generate((), |()| async { Err(Error::new(ErrorKind::Body, Phase::Data, "cut")) }),
        ),
    ];
    let outcomes = mailer.send_all(batch).await.unwrap();
    assert_eq!(verdicts(&outcomes[0].as_ref().unwrap().recipients), "A");
    assert_eq!(verdicts(outcomes[1].as_ref().unwrap_err().recipients()), "S");
    assert_eq!(verdicts(&outcomes[2].as_ref().unwrap().recipients), "ASAA");
    assert_eq!(outcomes[3].as_ref().unwrap_err().kind(), ErrorKind::Body);
    let sent: Vec<String> = went(&line).iter().map(|(to, text)| format!("{text}:{}", to.len())).collect();
    assert_eq!(sent, ["1:1", "3:2", "3:1", "1:1", "3:1"]);
    assert!(outcomes.iter().flatten().all(|r| verdicts(&r.copies) == "A"));
}

#[test]
fn the_settings_in_the_documentation_are_settings() {
    let text = include_str!("../../../docs/sending.md");
    let (_, rest) = text.split_once("```properties\n").unwrap();
    let block = rest.split_once("```").unwrap().0;
    let line = Arc::new(Line::default());
    let mailer = session(&line, &Clock::default(), block).unwrap().mailer().unwrap();
    assert_eq!(mailer.mailbox().unwrap().name.as_deref(), Some("The portal"));
    // Every rule there is stands in it.
    for spec in session_property::PROPERTIES.iter().filter(|spec| spec.name.starts_with("send.")) {
        assert!(text.contains(&format!("| `{}` |", spec.name)), "{}", spec.name);
    }
}

#[tokio::test]
async fn a_domain_beyond_ascii_is_blocked_in_whichever_form_it_is_written() {
    for (pattern, address) in [
        ("*@exämple.de", "you@xn--exmple-cua.de"),
        ("*@xn--exmple-cua.de", "you@EXÄMPLE.de"),
        ("*@*.XN--exmple-cua.de", "you@a.exämple.de"),
        ("you@exämple.de", "you@exa\u{308}mple.de"),
        ("you@straße.de", "you@xn--strae-oqa.de"),
        ("you@exämple.de", "you@exämple。de"),
        ("*@x.example", "you@ｘ.example"),
    ] {
        let (line, mailer) = fixture(&format!("mail.send.blockedrecipients={pattern}"));
        let outcome = mailer.send(&to(&[address]), "x".into()).await;
        assert!(outcome.is_err(), "{pattern} {address}");
        assert_eq!(line.dials.load(SeqCst), 0);
    }
    let (_, mailer) = fixture("mail.send.allowreserved=false");
    assert!(mailer.send(&to(&["you@ｅxample.com"]), "x".into()).await.is_err());
}

#[tokio::test]
async fn nobody_gets_a_message_twice_because_of_the_case_of_a_domain() {
    let (line, mailer) = fixture("mail.send.audit=audit@X.example\nmail.send.recipientspertransaction=1");
    mailer.send(&to(&["audit@x.example", "a@x.example", "a@X.Example"]), "x".into()).await.unwrap();
    let all: Vec<String> = went(&line).into_iter().flat_map(|(to, _)| to).collect();
    assert_eq!(all, ["audit@x.example", "a@x.example"]);
}

#[tokio::test]
async fn a_from_that_names_nobody_says_of_nobody_that_they_may_send() {
    for from in ["From: \r\n", "From: ,\r\n", "From: (me@example.org)\r\n"] {
        let (line, mailer) = fixture("mail.send.allowedsenders=me@example.org");
        let mut envelope = to(&["a@x.example"]);
        envelope.from = None;
        let message = format!("{from}\r\nx\r\n");
        let error = mailer.send(&envelope, Body::from_bytes(message)).await.unwrap_err();
        assert!(error.message().contains("who sends it"), "{error}");
        assert_eq!(line.dials.load(SeqCst), 0);
    }
}

#[tokio::test]
async fn a_copy_that_a_broken_transport_can_t_send_any_more_is_told() {
    let (line, mailer) = fixture("mail.send.audit=audit@x.example");
    *line.ends.lock().unwrap() = vec![None, error(ErrorKind::Plugin, Phase::EndOfData)].into();
    let batch = vec![(to(&["a@x.example"]), "1".into()), (to(&["b@x.example"]), "2".into())];
    let outcomes = mailer.send_all(batch).await.unwrap();
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::Plugin);
    assert_eq!(verdicts(&outcomes[0].as_ref().unwrap().copies), "N");
}

#[tokio::test]
async fn a_long_list_goes_out_one_by_one_without_being_copied_for_each() {
    let (line, mailer) = fixture("mail.send.recipientspertransaction=1");
    // With the whole list copied into each part this takes minutes.
    let all = (0..40_000).map(|n| Address::new(format!("u{n}@x.example")).unwrap());
    let envelope = Envelope::new(None, all).unwrap();
    let receipt = mailer.send(&envelope, "x".into()).await.unwrap();
    assert!(receipt.is_complete() && receipt.recipients.len() == 40_000);
    assert_eq!(line.sent.load(SeqCst), 40_000);
}

#[tokio::test]
async fn a_message_whose_envelope_lost_its_recipients_is_refused_before_any_server_is_asked_alone_and_in_a_batch()
 {
    let (line, mailer) = fixture("");
    let (good, mut bad) = (to(&["a@x.example"]), to(&["b@x.example"]));
    bad.to.clear();
    let error = mailer.send(&bad, "alone".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, "the envelope has no recipient"));
    let batch = vec![(good.clone(), "1".into()), (bad, "2".into()), (good, "3".into())];
    let outcomes = mailer.send_all(batch).await.unwrap();
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::InvalidInput);
    let texts: Vec<String> = went(&line).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1", "3"]);
}
