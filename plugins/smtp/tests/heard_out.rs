//! Servers that say goodbye and go on, that are busy, or that speak too soon: what they have taken is known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::observer::{Answer, observed};
use common::oracle::{Mode, Oracle, Server, batch, config, good, judge, lengths};
use common::{smtp, word};
use postrider_core::*;
use postrider_smtp::Smtp;
use postrider_testkit::{Quirk, Quirky, VirtualHost, run};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

/// Answers each command with 250, and what `own` has a word on with that.
fn answers(said: &str, own: fn(&str) -> Option<&'static str>) -> String {
    if said.starts_with("EHLO") {
        return "250-odd\r\n250-CHUNKING\r\n250 PIPELINING\r\n".into();
    }
    let mut out = String::new();
    let mut last = "";
    for line in said.lines() {
        let command = ["MAIL", "RCPT", "RSET"].iter().any(|verb| line.starts_with(verb));
        // A body of one line behind its BDAT.
        if command || last.starts_with("BDAT") {
            out.push_str(own(line).unwrap_or("250 ok\r\n"));
        }
        last = line;
        if out.ends_with("CUT") {
            break;
        }
    }
    out
}

/// The outcomes of four messages in a window, each with its one recipient.
fn four(answer: Answer) -> (Vec<Result<Receipt>>, VirtualHost, String) {
    let (host, writes) = observed(answer);
    let mut smtp = smtp(config(Mode::Chunking, 8), &host);
    let mut messages = batch(4);
    run(&host, smtp.send_all(&mut messages)).expect("hangs");
    let all = writes.lock().unwrap().concat();
    (messages.outcomes(), host, all)
}

fn words(outcomes: &[Result<Receipt>]) -> Vec<String> {
    outcomes.iter().map(word).collect()
}

#[test]
fn a_server_that_says_421_to_one_message_and_takes_the_next_ones_gets_them_once() {
    for (answer, second) in [
        (
            (|said| answers(said, |line| (line == "m1").then_some("421 4.7.0 not now\r\n"))) as Answer,
            "Deferred EndOfData",
        ),
        (
            |said| {
                answers(said, |line| match line {
                    "m1" => Some("503 5.5.1 nobody\r\n"),
                    line => line.contains("<r1@").then_some("421 4.7.0 not now\r\n"),
                })
            },
            "Deferred Recipient",
        ),
    ] {
        let (outcomes, host, all) = four(answer);
        assert_eq!(words(&outcomes), ["delivered 1", second, "delivered 1", "delivered 1"], "{outcomes:?}");
        assert_eq!((host.dials(), all.matches("m2").count()), (1, 1));
    }
}

#[test]
fn a_server_that_neither_closes_behind_421_nor_goes_on_leaves_doubt_and_no_second_copy() {
    let (outcomes, host, all) = four(|said| {
        let answer = answers(said, |line| (line == "m1").then_some("421 4.7.0 not now\r\n"));
        answer.split_inclusive("421 4.7.0 not now\r\n").next().unwrap_or_default().to_owned()
    });
    let told = words(&outcomes);
    assert_eq!(told, ["delivered 1", "Deferred EndOfData", "Unsure EndOfData", "Unsure EndOfData"]);
    assert_eq!((host.now(), all.matches("m3").count()), (Duration::from_secs(30), 1));
}

#[test]
fn who_was_refused_to_all_is_not_unsure_when_the_line_breaks() {
    let (outcomes, _, _) =
        four(|said| answers(said, |line| line.contains("<r1@").then_some("550 5.1.1 who\r\nCUT")));
    let told = words(&outcomes);
    assert_eq!(told, ["delivered 1", "Rejected Recipient", "Unsure EndOfData", "Unsure EndOfData"]);
    let unsure = outcomes[2].as_ref().unwrap_err();
    assert_eq!(unsure.recipients()[0].verdict, Verdict::Unsure);
}

#[test]
fn an_acceptance_that_begins_before_the_end_has_left_is_none() {
    let body = || {
        Body::generate(0, |i| async move {
            match i {
                0 => Ok(Some(("begins\r\n".into(), 1))),
                _ => std::future::pending().await,
            }
        })
    };
    let (host, _) = observed(|said| match said.get(..4).unwrap_or(said) {
        "EHLO" | "MAIL" | "RCPT" => "250 ok\r\n".into(),
        "DATA" => "354 go\r\n".into(),
        "begi" => "250-taken\r\n".into(),
        _ => String::new(),
    });
    let mut smtp = smtp(common::anonymous(TlsMode::None), &host);
    let envelope = common::to(&["a@x.example"]);
    let error = run(&host, smtp.send(&envelope, body())).expect("waits for its body").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::NotSent), "{error}");
}

#[test]
fn no_piece_is_longer_than_chunksize_says() {
    for text in ["abcd", "abc", "ab\r\n", "abcdefgh", "abcdef\r\n", "a\n", ""] {
        let (host, writes) = observed(|said| answers(said, |_| None));
        let mut config = config(Mode::Chunking, 1);
        config.window.chunk = NonZeroUsize::new(4);
        // The server is a simple one: what it says behind the envelope does not matter here.
        config.final_timeout = Duration::from_secs(1);
        let mut smtp = smtp(config, &host);
        let _ = run(&host, smtp.send(&common::to(&["a@x.example"]), text.into())).unwrap();
        let all = writes.lock().unwrap().concat();
        let pieces = all.lines().filter_map(|line| line.strip_prefix("BDAT "));
        let lengths: Vec<usize> = pieces.map(|l| l.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(!lengths.is_empty() && lengths.iter().all(|length| *length <= 4), "{text:?}: {lengths:?}");
    }
}

/// Takes so many bytes, and then reads and says nothing for a while.
struct Busy {
    host: VirtualHost,
    left: usize,
    busy: Duration,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Busy {
    fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.left > 0 || self.busy.is_zero() {
            return Poll::Ready(());
        }
        let (host, busy) = (self.host.clone(), self.busy);
        let timer = self.timer.get_or_insert_with(|| host.sleep(busy));
        ready!(timer.as_mut().poll(cx));
        self.busy = Duration::ZERO;
        Poll::Ready(())
    }
}

impl Quirk for Busy {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(self.poll_free(cx));
        Pin::new(line).poll_read(cx, out)
    }

    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        ready!(self.poll_free(cx));
        let most = if self.busy.is_zero() { bytes.len() } else { bytes.len().min(self.left) };
        let n = ready!(Pin::new(line).poll_write(cx, &bytes[..most]))?;
        self.left = self.left.saturating_sub(n);
        Poll::Ready(Ok(n))
    }
}

#[test]
fn a_server_that_is_busy_with_one_message_may_leave_the_next_unread_as_long_as_it_may_be_busy() {
    for mode in [Mode::Chunking, Mode::Pipelining] {
        let (_, sent) = lengths(mode, 8, 3);
        let oracle = Oracle::default();
        let inner = Server::host(&oracle, mode, good);
        // Message 1 is all there, and the last bytes of the window are not.
        let short = if mode == Mode::Chunking { 3 } else { "DATA\r\nm2\r\n.\r\n".len() + 3 };
        let (clock, left, busy) = (inner.clone(), sent - short, Duration::from_secs(290));
        let busy = move || Busy { host: clock.clone(), left, busy, timer: None };
        let host = Quirky::new(inner.clone(), busy);
        let mut smtp = Smtp::new(config(mode, 8), Arc::new(host));
        let mut messages = batch(3);
        run(&inner, smtp.send_all(&mut messages)).expect("hangs");
        let outcomes = messages.outcomes();
        judge(&oracle, &outcomes, false, "busy");
        assert!(outcomes.iter().all(Result::is_ok), "{mode:?}: {outcomes:?}");
        assert_eq!(inner.now(), Duration::from_secs(290));
    }
}
