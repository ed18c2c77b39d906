//! Messages of many tasks share the windows of a few connections: none lost, none twice, each with its own outcome.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::yard::{Answer, Yard};
use common::*;
use postrider::*;
use postrider_testkit::run_polls;
use std::pin::Pin;
use std::time::Duration;

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Receipt>> + Send + 'a>>;

fn send<'a>(mailer: &'a Mailer, envelope: &'a Envelope, text: impl ToString) -> Sending<'a> {
    Box::pin(mailer.send(envelope, text.to_string().into_bytes().into()))
}

/// Begun, and not at its end. It gives way once, so that what others send at the same time goes with its own.
fn begin(sending: &mut Sending<'_>) {
    assert!(run_polls(sending.as_mut(), 2).is_none());
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

#[tokio::test]
async fn tasks_that_send_at_once_fill_the_window_of_one_connection_in_the_order_they_came() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let mailer = mailer.clone();
            tokio::spawn(async move { send(&mailer, &envelope(), format!("{n:02}")).await })
        })
        .collect();
    while yard.taken().len() < 8 {
        tokio::task::yield_now().await;
    }
    assert_eq!(yard.taken().join(" "), "00 01 02 03 04 05 06 07");
    yard.answer([Answer::Yes]);
    while yard.taken().len() < 9 {
        tokio::task::yield_now().await;
    }
    yard.always(Answer::Yes);
    for task in tasks {
        assert!(in_time(task).await.unwrap().unwrap().is_complete());
    }
    let all: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    assert_eq!(yard.taken(), all);
    let state = yard.seen();
    assert_eq!((state.dials, state.most_in_flight, state.open), (1, 8, 1));
}

#[tokio::test]
async fn each_task_hears_what_became_of_its_own_message_whatever_the_others_hear() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let mut sends: Vec<_> = (0..6).map(|n| send(&mailer, &envelope, n)).collect();
    sends.iter_mut().for_each(begin);
    use ErrorKind::{Closed, Deferred, Rejected, Unsure};
    yard.answer([Answer::Yes, Answer::No(Rejected), Answer::No(Deferred), Answer::Yes]);
    yard.answer([Answer::No(Unsure), Answer::No(Closed)]);
    let outcomes = in_time(futures_util::future::join_all(sends)).await;
    let kinds: Vec<_> = outcomes.iter().map(|o| o.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(Rejected), Some(Deferred), None, Some(Unsure), Some(Closed)]);
    let outcome = |n: usize| outcomes[n].as_ref().unwrap_err().outcome();
    assert_eq!((outcome(4), outcome(5)), (Outcome::Unsure, Outcome::NotSent));
    assert_eq!(yard.seen().dials, 1);
}

#[tokio::test]
async fn what_a_transport_does_not_speak_of_is_unsure_and_what_it_had_not_taken_goes_on() {
    for fault in [Answer::Silence, Answer::No(ErrorKind::Plugin)] {
        let yard = Yard::new(2);
        let mailer = yard.mailer("mail.mailer.connections=1");
        let envelope = envelope();
        let mut sends: Vec<_> = (0..4).map(|n| send(&mailer, &envelope, n)).collect();
        sends.iter_mut().for_each(begin);
        assert_eq!(yard.taken(), ["0", "1"]);
        yard.answer([fault]);
        yard.always(Answer::Yes);
        let outcomes = in_time(futures_util::future::join_all(sends)).await;
        let unsure = |n: usize| outcomes[n].as_ref().is_err_and(|e| e.outcome() == Outcome::Unsure);
        if fault == Answer::Silence {
            assert!(unsure(0) && unsure(1));
        } else {
            assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), ErrorKind::Plugin);
            assert!(outcomes[1].is_ok());
            // It failed as it never should: it is not used again.
            assert_eq!(yard.seen().dials, 2);
        }
        assert!(outcomes[2].is_ok() && outcomes[3].is_ok());
        assert_eq!(yard.taken(), ["0", "1", "2", "3"]);
        assert_eq!(yard.seen().most_open, 1);
    }
}

#[tokio::test]
async fn a_transport_that_panics_takes_one_task_along_and_the_others_are_unsure() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let tasks: Vec<_> = (0..3)
        .map(|n| {
            let mailer = mailer.clone();
            tokio::spawn(async move { send(&mailer, &envelope(), n).await })
        })
        .collect();
    while yard.taken().len() < 3 {
        tokio::task::yield_now().await;
    }
    yard.answer([Answer::Panic]);
    let mut panicked = 0;
    for task in tasks {
        match in_time(task).await {
            Err(_) => panicked += 1,
            Ok(outcome) => assert_eq!(outcome.unwrap_err().outcome(), Outcome::Unsure),
        }
    }
    assert_eq!(panicked, 1);
    yard.always(Answer::Yes);
    in_time(send(&mailer, &envelope(), "after")).await.unwrap();
    assert_eq!((yard.seen().dials, yard.seen().most_open), (2, 1));
}

#[tokio::test]
async fn one_of_many_dropped_at_any_await_costs_its_own_message_only() {
    for polls in 0..8 {
        for victim in 0..3 {
            let yard = Yard::new(2);
            let mailer = yard.mailer("mail.mailer.connections=1");
            let envelope = envelope();
            let mut sends: Vec<Option<Sending<'_>>> =
                (0..4).map(|n| Some(send(&mailer, &envelope, n))).collect();
            for _ in 0..polls {
                for (n, sending) in sends.iter_mut().enumerate() {
                    // The last one comes when the victim is gone.
                    if let Some(sending) = sending.as_mut().filter(|_| n < 3) {
                        begin(sending);
                    }
                }
            }
            sends[victim] = None;
            let was_taken = yard.taken().contains(&victim.to_string());
            yard.always(Answer::Yes);
            for sending in sends.into_iter().flatten() {
                in_time(sending).await.unwrap();
            }
            let mut taken = yard.taken();
            taken.sort();
            let all: Vec<String> =
                (0..4).filter(|n| *n != victim || was_taken).map(|n| n.to_string()).collect();
            assert_eq!(taken, all, "{polls} {victim}");
            assert_eq!(yard.seen().dials, 1, "{polls} {victim}");
        }
    }
}

#[tokio::test]
async fn when_all_are_dropped_the_connection_is_cut_and_its_room_is_free() {
    let yard = Yard::new(2);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let mut sends: Vec<_> = (0..4).map(|n| send(&mailer, &envelope, n)).collect();
    sends.iter_mut().for_each(begin);
    // Those in flight go; those that wait need another connection.
    let waiting = sends.split_off(2);
    drop(sends);
    assert_eq!(yard.seen().open, 0);
    yard.always(Answer::Yes);
    for sending in waiting {
        in_time(sending).await.unwrap();
    }
    assert_eq!(yard.taken(), ["0", "1", "2", "3"]);
    assert_eq!((yard.seen().dials, yard.seen().most_open), (2, 1));
}

#[tokio::test]
async fn one_that_is_begun_and_left_lying_does_not_hold_up_those_that_come_after_it() {
    let yard = Yard::new(4);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let mut lying = send(&mailer, &envelope, "lying");
    begin(&mut lying);
    yard.always(Answer::Yes);
    in_time(send(&mailer, &envelope, "next")).await.unwrap();
    in_time(lying).await.unwrap();
    assert_eq!(
        (yard.taken(), yard.seen().dials),
        (words("lying next").iter().map(ToString::to_string).collect(), 1)
    );
}

#[tokio::test]
async fn a_transport_that_has_something_left_to_do_after_its_answer_is_seen_to_its_end() {
    let yard = Yard::new(4);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    yard.always(Answer::Slowly(5));
    for n in 0..3 {
        in_time(send(&mailer, &envelope, n)).await.unwrap();
    }
    let both = async { tokio::join!(send(&mailer, &envelope, 3), send(&mailer, &envelope, 4)) };
    let (a, b) = in_time(both).await;
    assert!(a.is_ok() && b.is_ok());
    assert_eq!((yard.seen().dials, yard.taken().len()), (1, 5));
}

#[tokio::test]
async fn new_settings_find_in_flight_what_was_taken_and_take_what_still_waits() {
    let (old, new) = (Yard::new(2), Yard::new(2));
    let clock = Clock::default();
    let session = old.session(&clock, "mail.mailer.connections=1");
    let mailer = session.mailer().unwrap();
    let envelope = envelope();
    let mut sends: Vec<_> = (0..4).map(|n| send(&mailer, &envelope, n)).collect();
    sends.iter_mut().for_each(begin);
    let mut registry = Registry::empty();
    new.add(&mut registry, "other");
    let text =
        "mail.transport.protocol=other\nmail.send.allowreserved=true\nmail.send.redirect=staging@x.example";
    let settings = Session::builder().overrides(text).unwrap().registry(registry);
    in_time(session.apply(settings)).await.unwrap();
    new.always(Answer::Yes);
    let late = sends.split_off(2);
    for sending in late {
        let receipt = in_time(sending).await.unwrap();
        // By the new rules too.
        assert!(receipt.recipients[0].instead.is_some());
    }
    old.always(Answer::Yes);
    for sending in sends {
        assert!(in_time(sending).await.unwrap().recipients[0].instead.is_none());
    }
    assert_eq!((old.taken().len(), new.taken().len()), (2, 2));
    assert!(new.taken()[0].starts_with("X-Original-To"), "{:?}", new.taken());
    // The old connection is of no use to anybody.
    assert_eq!((old.seen().closed, old.seen().open), (1, 0));
}

#[tokio::test]
async fn a_stream_waits_its_turn_for_a_connection_alone_and_nobody_overtakes_it() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let (mut a, mut b) = (send(&mailer, &envelope, "a"), send(&mailer, &envelope, "b"));
    begin(&mut a);
    begin(&mut b);
    let mut stream: Sending<'_> = Box::pin(mailer.send(&envelope, Body::from_reader(&b"stream"[..])));
    begin(&mut stream);
    let mut c = send(&mailer, &envelope, "c");
    begin(&mut c);
    assert_eq!(yard.taken(), ["a", "b"]);
    yard.always(Answer::Yes);
    let (a, b, stream, c) = in_time(async { tokio::join!(a, b, stream, c) }).await;
    assert!(a.is_ok() && b.is_ok() && stream.is_ok() && c.is_ok());
    assert_eq!(yard.taken(), ["a", "b", "stream", "c"]);
    assert_eq!(yard.seen().dials, 1);
}

#[tokio::test]
async fn another_connection_is_opened_when_all_have_growat_in_flight_and_one_is_allowed() {
    for (growat, opened) in [(1, [1, 2, 3, 3, 3]), (2, [1, 1, 2, 2, 3])] {
        let yard = Yard::new(8);
        let mailer = yard.mailer(&format!("mail.mailer.connections=3\nmail.mailer.growat={growat}"));
        let envelope = envelope();
        let mut sends: Vec<_> = (0..5).map(|n| send(&mailer, &envelope, n)).collect();
        for (sending, opened) in sends.iter_mut().zip(opened) {
            begin(sending);
            assert_eq!(yard.seen().dials, opened, "{growat}");
        }
        assert_eq!(yard.taken().len(), 5);
        yard.always(Answer::Yes);
        for sending in sends {
            in_time(sending).await.unwrap();
        }
        // All are kept, and the next ones open none.
        in_time(send(&mailer, &envelope, "next")).await.unwrap();
        assert_eq!((yard.seen().dials, yard.seen().open), (3, 3));
    }
}

#[tokio::test]
async fn a_connection_takes_so_many_messages_and_lives_so_long_and_then_says_goodbye() {
    let yard = Yard::new(8);
    yard.always(Answer::Yes);
    let clock = Clock::default();
    let limits =
        "mail.mailer.connections=1\nmail.mailer.messagesperconnection=3\nmail.mailer.connectionage=60s";
    let mailer = yard.session(&clock, limits).mailer().unwrap();
    let envelope = envelope();
    let sends = (0..7).map(|n| send(&mailer, &envelope, n));
    for outcome in in_time(futures_util::future::join_all(sends)).await {
        outcome.unwrap();
    }
    let by: Vec<usize> = yard.state().taken.iter().map(|(number, _)| *number).collect();
    assert_eq!(by, [1, 1, 1, 2, 2, 2, 3]);
    assert_eq!((yard.seen().closed, yard.seen().most_open), (2, 1));
    clock.pass(Duration::from_secs(40));
    in_time(send(&mailer, &envelope, "young")).await.unwrap();
    clock.pass(Duration::from_secs(20));
    in_time(send(&mailer, &envelope, "old")).await.unwrap();
    assert_eq!((yard.seen().dials, yard.seen().closed), (4, 3));
}

#[tokio::test]
async fn a_message_waits_for_a_connection_as_long_as_it_may_and_is_withdrawn_then() {
    let yard = Yard::new(1);
    let clock = Clock::default();
    let limits = "mail.mailer.connections=1\nmail.mailer.waittimeout=5s";
    let mailer = yard.session(&clock, limits).mailer().unwrap();
    let envelope = envelope();
    let mut first = send(&mailer, &envelope, "first");
    begin(&mut first);
    let mut sends: Vec<Sending<'_>> = vec![
        send(&mailer, &envelope, "late"),
        Box::pin(mailer.send(&envelope, Body::from_reader(&b"late stream"[..]))),
    ];
    sends.iter_mut().for_each(begin);
    clock.pass(Duration::from_millis(4_999));
    sends.iter_mut().for_each(begin);
    clock.pass(Duration::from_millis(1));
    for sending in sends {
        let error = in_time(sending).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase(), error.repeat()),
            (ErrorKind::Timeout, Phase::Connect, Repeat::Safe)
        );
        assert!(error.to_string().contains("mail.mailer.waittimeout"), "{error}");
    }
    // The limit is for waiting: what is in flight has the transport's own.
    begin(&mut first);
    yard.always(Answer::Yes);
    in_time(first).await.unwrap();
    assert_eq!(yard.taken(), ["first"]);
}

#[tokio::test]
async fn connections_can_be_opened_ahead_of_need_and_never_more_than_allowed() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=3");
    mailer.connect(2).await.unwrap();
    assert_eq!((yard.seen().dials, yard.seen().open), (2, 2));
    mailer.connect(2).await.unwrap();
    mailer.connect(9).await.unwrap();
    assert_eq!((yard.seen().dials, yard.seen().open), (3, 3));
    yard.always(Answer::Yes);
    send(&mailer, &envelope(), "x").await.unwrap();
    assert_eq!(yard.seen().dials, 3);
    mailer.close().await;
    assert_eq!((yard.seen().closed, yard.seen().open), (3, 0));
}

#[tokio::test]
async fn more_than_fit_behind_the_door_are_served_in_the_order_they_came() {
    let yard = Yard::new(4);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let mut sends: Vec<_> = (0..600).map(|n| send(&mailer, &envelope, format!("{n:03}"))).collect();
    sends.iter_mut().for_each(begin);
    // Some before the door and some behind it don't wait any more.
    let stay = |n: usize| n < 4 || !n.is_multiple_of(3);
    let sends: Vec<_> = sends.into_iter().enumerate().filter(|(n, _)| stay(*n)).map(|(_, s)| s).collect();
    yard.always(Answer::Yes);
    for outcome in in_time(futures_util::future::join_all(sends)).await {
        outcome.unwrap();
    }
    let left: Vec<String> = (0..600).filter(|n| stay(*n)).map(|n| format!("{n:03}")).collect();
    assert_eq!(yard.taken(), left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_is_lost_or_sent_twice_under_load_with_cancellations_on_many_threads() {
    let yard = Yard::new(5);
    let mailer = yard.mailer("mail.mailer.connections=3\nmail.mailer.messagesperconnection=50");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let server = {
        let (yard, stop) = (yard.clone(), stop.clone());
        tokio::spawn(async move {
            let mut turn = 0u32;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                turn += 1;
                let slow = if turn.is_multiple_of(5) { Answer::Slowly(2) } else { Answer::Yes };
                let answer = if turn.is_multiple_of(7) { Answer::No(ErrorKind::Deferred) } else { slow };
                if yard.state().answers.len() < 8 {
                    yard.answer([answer]);
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..24usize)
        .map(|task| {
            let mailer = mailer.clone();
            tokio::spawn(async move {
                let (mut sent, mut open) = (Vec::new(), Vec::new());
                let envelope = envelope();
                for n in 0..60usize {
                    let text = format!("{task}-{n}");
                    let stream = (task + n).is_multiple_of(11);
                    let body = if stream {
                        Body::from_reader(std::io::Cursor::new(text.clone().into_bytes()))
                    } else {
                        text.clone().into_bytes().into()
                    };
                    let mut sending = Box::pin(mailer.send(&envelope, body));
                    if (task * 7 + n).is_multiple_of(4) {
                        let mut polls = n % 6;
                        let gone = std::future::poll_fn(|cx| {
                            polls = polls.saturating_sub(1);
                            match sending.as_mut().poll(cx) {
                                std::task::Poll::Pending if polls > 0 => std::task::Poll::Pending,
                                ready => std::task::Poll::Ready(ready.is_ready()),
                            }
                        });
                        gone.await;
                        open.push(text);
                    } else if sending.await.is_ok() {
                        sent.push(text);
                    }
                }
                (sent, open)
            })
        })
        .collect();
    let mut sent = Vec::new();
    for task in tasks {
        sent.extend(in_time(task).await.unwrap().0);
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    in_time(server).await.unwrap();
    let mut taken = yard.taken();
    taken.sort();
    let before = taken.len();
    taken.dedup();
    assert_eq!(before, taken.len(), "a message was taken twice");
    assert!(sent.iter().all(|text| taken.binary_search(text).is_ok()));
    assert!(yard.seen().most_open <= 3, "{}", yard.seen().most_open);
    assert!(yard.seen().most_in_flight > 1);
    // Nothing is left behind that would hold up the next.
    yard.state().answers.clear();
    yard.always(Answer::Yes);
    in_time(send(&mailer, &envelope(), "last")).await.unwrap();
}
