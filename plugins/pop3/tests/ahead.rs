//! Messages asked for ahead: whatever happens to the connection, to a message or to the order, every fetch gives
//! the message that was meant, whole, or an error; and nothing is deleted that was not settled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::server::{Store, Together};
use common::*;
use postrider_core::*;
use postrider_pop3::{Pop3, Pop3Config};
use postrider_testkit::{Delivery, VirtualHost, run, run_polls};
use std::time::Duration;

const WINDOWS: [usize; 4] = [1, 2, 8, 64];
const COUNT: usize = 20;
/// So many where each byte is a case.
const FEW: usize = 10;

fn uidls() -> Vec<String> {
    (0..COUNT).map(|n| format!("u{n}")).collect()
}

fn ids() -> Vec<MessageId> {
    uidls().iter().map(|u| key(u)).collect()
}

/// A server that offers PIPELINING, with all the messages.
fn store() -> Store {
    store_of(COUNT)
}

/// The same with the first ones alone.
fn store_of(count: usize) -> Store {
    let mut uidls = uidls();
    uidls.truncate(count);
    let store = Store::with(&uidls.iter().map(String::as_str).collect::<Vec<_>>());
    store.lock().capabilities.push("PIPELINING");
    store
}

fn host(store: &Store) -> VirtualHost {
    let store = store.clone();
    VirtualHost::serve(move || store.boxed())
}

fn windowed(window: usize) -> Pop3Config {
    let mut config = config(TlsMode::Implicit);
    config.window = window;
    config
}

fn body(n: usize) -> String {
    format!("Subject: u{n}\r\n\r\n.body of u{n}\r\n")
}

/// Says what comes and fetches it; each message again until it is there, after `heal`. How many fetches failed.
async fn read_all(pop3: &mut Pop3, ids: &[MessageId], heal: impl Fn()) -> usize {
    pop3.prefetch(ids);
    let mut failed = 0;
    for (n, id) in ids.iter().enumerate() {
        loop {
            match text(pop3, id).await {
                Ok(text) => break assert_eq!(text, body(n)),
                Err(error) => {
                    assert!(error.kind() == ErrorKind::Closed || error.kind() == ErrorKind::Timeout)
                }
            }
            failed += 1;
            assert!(failed < 3, "{id}");
            heal();
        }
    }
    failed
}

#[test]
fn all_that_fits_goes_out_together_and_each_message_is_the_one_that_was_meant() {
    for window in WINDOWS {
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(9)] {
            let store = store();
            let host = host(&store).delivery(delivery);
            let mut pop3 = Box::new(pop3(windowed(window), &host));
            run(&host, async {
                pop3.list(&Query::all()).await.unwrap();
                store.lock().most_together = 0;
                assert_eq!(read_all(&mut pop3, &ids(), || {}).await, 0);
                if delivery == Delivery::Whole {
                    // A new reader is given 16 at first.
                    assert_eq!(store.lock().most_together, window.min(16));
                }
                pop3.settle(&ids(), &Settle::Delete).await.unwrap();
                pop3.close().await.unwrap();
            })
            .unwrap();
            assert_eq!((store.uidls().len(), host.dials(), store.count("RETR")), (0, 1, COUNT));
        }
    }
}

#[test]
fn a_cut_or_a_stall_at_any_byte_costs_at_most_the_message_it_hits() {
    for window in WINDOWS {
        let whole = host(&store_of(FEW));
        let mut one = pop3(windowed(window), &whole);
        run(&whole, read_all(&mut one, &ids()[..FEW], || {})).unwrap();
        let (received, sent) = (whole.received(), whole.sent_count());
        for n in 0..received.max(sent) {
            for fault in 0..3 {
                let store = store_of(FEW);
                let host = host(&store).delivery(if n % 2 == 0 {
                    Delivery::Whole
                } else {
                    Delivery::Random(n as u64)
                });
                let host = match fault {
                    0 if n < received => host.cut_after(n),
                    1 if n < received => host.stall_after(n),
                    2 if n < sent => host.cut_client_after(n),
                    _ => continue,
                };
                let mut pop3 = Box::new(pop3(windowed(window), &host));
                run(&host, async {
                    let failed = read_all(&mut pop3, &ids()[..FEW], || host.heal()).await;
                    assert!(failed <= 2, "{window} {n} {fault}: {failed}");
                    pop3.settle(&ids()[1..FEW], &Settle::Delete).await.unwrap();
                    pop3.close().await.unwrap();
                })
                .unwrap_or_else(|_| panic!("{window} {n} {fault} hangs"));
                assert_eq!(store.uidls(), ["u0"], "{window} {n} {fault}");
            }
        }
    }
}

#[test]
fn a_message_refused_at_any_place_is_told_by_its_own_fetch_and_the_others_go_on() {
    for window in WINDOWS {
        for place in 0..COUNT {
            for (words, kind) in [
                ("no such message", ErrorKind::NotFound),
                ("[SYS/TEMP] disk", ErrorKind::Deferred),
                ("no", ErrorKind::Rejected),
            ] {
                let store = store();
                store.lock().withhold = Some((format!("u{place}"), words));
                let host = host(&store);
                let mut pop3 = pop3(windowed(window), &host);
                run(&host, async {
                    pop3.prefetch(&ids());
                    for (n, id) in ids().iter().enumerate() {
                        match text(&mut pop3, id).await {
                            Ok(text) => assert_eq!((text, n != place), (body(n), true)),
                            Err(error) => assert_eq!((error.kind(), n), (kind, place)),
                        }
                    }
                    assert_eq!(pop3.stat().await.unwrap().messages, COUNT as u64);
                })
                .unwrap();
                // A refusal without a reason is asked for again alone, once: with it what flew behind. That is 16 at first
                // and three more for each message read.
                let again = if words == "no" { 1 + window.min(16 + 3 * place) } else { 0 };
                let retrs = store.count("RETR");
                assert!(host.dials() == 1 && (COUNT..=COUNT + again).contains(&retrs), "{window} {retrs}");
            }
        }
    }
}

#[test]
fn many_refusals_without_a_reason_cost_a_drained_window_once() {
    let store = store();
    store.lock().withhold = Some((String::new(), "no"));
    let host = host(&store);
    let mut pop3 = pop3(windowed(8), &host);
    run(&host, async {
        for _ in 0..3 {
            pop3.prefetch(&ids());
            for id in ids() {
                assert_eq!(text(&mut pop3, &id).await.unwrap_err().kind(), ErrorKind::Rejected);
            }
        }
    })
    .unwrap();
    assert!(host.dials() == 1 && store.count("RETR") <= 3 * COUNT + 9, "{}", store.count("RETR"));
}

#[test]
fn a_body_dropped_at_any_place_and_a_message_passed_over_cost_nothing_else() {
    for window in WINDOWS {
        for place in 0..COUNT {
            for half in [false, true] {
                let store = store();
                let host = host(&store).delivery(Delivery::Random(place as u64));
                let mut pop3 = pop3(windowed(window), &host);
                run(&host, async {
                    pop3.prefetch(&ids());
                    for (n, id) in ids().iter().enumerate() {
                        if n != place {
                            assert_eq!(text(&mut pop3, id).await.unwrap(), body(n), "{window} {place}");
                        } else if half {
                            pop3.fetch(id).await.unwrap().chunk().await.unwrap();
                        }
                    }
                    assert_eq!(text(&mut pop3, &key(&format!("u{place}"))).await.unwrap(), body(place));
                })
                .unwrap();
                assert_eq!(host.dials(), 1, "{window} {place}");
            }
        }
    }
}

#[test]
fn dropping_the_reading_at_any_await_loses_nothing() {
    for window in WINDOWS {
        for delivery in [Delivery::OneByOne, Delivery::Random(3)] {
            for polls in (0..).step_by(if delivery == Delivery::OneByOne { 7 } else { 1 }) {
                let store = store();
                let host = host(&store).delivery(delivery);
                let mut pop3 = Box::new(pop3(windowed(window), &host));
                let done = run_polls(read_all(&mut pop3, &ids(), || {}), polls).is_some();
                run(&host, async {
                    assert_eq!(text(&mut pop3, &key("u7")).await.unwrap(), body(7), "{window} {polls}");
                    pop3.settle(&[key("u3")], &Settle::Delete).await.unwrap();
                    // In order, though another order was said.
                    for n in [9, 8, 10, 11, 12] {
                        assert_eq!(text(&mut pop3, &ids()[n]).await.unwrap(), body(n), "{window} {polls}");
                    }
                    pop3.close().await.unwrap();
                })
                .unwrap();
                assert!(store.uidls().len() == COUNT - 1 && !store.uidls().contains(&"u3".into()));
                assert!(host.dials() <= 2, "{window} {polls}: {}", host.dials());
                if done {
                    break;
                }
            }
        }
    }
}

#[test]
fn any_other_call_may_come_in_between() {
    for call in ["list", "settle", "stat", "top", "wait", "connect", "prefetch", "other", "unknown", "close"]
    {
        for after in [0, 1, 5, COUNT - 1] {
            let store = store();
            let host = host(&store);
            let mut pop3 = Box::new(pop3(windowed(64), &host));
            let ids = ids();
            let what = format!("{call} after {after}");
            run(&host, async {
                pop3.list(&Query::all()).await.unwrap();
                pop3.prefetch(&ids);
                for (n, id) in ids.iter().enumerate().take(after + 1) {
                    assert_eq!(text(&mut pop3, id).await.unwrap(), body(n), "{what}");
                }
                match call {
                    "list" => assert_eq!(pop3.list(&Query::all()).await.unwrap().messages.len(), COUNT),
                    "settle" => pop3.settle(&ids[..1], &Settle::Delete).await.unwrap(),
                    "stat" => assert_eq!(pop3.stat().await.unwrap().messages, COUNT as u64),
                    "top" => assert!(pop3.top(&ids[2], 0).await.unwrap().read_all(99).await.is_ok()),
                    "wait" => assert_eq!(pop3.wait(Duration::ZERO).await.unwrap(), Wake::Elapsed),
                    "connect" => pop3.connect().await.unwrap(),
                    "prefetch" => pop3.prefetch(&[ids[3].clone(), ids[1].clone()]),
                    "other" => assert_eq!(text(&mut pop3, &ids[COUNT - 1]).await.unwrap(), body(COUNT - 1)),
                    "unknown" => {
                        assert_eq!(text(&mut pop3, &key("x")).await.unwrap_err().kind(), ErrorKind::NotFound)
                    }
                    _ => return pop3.close().await.unwrap(),
                }
                for n in (after + 1..COUNT).chain([1, 0]) {
                    match text(&mut pop3, &ids[n]).await {
                        Ok(text) => assert_eq!(text, body(n), "{what}"),
                        Err(error) => {
                            assert_eq!((error.kind(), n, call), (ErrorKind::NotFound, 0, "settle"), "{what}")
                        }
                    }
                }
                pop3.close().await.unwrap();
            })
            .unwrap();
            assert_eq!(store.uidls().len(), COUNT - usize::from(call == "settle"), "{what}");
            assert_eq!(host.dials(), 1 + usize::from(call == "wait" && after < COUNT), "{what}");
        }
    }
}

#[test]
fn messages_that_are_deleted_or_too_large_are_told_without_disturbing_those_on_their_way() {
    let store = store();
    store.lock().messages[5].1 = format!("{}\r\n\r\n", "x".repeat(5_000));
    let host = host(&store);
    let mut config = windowed(64);
    config.max_size = 1_000;
    let mut pop3 = pop3(config, &host);
    run(&host, async {
        pop3.settle(&[key("u3")], &Settle::Delete).await.unwrap();
        pop3.prefetch(&ids());
        for (n, id) in ids().iter().enumerate() {
            match (n, text(&mut pop3, id).await) {
                (3, told) => assert_eq!(told.unwrap_err().kind(), ErrorKind::NotFound),
                (5, told) => assert_eq!(told.unwrap_err().kind(), ErrorKind::Limit),
                (n, told) => assert_eq!(told.unwrap(), body(n)),
            }
        }
    })
    .unwrap();
    assert_eq!((host.dials(), store.count("RETR")), (1, COUNT - 2));
}

#[test]
fn nothing_is_asked_ahead_of_a_server_that_deletes_what_was_read() {
    let store = store();
    store.lock().capabilities.push("EXPIRE 0");
    let host = host(&store);
    let mut pop3 = Box::new(pop3(windowed(64), &host));
    run(&host, async {
        pop3.prefetch(&ids());
        for (n, id) in ids().iter().enumerate().take(3) {
            assert_eq!(text(&mut pop3, id).await.unwrap(), body(n));
            assert_eq!(store.count("RETR"), n + 1);
        }
    })
    .unwrap();
}

#[test]
fn fetching_and_settling_in_turn_asks_for_nothing_in_vain_after_the_first_time() {
    let store = store();
    let host = host(&store);
    let mut pop3 = Box::new(pop3(windowed(64), &host));
    run(&host, async {
        pop3.prefetch(&ids());
        for (n, id) in ids().iter().enumerate() {
            assert_eq!(text(&mut pop3, id).await.unwrap(), body(n));
            pop3.settle(std::slice::from_ref(id), &Settle::Delete).await.unwrap();
        }
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!((store.uidls().len(), host.dials(), store.count("DELE")), (0, 1, COUNT));
    assert_eq!(store.count("RETR"), COUNT + 15, "16 at once the first time");
}

#[test]
fn a_server_that_offers_pipelining_and_has_it_not_is_found_out_and_served_one_command_at_a_time() {
    for together in [Together::Forgets, Together::Closes, Together::Refuses, Together::Babbles] {
        // From the start, or from when messages are read or deleted: a buffer may be too short for many.
        for late in [None, Some("RETR"), Some("DELE")] {
            let store = store();
            let host = host(&store);
            let mut pop3 = Box::new(pop3(windowed(64), &host));
            let what = format!("{together:?}, {late:?}");
            run(&host, async {
                if late.is_none() {
                    store.lock().together = together;
                }
                assert_eq!(pop3.list(&Query::all()).await.expect(&what).messages.len(), COUNT, "{what}");
                if late == Some("RETR") {
                    store.lock().together = together;
                }
                pop3.prefetch(&ids());
                for (n, id) in ids().iter().enumerate() {
                    match text(&mut pop3, id).await {
                        Ok(text) => assert_eq!(text, body(n), "{what}"),
                        Err(error) => panic!("{what}, {n}: {error}"),
                    }
                }
                store.lock().together = together;
                pop3.settle(&ids(), &Settle::Delete).await.expect(&what);
                store.lock().most_together = 0;
                let before = host.dials();
                if late.is_none() {
                    assert_eq!(pop3.list(&Query::all()).await.unwrap().messages.len(), 0);
                    pop3.prefetch(&ids());
                }
                assert_eq!((store.lock().most_together <= 1, host.dials()), (true, before), "{what}");
                pop3.close().await.expect(&what);
            })
            .unwrap();
            assert_eq!(store.uidls().len(), 0, "{what}");
            assert!(host.dials() <= 4, "{what}: {}", host.dials());
        }
    }
}

#[test]
fn utf8_and_the_sign_in_go_out_together_only_to_a_server_that_was_seen_to_hear_both() {
    for together in [Together::Answers, Together::Forgets, Together::Refuses] {
        let store = store();
        store.lock().capabilities.push("UTF8");
        let host = host(&store);
        let mut pop3 = Box::new(pop3(windowed(8), &host));
        run(&host, async {
            for session in 0..2 {
                store.lock().most_together = 0;
                pop3.connect().await.unwrap();
                assert_eq!(store.lock().most_together, 1 + session);
                pop3.list(&Query::all()).await.unwrap();
                // Ends the session.
                assert_eq!(pop3.wait(Duration::ZERO).await.unwrap(), Wake::Elapsed);
            }
            // Should it break after all, silence is tried again and a refusal is not.
            store.lock().together = together;
            let told = pop3.connect().await;
            let refused = together == Together::Refuses;
            assert_eq!(word(&told), if refused { "Authentication Authenticate" } else { "ok" });
        })
        .unwrap();
    }
}

#[test]
fn where_keys_hold_for_one_session_the_connection_is_not_given_up_for_what_was_asked_in_vain() {
    let store = store();
    for (n, message) in store.lock().messages.iter_mut().enumerate() {
        message.0 = "same".into();
        message.1 = format!("Subject: {n:02}\r\n\r\n{}\r\n", "x".repeat(100_000));
    }
    let host = host(&store);
    let mut pop3 = Box::new(pop3(windowed(64), &host));
    run(&host, async {
        let listing = pop3.list(&Query::all()).await.unwrap();
        let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
        pop3.prefetch(&ids);
        for id in &ids[..5] {
            assert_eq!(text(&mut pop3, id).await.unwrap().len(), 100_017);
        }
        pop3.settle(&ids[..5], &Settle::Delete).await.unwrap();
        assert!(text(&mut pop3, &ids[9]).await.is_ok());
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!((store.uidls().len(), host.dials()), (COUNT - 5, 1));
}

#[test]
fn more_in_flight_than_is_worth_reading_in_vain_costs_the_connection_and_no_mark() {
    let store = store();
    for message in &mut store.lock().messages {
        message.1 = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(200_000));
    }
    let host = host(&store);
    let mut pop3 = Box::new(pop3(windowed(64), &host));
    run(&host, async {
        pop3.settle(&[key("u19")], &Settle::Delete).await.unwrap();
        pop3.prefetch(&ids());
        for id in &ids()[..10] {
            assert!(text(&mut pop3, id).await.is_ok());
        }
        pop3.settle(&ids()[..2], &Settle::Delete).await.unwrap();
        assert_eq!(host.dials(), 2);
        for id in &ids()[10..19] {
            assert!(text(&mut pop3, id).await.is_ok());
        }
        pop3.close().await.unwrap();
    })
    .unwrap();
    let left = store.uidls();
    assert!(left.len() == COUNT - 3 && !left.contains(&"u19".into()), "{left:?}");
}

#[test]
fn headers_that_name_messages_are_asked_for_together_and_make_the_same_names_as_one_by_one() {
    let mut names = Vec::new();
    for (window, no_top) in WINDOWS.iter().flat_map(|w| [(*w, false), (*w, true)]) {
        let store = store();
        store.lock().no_uidl = true;
        store.lock().no_top = no_top;
        store.lock().capabilities = vec!["SASL PLAIN", "PIPELINING"];
        let host = host(&store);
        let mut pop3 = Box::new(pop3(windowed(window), &host));
        run(&host, async {
            let listing = pop3.list(&Query::all()).await.unwrap();
            let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
            assert!(store.lock().most_together >= window.min(COUNT));
            pop3.prefetch(&ids);
            for (n, id) in ids.iter().enumerate() {
                assert_eq!(text(&mut pop3, id).await.unwrap(), body(n));
            }
            pop3.settle(&ids[..2], &Settle::Delete).await.unwrap();
            pop3.close().await.unwrap();
            if !no_top {
                names.push(ids);
            }
        })
        .unwrap();
        assert_eq!((store.uidls().len(), host.dials()), (COUNT - 2, 1));
    }
    assert!(names.iter().all(|ids| *ids == names[0] && ids[0].as_str().contains("/top-")), "{names:?}");
}
