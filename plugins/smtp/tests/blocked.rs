//! A server that stops reading: what it says is heard while we can't write, and what it can't have is not sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::observer::observed;
use common::*;
use postrider_core::*;
use postrider_smtp::Smtp;
use postrider_testkit::{Quirk, Quirky, body, run};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Takes this many bytes and then none, without an error.
struct Blocked(usize);

impl Quirk for Blocked {
    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let most = self.0.min(bytes.len());
        if most == 0 {
            return Poll::Pending;
        }
        let written = Pin::new(line).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(n)) = written {
            self.0 -= n;
        }
        written
    }
}

fn send(answer: fn(&str) -> String, most: usize, body: Body<'static>) -> (Error, Duration) {
    let (inner, _) = observed(answer);
    let host = Quirky::new(inner.clone(), move || Blocked(most));
    let mut smtp = Smtp::new(anonymous(TlsMode::None), Arc::new(host));
    let outcome = run(&inner, smtp.send(&to(&["a@x.example"]), body)).expect("hangs");
    (outcome.unwrap_err(), inner.now())
}

fn silent(said: &str) -> String {
    match said.get(..4).unwrap_or(said) {
        "EHLO" | "MAIL" | "RCPT" => "250 ok\r\n",
        "DATA" => "354 go\r\n",
        _ => "",
    }
    .to_owned()
}

fn refusing(said: &str) -> String {
    if said.starts_with("Subj") { "552 5.3.4 too much\r\n".to_owned() } else { silent(said) }
}

#[test]
fn a_refusal_is_heard_while_the_server_takes_no_more() {
    let (error, took) = send(refusing, 20_000, body::of_size(1 << 20));
    assert_eq!((error.kind(), took), (ErrorKind::Rejected, Duration::ZERO), "{error}");
    assert_eq!(error.reply().unwrap().to_string(), "552 5.3.4 too much");
}

#[test]
fn a_server_that_takes_no_more_and_says_nothing_is_left_in_time() {
    let (error, took) = send(silent, 20_000, body::of_size(1 << 20));
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotSent), "{error}");
    // The three minutes of a block (RFC 5321 §4.5.3.2.5), and a moment for last words.
    assert_eq!(took, Duration::from_secs(185));
}

#[test]
fn a_terminator_that_is_not_whole_there_is_not_sent_and_one_that_is_is_unsure() {
    let envelope =
        "EHLO [127.0.0.1]\r\nMAIL FROM:<me@example.org>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n".len();
    let message = "Subject: x\r\n.\r\n".len();
    for missing in 0..=message {
        let (error, _) = send(silent, envelope + message - missing, "Subject: x\r\n".into());
        let want = if missing == 0 { Outcome::Unsure } else { Outcome::NotSent };
        assert_eq!(error.outcome(), want, "{missing} bytes missing: {error}");
    }
}
