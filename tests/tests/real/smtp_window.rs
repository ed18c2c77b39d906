//! Windows of messages in flight against Postfix: each outcome against what lies in the mailbox.

use crate::{message, stored};
use postrider::{
    Body, Connection, Envelope, Error, Messages, Outcome, OutgoingTransport, Receipt, Result, Target,
    TlsMode, TokioHost,
};
use postrider_smtp::{Login, Smtp, SmtpConfig};
use postrider_testkit::{Quirk, Quirky};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::{Servers, or_skip};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// How messages go: by BDAT, by DATA, one command at a time.
const WAYS: [&str; 3] = ["bdat", "data", "lock-step"];

fn config(servers: &Servers, way: &str, window: usize) -> SmtpConfig {
    let target = Target::new("localhost", servers.port("POSTFIX_SMTP"), TlsMode::None).unwrap();
    let mut config = SmtpConfig::new(target.clone(), Login::none(&target));
    config.window.messages = window;
    config.pipelining = way != "lock-step";
    if way != "bdat" {
        config.window.chunk = None;
    }
    config
}

/// Message `n` goes to the mailbox, but every fifth to nobody, and every seventh is refused at its end.
fn letter(mailbox: &Mailbox, subject: &str, n: usize) -> (Envelope, Body<'static>) {
    let to = match n {
        n if n % 5 == 3 => "nobody@example.test".to_owned(),
        n if n % 7 == 5 => "late@example.test".to_owned(),
        _ => mailbox.address(),
    };
    let envelope = Envelope::parse(Some(&format!("sender{n}@example.test")), [to.as_str()]).unwrap();
    (envelope, message(&format!("{subject} {n}.")).into())
}

async fn send(smtp: &mut Smtp, mailbox: &Mailbox, subject: &str, count: usize) -> Vec<Result<Receipt>> {
    let mut batch = Messages::new((0..count).map(|n| letter(mailbox, subject, n)).collect());
    smtp.send_all(&mut batch).await;
    batch.outcomes()
}

fn copies(arrived: &[Vec<u8>], subject: &str, n: usize) -> usize {
    arrived.iter().filter(|m| m.ends_with(&stored(&format!("{subject} {n}.")))).count()
}

#[tokio::test]
async fn every_message_of_a_window_has_the_outcome_that_postfix_gave_it() {
    let Some(servers) = or_skip("every_message_of_a_window_has_the_outcome_that_postfix_gave_it") else {
        return;
    };
    const COUNT: usize = 40;
    let mailbox = Mailbox::claim(servers);
    let mut delivered = 0;
    for way in WAYS {
        for window in [1, 2, 8, 64] {
            let subject = format!("{way} {window}");
            let mut smtp = Smtp::new(config(servers, way, window), Arc::new(TokioHost::new()));
            let outcomes = send(&mut smtp, &mailbox, &subject, COUNT).await;
            for (n, outcome) in outcomes.iter().enumerate() {
                let reply = outcome.as_ref().err().and_then(Error::reply).map(|r| r.status());
                let want = match n {
                    n if n % 5 == 3 => Some("550"),
                    n if n % 7 == 5 => Some("554"),
                    _ => None,
                };
                assert_eq!(reply, want, "{subject}: {n}: {outcome:?}");
                assert_eq!(outcome.is_err(), want.is_some(), "{subject}: {n}: {outcome:?}");
                delivered += usize::from(outcome.is_ok());
            }
            Box::new(smtp).close().await.unwrap();
        }
    }
    let arrived = mailbox.arrived(delivered);
    for way in WAYS {
        for window in [1, 2, 8, 64] {
            for n in 0..COUNT {
                let want = usize::from(n % 5 != 3 && n % 7 != 5);
                assert_eq!(copies(&arrived, &format!("{way} {window}"), n), want, "{way} {window}: {n}");
            }
        }
    }
    // Nobody's mail went under another's name.
    for found in &arrived {
        let text = String::from_utf8_lossy(found).into_owned();
        let n: usize =
            text.split("Subject: ").nth(1).unwrap().split([' ', '.']).nth(2).unwrap().parse().unwrap();
        assert!(text.contains(&format!("Return-Path: <sender{n}@example.test>")), "{text}");
    }
}

#[tokio::test]
async fn wherever_a_connection_to_postfix_is_cut_the_outcomes_are_true() {
    let Some(servers) = or_skip("wherever_a_connection_to_postfix_is_cut_the_outcomes_are_true") else {
        return;
    };
    const COUNT: usize = 12;
    let mailbox = Mailbox::claim(servers);
    let mut told = Vec::new();
    for (way, window) in [("bdat", 2), ("bdat", 64), ("data", 64)] {
        // Strides that share no factor with the length of a message come to every place in one.
        for most in (20..3_000).step_by(127) {
            let subject = format!("{way}{window} {most}");
            let host = Quirky::new(TokioHost::new(), move || Cut(most));
            let mut smtp = Smtp::new(config(servers, way, window), Arc::new(host));
            let outcomes = send(&mut smtp, &mailbox, &subject, COUNT).await;
            told.push((subject, outcomes));
        }
    }
    let known = told.iter().flat_map(|(_, outcomes)| outcomes).filter(|o| o.is_ok()).count();
    mailbox.arrived(known);
    let arrived = mailbox.settled();
    for (subject, outcomes) in &told {
        for (n, outcome) in outcomes.iter().enumerate() {
            let copies = copies(&arrived, subject, n);
            match outcome {
                Ok(_) => assert_eq!(copies, 1, "{subject}: {n}"),
                Err(error) if error.outcome() == Outcome::Unsure => assert!(copies <= 1, "{subject}: {n}"),
                Err(error) => assert_eq!(copies, 0, "{subject}: {n}: {error}"),
            }
        }
    }
}

/// Breaks after so many bytes of ours.
struct Cut(usize);

impl Quirk for Cut {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        // Once it is broken nothing is heard either.
        if self.0 == 0 {
            return Poll::Ready(Ok(()));
        }
        Pin::new(line).poll_read(cx, out)
    }

    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.0 == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        let most = bytes.len().min(self.0);
        let written = Pin::new(line).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(n)) = written {
            self.0 -= n;
        }
        written
    }
}
