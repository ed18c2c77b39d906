//! Servers that offer PIPELINING or CHUNKING and can't do it: found out, and asked one thing at a time from then on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::observer::{Answer, observed};
use common::*;
use postrider_core::*;
use postrider_testkit::run;

fn plain(line: &str) -> &'static str {
    match line.get(..4).unwrap_or(line) {
        "EHLO" => "250-seen\r\n250 PIPELINING\r\n",
        "MAIL" | "RCPT" | "RSET" => "250 ok\r\n",
        "DATA" => "354 go\r\n",
        "." => "250 queued\r\n",
        "QUIT" => "221 bye\r\n",
        _ => "",
    }
}

/// Drops all but the first command of a group.
fn flushes(said: &str) -> String {
    if said.ends_with("\r\n.\r\n") {
        return plain(".").into();
    }
    said.split("\r\n").next().map(plain).unwrap_or_default().into()
}

/// Refuses all but the first command of a group.
fn complains(said: &str) -> String {
    if said.ends_with("\r\n.\r\n") {
        return plain(".").into();
    }
    let (first, rest) = said.split_once("\r\n").unwrap();
    let refused = "503 5.5.0 Improper use of SMTP command pipelining\r\n";
    plain(first).to_owned() + &refused.repeat(rest.matches("\r\n").count())
}

/// Answers a group from its end.
fn backwards(said: &str) -> String {
    if said.ends_with("\r\n.\r\n") {
        return plain(".").into();
    }
    said.split("\r\n").collect::<Vec<_>>().into_iter().rev().map(plain).collect()
}

/// Loses the recipients of a group.
fn forgets(said: &str) -> String {
    if said.ends_with("\r\n.\r\n") {
        return plain(".").into();
    }
    let grouped = said.matches("\r\n").count() > 1;
    let line = |line: &str| match line.get(..4).unwrap_or(line) {
        "DATA" if grouped => "503 5.5.1 need RCPT\r\n",
        _ => plain(line),
    };
    said.split("\r\n").map(line).collect()
}

#[test]
fn a_server_that_breaks_pipelining_gets_every_message_once_and_in_lock_step() {
    let servers: [(&str, Answer); 4] =
        [("flushes", flushes), ("complains", complains), ("backwards", backwards), ("forgets", forgets)];
    for (name, answer) in servers {
        let (host, writes) = observed(answer);
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        let messages = (0..3).map(|n| (to(&["a@x.example"]), Body::from_bytes(format!("Subject: {n}\r\n"))));
        let mut batch = Messages::new(messages.collect());
        run(&host, smtp.send_all(&mut batch)).unwrap();
        let outcomes = batch.outcomes();
        assert!(outcomes.iter().all(Result::is_ok), "{name}: {outcomes:?}");
        assert_eq!(host.dials(), 2, "{name}");
        run(&host, smtp.send(&to(&["a@x.example"]), "Subject: 3\r\n".into())).unwrap().unwrap();
        assert_eq!(host.dials(), 2, "{name}: it is remembered");
        let writes = writes.lock().unwrap();
        for n in 0..4 {
            let copies = writes.iter().filter(|w| w.starts_with(&format!("Subject: {n}"))).count();
            assert_eq!(copies, 1, "{name}: message {n}");
        }
        let groups = writes.iter().filter(|w| w.starts_with("MAIL") && w.matches("\r\n").count() > 1).count();
        assert_eq!(groups, 1, "{name}: {writes:?}");
    }
}

/// Offers CHUNKING and takes a body for commands.
fn no_bdat(said: &str) -> String {
    if said.ends_with("\r\n.\r\n") {
        return plain(".").into();
    }
    let line = |line: &str| match line.get(..4).unwrap_or(line) {
        "" => "",
        "EHLO" => "250-seen\r\n250-CHUNKING\r\n250 PIPELINING\r\n",
        _ if plain(line).is_empty() => "500 5.5.2 what\r\n",
        _ => plain(line),
    };
    said.split("\r\n").map(line).collect()
}

#[test]
fn a_server_that_does_not_know_the_bdat_it_offers_gets_data() {
    let (host, writes) = observed(no_bdat);
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let messages = (0..3).map(|n| (to(&["a@x.example"]), Body::from_bytes(format!("Subject: {n}\r\n"))));
    let mut batch = Messages::new(messages.collect());
    run(&host, smtp.send_all(&mut batch)).unwrap();
    let outcomes = batch.outcomes();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(host.dials(), 2);
    assert_eq!(writes.lock().unwrap().concat().matches("BDAT").count(), 1);
}

#[test]
fn a_server_that_always_complains_of_the_sequence_is_believed_and_pipelining_goes_on() {
    let (host, writes) = observed(|said| {
        let line = |line: &str| match line.get(..4).unwrap_or(line) {
            "RCPT" if line.contains("<never") => "503 5.5.1 AUTH first\r\n",
            "DATA" if said.contains("<never") => "503 5.5.1 nobody\r\n",
            _ => plain(line),
        };
        said.split("\r\n").map(line).collect()
    });
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let error = run(&host, smtp.send(&to(&["never@x.example"]), "x".into())).unwrap().unwrap_err();
    assert_eq!((error.outcome(), error.reply().unwrap().number()), (Outcome::Rejected, Some(503)));
    assert!(run(&host, smtp.send(&to(&["a@x.example"]), "x".into())).unwrap().is_ok());
    drop(smtp);
    assert!(writes.lock().unwrap().iter().any(|w| w.starts_with("MAIL FROM:<me@example.org>\r\n")));
}
