//! The mailer's pool: its limit, what cancellation costs, and connections nobody uses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::*;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

fn body() -> Body<'static> {
    "Subject: x\r\n\r\nx\r\n".into()
}

fn fixture(pauses: usize, deaf: bool, overrides: &str) -> (Arc<Line>, Clock, Mailer) {
    let line = Arc::new(Line { pauses: pauses.into(), deaf, ..Line::default() });
    let clock = Clock::default();
    let mailer = session(&line, &clock, overrides).unwrap().mailer().unwrap();
    (line, clock, mailer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_load_no_cancellation_and_no_idling_opens_more_connections_than_the_limit() {
    let (line, clock, mailer) = fixture(7, true, "mail.mailer.connections=3\nmail.mailer.idletimeout=1s");
    let mut tasks = Vec::new();
    for n in 0..400usize {
        let (mailer, clock) = (mailer.clone(), clock.clone());
        tasks.push(tokio::spawn(async move {
            // Every third gives up somewhere on its way; now and then all idle connections grow old, or
            // somebody closes them.
            let envelope = envelope();
            let mut send = pin!(mailer.send(&envelope, body()));
            match n % 3 {
                0 => {
                    let mut polls = n % 11;
                    let gone = std::future::poll_fn(|cx| {
                        polls = polls.saturating_sub(1);
                        match send.as_mut().poll(cx) {
                            std::task::Poll::Pending if polls > 0 => std::task::Poll::Pending,
                            _ => std::task::Poll::Ready(()),
                        }
                    });
                    gone.await;
                }
                _ => drop(send.await.unwrap()),
            }
            if n % 13 == 0 {
                clock.pass(Duration::from_secs(1));
            }
            if n % 29 == 0 {
                let closer = mailer.clone();
                let closing = tokio::spawn(async move { closer.close().await });
                // Nobody answers the goodbyes: they end by their deadline.
                while !closing.is_finished() {
                    clock.pass(Duration::from_secs(6));
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    in_time(async {
        for task in tasks {
            task.await.unwrap();
        }
    })
    .await;
    assert!(line.most_open.load(SeqCst) <= 3, "{}", line.most_open.load(SeqCst));
    assert!(line.dials.load(SeqCst) > 3, "nothing was cancelled or closed");
    assert_eq!(line.used_while_busy.load(SeqCst), 0);
    assert!(line.sent.load(SeqCst) >= 266);
    assert!(line.open.load(SeqCst) <= 3);
}

#[tokio::test]
async fn a_send_dropped_at_any_await_leaks_no_room_and_hands_on_no_busy_transport() {
    for polls in 0..12 {
        let (line, _, mailer) = fixture(8, false, "mail.mailer.connections=1");
        let envelope = envelope();
        postrider_testkit::run_polls(mailer.send(&envelope, body()), polls);
        // With room for one, a leaked permit would hang this.
        in_time(mailer.send(&envelope, body())).await.unwrap();
        assert_eq!(line.used_while_busy.load(SeqCst), 0, "{polls}");
        assert_eq!(line.most_open.load(SeqCst), 1, "{polls}");
    }
}

#[tokio::test]
async fn one_who_stops_waiting_for_room_does_not_take_it_along() {
    let (_, _, mailer) = fixture(3, false, "mail.mailer.connections=1");
    let envelope = envelope();
    let mut first = Box::pin(mailer.send(&envelope, body()));
    assert!(postrider_testkit::run_polls(first.as_mut(), 1).is_none());
    // Queued behind the first, and gone before it ends.
    assert!(postrider_testkit::run_polls(mailer.send(&envelope, body()), 1).is_none());
    in_time(first).await.unwrap();
    in_time(mailer.send(&envelope, body())).await.unwrap();
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_refusal_but_not_after_a_fault_of_the_transport() {
    let (line, _, mailer) = fixture(0, false, "mail.mailer.connections=1");
    for (kind, dials) in [(ErrorKind::Rejected, 1), (ErrorKind::Plugin, 1), (ErrorKind::Deferred, 2)] {
        line.failures.lock().unwrap().push_back(Error::new(kind, Phase::Data, "x"));
        assert_eq!(mailer.send(&envelope(), body()).await.unwrap_err().kind(), kind);
        assert_eq!(line.dials.load(SeqCst), dials, "{kind:?}");
    }
    mailer.send(&envelope(), body()).await.unwrap();
    assert_eq!(line.dials.load(SeqCst), 2);
}

#[tokio::test]
async fn stale_connections_are_told_goodbye_and_no_sender_waits_for_the_answer() {
    let (line, clock, mailer) = fixture(2, true, "mail.mailer.connections=3\nmail.mailer.idletimeout=30s");
    let envelope = envelope();
    let sends =
        || (mailer.send(&envelope, body()), mailer.send(&envelope, body()), mailer.send(&envelope, body()));
    let (a, b, c) = sends();
    let (a, b, c) = tokio::join!(a, b, c);
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(line.open.load(SeqCst), 3);
    clock.pass(Duration::from_secs(29));
    mailer.send(&envelope, body()).await.unwrap();
    assert_eq!((line.dials.load(SeqCst), line.goodbyes.load(SeqCst)), (3, 0));
    clock.pass(Duration::from_secs(29));
    // Two are 58 s old by now, one 29 s: that one is used. The goodbyes are never answered.
    in_time(mailer.send(&envelope, body())).await.unwrap();
    assert_eq!((line.dials.load(SeqCst), line.goodbyes.load(SeqCst)), (3, 2));
    assert_eq!(line.open.load(SeqCst), 1);
    clock.pass(Duration::from_secs(30));
    in_time(mailer.send(&envelope, body())).await.unwrap();
    assert_eq!((line.dials.load(SeqCst), line.goodbyes.load(SeqCst)), (4, 3));
    assert_eq!(line.most_open.load(SeqCst), 3);
}

#[tokio::test]
async fn closing_waits_for_the_goodbyes_and_the_mailer_goes_on() {
    let (line, _, mailer) = fixture(5, false, "");
    let envelope = envelope();
    let (a, b) = tokio::join!(mailer.send(&envelope, body()), mailer.send(&envelope, body()));
    assert!(a.is_ok() && b.is_ok());
    mailer.close().await;
    assert_eq!((line.closed.load(SeqCst), line.open.load(SeqCst)), (2, 0));
    mailer.send(&envelope, body()).await.unwrap();
    assert_eq!(line.dials.load(SeqCst), 3);
}

#[tokio::test]
async fn a_connection_that_is_being_closed_counts_until_it_is_gone() {
    let (line, clock, mailer) = fixture(0, true, "mail.mailer.connections=1");
    let envelope = envelope();
    mailer.send(&envelope, body()).await.unwrap();
    let mut closing = Box::pin(mailer.close());
    assert!(postrider_testkit::run_polls(closing.as_mut(), 3).is_none());
    let mut send = Box::pin(mailer.send(&envelope, body()));
    assert!(postrider_testkit::run_polls(send.as_mut(), 3).is_none());
    // A server that never answers QUIT is left after 5 s.
    clock.pass(Duration::from_secs(5));
    in_time(async { tokio::join!(closing, send).1 }).await.unwrap();
    assert_eq!((line.dials.load(SeqCst), line.most_open.load(SeqCst)), (2, 1));
}

#[tokio::test]
async fn a_closing_that_is_dropped_gives_its_room_back() {
    let (line, _, mailer) = fixture(0, true, "mail.mailer.connections=1");
    mailer.send(&envelope(), body()).await.unwrap();
    assert!(postrider_testkit::run_polls(mailer.close(), 2).is_none());
    in_time(mailer.send(&envelope(), body())).await.unwrap();
    assert_eq!(line.most_open.load(SeqCst), 1);
}

#[test]
fn a_limit_of_no_connections_is_an_error_that_names_its_key_and_place() {
    let line = Arc::new(Line::default());
    for text in ["0", "99999999999999999999", "-1", "many"] {
        let overrides = format!("mail.mailer.connections={text}");
        let error = session(&line, &Clock::default(), &overrides).unwrap().mailer().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let text = error.to_string();
        assert!(text.contains("mail.mailer.connections") && text.contains("overrides:1"), "{text}");
    }
    let mut config = MailerConfig::default();
    config.connections = 0;
    let make = move || Ok(Box::new(Pigeon::new(&line)) as Box<dyn OutgoingTransport>);
    let error = Mailer::new("pigeon", &config, Arc::new(Clock::default()), make).unwrap_err();
    assert!(error.to_string().contains("connections"), "{error}");
}

#[tokio::test]
async fn a_transport_that_panics_costs_its_connection_and_not_the_room() {
    let (_, _, mailer) = fixture(0, false, "mail.mailer.connections=1");
    let panicking = Body::generate((), |()| async { panic!("the caller's body panics") });
    let sender = mailer.clone();
    assert!(tokio::spawn(async move { sender.send(&envelope(), panicking).await }).await.is_err());
    in_time(mailer.send(&envelope(), body())).await.unwrap();
}

#[test]
fn a_broken_connection_is_gone_before_another_is_opened_in_its_room() {
    for pauses in 0..4 {
        let (line, _, mailer) = fixture(pauses, false, "mail.mailer.connections=1");
        let broken = Error::new(ErrorKind::Plugin, Phase::EndOfData, "broken");
        line.failures.lock().unwrap().push_back(broken);
        let envelope = envelope();
        let sends = async { tokio::join!(mailer.send(&envelope, body()), mailer.send(&envelope, body())) };
        let (first, second) = postrider_testkit::run_polls(sends, 100).unwrap();
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Plugin);
        second.unwrap();
        assert_eq!((line.dials.load(SeqCst), line.most_open.load(SeqCst)), (2, 1), "{pauses}");
    }
}
