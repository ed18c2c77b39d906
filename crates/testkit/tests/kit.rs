//! The kit itself: a client that can follow, leave and hang a dialogue.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use postrider_core::{Host, Target, TlsMode};
use postrider_testkit::{Delivery, Dialogue, Hang, VirtualHost, run, run_polls, secrets, sweep};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn ask(host: VirtualHost) -> Pin<Box<dyn Future<Output = String>>> {
    Box::pin(async move {
        let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
        let Ok(mut line) = host.connect(&target).await else { return "no dial".into() };
        let mut said = Vec::new();
        let exchange = async {
            line.write_all(b"A1 HELLO\r\nA1 DATA\r\nabc").await?;
            line.read_to_end(&mut said).await
        };
        let timer = host.sleep(Duration::from_secs(60));
        tokio::pin!(exchange);
        let mut timer = timer;
        std::future::poll_fn(|cx| {
            if let std::task::Poll::Ready(r) = exchange.as_mut().poll(cx) {
                return std::task::Poll::Ready(Some(r.is_ok()));
            }
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await;
        String::from_utf8(said).unwrap()
    })
}

const SCRIPT: &str = "S: hi {5}\nC: {tag} HELLO\nC~ {tag} D*A\nC| abc\nS: {tag} ok\nREPEAT 3: x\nCUT\n";

#[test]
fn a_dialogue_that_is_followed_gives_the_same_however_it_is_delivered() {
    let said = sweep::deliveries(&Dialogue::parse(SCRIPT).unwrap(), &ask);
    assert_eq!(said, "hi {5}\r\nA1 ok\r\nx\r\nx\r\nx\r\n");
}

#[test]
fn a_client_that_says_something_else_is_found_out() {
    let host = VirtualHost::play(&Dialogue::parse("C: {tag} HELLO\nC: other DATA\n").unwrap());
    run(&host, ask(host.clone())).unwrap();
    assert!(host.mismatches()[0].contains("other DATA"), "{:?}", host.mismatches());
}

#[test]
fn cuts_come_after_every_byte_and_time_passes_only_virtually() {
    let dialogue = Dialogue::parse(SCRIPT).unwrap();
    let lengths = std::cell::RefCell::new(Vec::new());
    sweep::cuts(&dialogue, &ask, |n, _, said| {
        assert_eq!(said.len(), n);
        lengths.borrow_mut().push(n);
    });
    assert_eq!(lengths.borrow().len(), 4 * ("hi {5}\r\nA1 ok\r\nx\r\nx\r\nx\r\n".len() + 1));
    sweep::client_cuts(&dialogue, &ask, |_, _, _| {});
}

#[test]
fn a_future_that_waits_for_nothing_is_a_hang() {
    let host = VirtualHost::play(&Dialogue::parse("SILENCE").unwrap());
    assert_eq!(run(&host, std::future::pending::<()>()), Err(Hang));
    let silent = || VirtualHost::play(&Dialogue::parse("SILENCE").unwrap()).delivery(Delivery::OneByOne);
    assert!((0..5).all(|polls| run_polls(ask(silent()), polls).is_none()));
}

#[test]
fn refused_dials_and_failing_handshakes_are_errors() {
    let host = VirtualHost::play(&Dialogue::parse("REFUSE\nCONNECT\nS: a\nFAIL-TLS\n").unwrap());
    assert_eq!(run(&host, ask(host.clone())).unwrap(), "no dial");
    let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
    let failed = run(&host, async { host.connect(&target).await.unwrap().start_tls(&target).await.is_err() });
    assert!(failed.unwrap());
    assert_eq!(host.dials(), 2);
}

#[test]
fn secrets_are_found_in_every_form() {
    for text in
        ["x hunter2secret y", "aHVudGVyMnNlY3JldA==", "AGh1bnRlcjJzZWNyZXQ=", "68756e74657232736563726574"]
    {
        let found = std::panic::catch_unwind(|| secrets::assert_absent(text, &["hunter2secret"]));
        assert!(found.is_err(), "{text}");
    }
    secrets::assert_absent("nothing here", &["hunter2secret"]);
}

#[test]
fn a_client_that_talks_past_its_starttls_is_found_out() {
    let host = VirtualHost::play(&Dialogue::parse("C: STARTTLS\nS: go\nTLS\nC: EHLO\n").unwrap());
    let target = Target::new("mail.example", 1, TlsMode::StartTls).unwrap();
    let upgraded = run(&host, async {
        let mut line = host.connect(&target).await.unwrap();
        line.write_all(b"STARTTLS\r\nEHLO\r\n").await.unwrap();
        line.start_tls(&target).await.is_ok()
    });
    assert!(!upgraded.unwrap());
    assert!(host.mismatches()[0].contains("EHLO"), "{:?}", host.mismatches());
}

#[test]
fn a_client_that_leaves_in_the_middle_and_dials_again_has_not_followed() {
    let follow = |lines: &'static [u8]| {
        let dialogue = Dialogue::parse("C: A\nC: B\nS: a\nCUT\nCONNECT\nC: C\n").unwrap();
        let host = VirtualHost::play(&dialogue);
        let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
        run(&host, async {
            host.connect(&target).await.unwrap().write_all(lines).await.unwrap();
            host.connect(&target).await.unwrap().write_all(b"C\r\n").await.unwrap();
        })
        .unwrap();
        std::panic::catch_unwind(move || host.assert_followed())
    };
    assert!(follow(b"A\r\nB\r\n").is_ok());
    assert!(follow(b"A\r\n").is_err());
}

#[test]
fn a_timer_that_nobody_asks_again_does_not_stop_the_clock() {
    let host = VirtualHost::play(&Dialogue::parse("SILENCE").unwrap());
    let mut forgotten = host.sleep(Duration::from_secs(1));
    let mut asked = false;
    let mut long = host.sleep(Duration::from_secs(5));
    let both = std::future::poll_fn(|cx| {
        if !std::mem::replace(&mut asked, true) {
            assert!(forgotten.as_mut().poll(cx).is_pending());
        }
        long.as_mut().poll(cx)
    });
    assert_eq!(run(&host, both), Ok(()));
    assert_eq!(host.now(), Duration::from_secs(5));
}

#[test]
fn a_client_that_does_not_wait_for_an_answer_is_found_out_unless_the_script_lets_it() {
    for (script, good) in [("C: A\nC: B\nS: a\nS: b\n", true), ("C: A\nS: a\nC: B\nS: b\n", false)] {
        let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
        let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
        run(&host, async {
            host.connect(&target).await.unwrap().write_all(b"A\r\nB\r\n").await.unwrap();
        })
        .unwrap();
        assert_eq!(host.mismatches().is_empty(), good, "{script}: {:?}", host.mismatches());
    }
}
