//! How a send ends, exactly: what the server said and where, and never more than that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::observer::observed;
use common::*;
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, body, run};
use postrider_wire::dot::LineEnds;
use std::time::Duration;

const MAIL: &str = "C: MAIL FROM:<me@example.org>\nS: 250 ok\n";
const RCPT: &str = "C: RCPT TO:<you@example.org>\nS: 250 ok\n";
const DATA: &str = "C: DATA\nS: 354 go\n";
const TEXT: &str = "C: x\nC: .\n";

fn one(script: &str) -> (Result<Receipt>, VirtualHost) {
    play(anonymous(TlsMode::None), script, &to(&["you@example.org"]), "x".into())
}

fn error(script: &str) -> Error {
    match one(script).0 {
        Ok(receipt) => panic!("delivered: {receipt:?}: {script}"),
        Err(error) => error,
    }
}

#[test]
fn a_goodbye_in_place_of_any_reply_is_for_now_and_the_next_message_goes_over_a_new_connection() {
    let steps =
        ["S: 220 hi\n", "C: EHLO [127.0.0.1]\nS: 250 a\n", MAIL, RCPT, DATA, &format!("{TEXT}S: 250 ok\n")];
    let whole = steps.concat();
    for at in 0..steps.len() {
        let before = steps[..at].concat();
        let asked = steps[at].rsplit_once("S: ").unwrap().0;
        let script = format!("{before}{asked}S: 421 4.3.2 shutting down\nCUT\nCONNECT\n{whole}");
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        run(&host, async {
            let error = smtp.send(&to(&["you@example.org"]), "x".into()).await.unwrap_err();
            assert_eq!((error.kind(), error.repeat()), (ErrorKind::Deferred, Repeat::Safe), "{at}: {error}");
            assert_eq!(error.reply().unwrap().to_string(), "421 4.3.2 shutting down", "{at}");
            assert!(smtp.send(&to(&["you@example.org"]), "x".into()).await.is_ok(), "{at}");
        })
        .unwrap();
        host.assert_followed();
        assert_eq!(host.dials(), 2, "{at}");
    }
}

#[test]
fn after_a_goodbye_no_further_reply_is_waited_for() {
    let group = "C~ MAIL*\nC~ RCPT*\nC: DATA\n";
    let hi = ehlo(&["PIPELINING"]);
    for said in ["S: 421 bye\n", "S: 250 ok\nS: 421 bye\n", "S: 250 ok\nS: 250 ok\nS: 421 bye\n"] {
        let (outcome, host) = one(&format!("{hi}{group}{said}SILENCE\n"));
        let error = outcome.unwrap_err();
        assert_eq!((error.outcome(), error.reply().unwrap().number()), (Outcome::Deferred, Some(421)));
        assert_eq!(host.now(), Duration::ZERO, "{said}");
        assert!(!host.sent_text().contains("RSET"), "{said}");
    }
    let (outcome, host) =
        one(&format!("{hi}{group}S: 250 a\nS: 250 b\nS: 354 go\n{TEXT}S: 421 bye\nSILENCE\n"));
    assert_eq!((outcome.unwrap_err().outcome(), host.now()), (Outcome::Deferred, Duration::ZERO));
}

#[test]
fn only_a_connection_that_answered_nothing_is_replaced_and_only_once() {
    let one = format!("{MAIL}{RCPT}{DATA}{TEXT}S: 250 ok\n");
    let hi = ehlo(&[]);
    for (then, dials) in [
        // It took the sender: the message had begun, and the caller hears of it.
        (format!("{MAIL}C: RCPT TO:<you@example.org>\nS: 421 bye\nCUT\n"), 1),
        (format!("{MAIL}CUT\n"), 1),
        // The new connection fares no better: that is the server's word.
        (format!("CUT\nCONNECT\n{hi}C: MAIL FROM:<me@example.org>\nCUT\nCONNECT\n{hi}{one}"), 2),
        ("CUT\nREFUSE\n".to_owned(), 2),
    ] {
        let host = VirtualHost::play(&Dialogue::parse(&format!("{hi}{one}{then}")).unwrap());
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        run(&host, async {
            assert!(smtp.send(&to(&["you@example.org"]), "x".into()).await.is_ok());
            let error = smtp.send(&to(&["you@example.org"]), "x".into()).await.unwrap_err();
            assert_eq!(error.repeat(), Repeat::Safe, "{then}: {error}");
        })
        .unwrap();
        assert_eq!(host.dials(), dials, "{then}");
    }
}

#[test]
fn a_reply_that_does_not_fit_its_command_is_a_protocol_error_and_nothing_is_sent() {
    let hi = ehlo(&[]);
    for script in [
        format!("{hi}C: MAIL FROM:<me@example.org>\nS: 354 go\n"),
        format!("{hi}{MAIL}C: RCPT TO:<you@example.org>\nS: 334 go\n"),
        format!("{hi}{MAIL}{RCPT}C: DATA\nS: 250 ok\n"),
        // An answer too many before the body would be taken for the acceptance of the message.
        format!("{hi}{MAIL}{RCPT}{DATA}S: 250 2.0.0 queued\n"),
        format!("{hi}S: 250 extra\n"),
        "S: 220 hi\nS: 250 early\n".to_owned(),
        format!("{hi}{MAIL}C: RCPT TO:<you@example.org>\nS: 250-ok\nS: 251 ok\n"),
    ] {
        let error = error(&script);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::NotSent), "{script}");
    }
}

#[test]
fn garbage_silence_or_a_cut_behind_the_whole_message_is_unsure() {
    let hi = ehlo(&[]);
    for end in
        ["CUT\n", "RESET\n", "SILENCE\n", "S: what?\n", "S: 354 more\n", "S: 2\n", "S: 250-half\nCUT\n"]
    {
        let error = error(&format!("{hi}{MAIL}{RCPT}{DATA}{TEXT}{end}"));
        assert_eq!((error.outcome(), error.phase()), (Outcome::Unsure, Phase::EndOfData), "{end}");
        assert_eq!(error.repeat(), Repeat::MayDuplicate, "{end}");
        assert_eq!(error.recipients()[0].verdict, Verdict::Unsure, "{end}");
    }
    for (code, outcome) in [("450 4.2.0 later", Outcome::Deferred), ("554 5.7.1 spam", Outcome::Rejected)] {
        let error = error(&format!("{hi}{MAIL}{RCPT}{DATA}{TEXT}S: {code}\nSILENCE\n"));
        assert_eq!((error.outcome(), error.phase()), (outcome, Phase::EndOfData), "{code}");
        assert_eq!(error.reply().unwrap().to_string(), code);
    }
}

#[test]
fn after_the_acceptance_nothing_turns_it_into_an_error() {
    let hi = ehlo(&[]);
    for end in ["CUT\n", "RESET\n", "SILENCE\n", "S: 421 bye\n", "S: 554 no\nCUT\n"] {
        let (outcome, _) = one(&format!("{hi}{MAIL}{RCPT}{DATA}{TEXT}S: 250 2.0.0 queued as 1\n{end}"));
        assert_eq!(outcome.unwrap().reply.to_string(), "250 2.0.0 queued as 1", "{end}");
    }
}

#[test]
fn a_server_that_refuses_in_the_middle_of_the_body_and_closes_is_quoted() {
    let (host, _) = observed(|said| {
        match said.get(..4).unwrap_or(said) {
            "EHLO" | "MAIL" | "RCPT" => "250 ok\r\n",
            "DATA" => "354 go\r\n",
            _ => "552 5.3.4 too much for us\r\nRESET",
        }
        .to_owned()
    });
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let error =
        run(&host, smtp.send(&to(&["you@example.org"]), body::of_size(1 << 20))).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Rejected, Phase::Data), "{error}");
    assert_eq!(error.reply().unwrap().to_string(), "552 5.3.4 too much for us");
    assert_eq!(error.recipients().len(), 1);
}

#[test]
fn an_answer_in_the_middle_of_the_body_stops_it_and_is_never_an_acceptance() {
    fn answer(said: &str, early: &str) -> String {
        let of = match said.get(..4).unwrap_or(said) {
            "EHLO" | "MAIL" | "RCPT" => "250 ok\r\n",
            "DATA" => "354 go\r\n",
            "Subj" => early,
            // It reads on and keeps the connection open.
            _ => "",
        };
        of.to_owned()
    }
    type Case = (fn(&str) -> String, ErrorKind, Option<&'static str>);
    let cases: [Case; 4] = [
        (|s| answer(s, "552 5.3.4 too much\r\n"), ErrorKind::Rejected, Some("552 5.3.4 too much")),
        (|s| answer(s, "421 4.3.2 bye\r\n"), ErrorKind::Deferred, Some("421 4.3.2 bye")),
        (|s| answer(s, "250 2.0.0 queued\r\n"), ErrorKind::Protocol, None),
        (|s| answer(s, "what?\r\n"), ErrorKind::Protocol, None),
    ];
    for (answer, kind, words) in cases {
        let (host, _) = observed(answer);
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        let error =
            run(&host, smtp.send(&to(&["you@example.org"]), body::of_size(1 << 20))).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Data), "{error}");
        assert_eq!(error.reply().map(ToString::to_string).as_deref(), words);
        // What waited to be written, and a piece.
        assert!(host.sent().len() < 330_000, "{} bytes went out in vain", host.sent().len());
        assert!(!host.sent_text().contains("\r\n.\r\n"));
    }
}

#[test]
fn all_recipients_refused_with_data_accepted_ends_in_a_lone_dot_and_the_connection_goes_on() {
    let group =
        |who: &str| format!("C: MAIL FROM:<me@example.org>\nC: RCPT TO:<{who}>\nC: DATA\nS: 250 ok\n");
    let script = format!(
        "{}{}S: 550 5.1.1 who?\nS: 354 go\nC: .\nS: 554 5.5.1 nobody\nC: RSET\nS: 250 ok\n{}S: 250 ok\nS: 354 go\n{TEXT}S: 250 ok\n",
        ehlo(&["PIPELINING"]),
        group("nobody@example.org"),
        group("you@example.org"),
    );
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    run(&host, async {
        let error = smtp.send(&to(&["nobody@example.org"]), "x".into()).await.unwrap_err();
        assert_eq!(error.reply().unwrap().to_string(), "550 5.1.1 who?");
        assert!(smtp.send(&to(&["you@example.org"]), "x".into()).await.is_ok());
    })
    .unwrap();
    host.assert_followed();
    assert_eq!(host.dials(), 1);
}

#[test]
fn with_the_sender_refused_nothing_is_said_of_the_recipients() {
    let script = format!(
        "{}C: MAIL FROM:<me@example.org>\nC: RCPT TO:<you@example.org>\nC: DATA\nS: 553 5.7.1 not you\nS: 503 x\nS: 503 x\n\
         C: RSET\nS: 250 ok\n",
        ehlo(&["PIPELINING"])
    );
    let error = error(&script);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Rejected, Phase::Sender));
    assert_eq!(error.recipients()[0].verdict, Verdict::NotSent, "503 is no verdict on an address");
}

#[test]
fn bytes_above_127_go_only_to_servers_that_take_them() {
    let send = |extensions: &[&str], script: &str| {
        let script = format!("{}{script}", ehlo(extensions));
        play(anonymous(TlsMode::None), &script, &to(&["you@example.org"]), "grüße".into())
    };
    let (outcome, host) = send(&[], &format!("{MAIL}{RCPT}{DATA}"));
    let error = outcome.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::NotSent, ErrorKind::Unsupported));
    assert!(error.advice().unwrap().contains("quoted-printable"));
    assert!(host.sent_text().ends_with("DATA\r\n"), "not a byte of the body went out");
    let rest = format!(
        "C: MAIL FROM:<me@example.org> BODY=8BITMIME\nS: 250 ok\n{RCPT}{DATA}C: grüße\nC: .\nS: 250 ok\n"
    );
    assert!(send(&["8BITMIME"], &rest).0.is_ok());
}

#[test]
fn strict_line_ends_stop_a_message_before_its_end() {
    let mut config = anonymous(TlsMode::None);
    config.line_ends = LineEnds::Refuse;
    let script = format!("{}{MAIL}{RCPT}{DATA}", ehlo(&[]));
    let (outcome, host) = play(config, &script, &to(&["you@example.org"]), "a\r\nb\nc".into());
    let error = outcome.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::NotSent, ErrorKind::Body));
    assert!(!host.sent_text().contains("\r\n.\r\n"));
}

#[test]
fn a_body_of_any_shape_ends_in_one_terminator_and_is_read_back_normalised() {
    use common::server::{Accepted, Server};
    let ends = ["\r\n", "\n", "\r", "\r\r\n", "\n\r"];
    for before in ends {
        for after in ends {
            let accepted = Accepted::default();
            let oracle = accepted.clone();
            let host = VirtualHost::serve(move || Server::boxed(&oracle));
            let text = format!("a{before}.{after}MAIL FROM:<evil@example.org>{before}..{after}");
            let mut smtp = smtp(anonymous(TlsMode::None), &host);
            assert!(
                run(&host, smtp.send(&to(&["you@example.org"]), text.into_bytes().into())).unwrap().is_ok()
            );
            let sent = host.sent_text();
            assert_eq!(sent.matches("\r\n.\r\n").count(), 1, "{before:?} {after:?}");
            assert!(sent.ends_with("\r\n.\r\n"));
            assert_eq!(accepted.list().len(), 1, "{before:?} {after:?}");
        }
    }
}

#[test]
fn a_body_that_fails_is_not_sent_whatever_its_source_says_of_itself() {
    for (kind, repeat) in [
        (ErrorKind::Rejected, Repeat::Never),
        (ErrorKind::Deferred, Repeat::Safe),
        (ErrorKind::Unsure, Repeat::Never),
        (ErrorKind::NotFound, Repeat::Never),
        (ErrorKind::Closed, Repeat::Safe),
    ] {
        let body = Body::generate(true, move |first| async move {
            if first {
                return Ok(Some(("Subject: x\r\n".into(), false)));
            }
            let said = Reply::new("421", None, "the mailbox's words");
            Err(Error::new(kind, Phase::Fetch, "the source failed")
                .with_reply(said)
                .with_advice("look there"))
        });
        let hi = ehlo(&[]);
        let script = format!("{hi}{MAIL}{RCPT}{DATA}");
        let (outcome, host) = play(anonymous(TlsMode::None), &script, &to(&["you@example.org"]), body);
        let error = outcome.unwrap_err();
        assert_eq!((error.outcome(), error.kind()), (Outcome::NotSent, ErrorKind::Body), "{error}");
        assert_eq!((error.phase(), error.repeat()), (Phase::Data, repeat), "{error}");
        // The words of another server are not those of this one.
        assert!(error.reply().is_none() && error.message().contains("the source failed"), "{error}");
        assert_eq!(error.advice(), Some("look there"));
        assert!(!host.sent_text().ends_with(".\r\n"));
    }
}
