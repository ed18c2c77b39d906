//! Messages that were announced by `prefetch`: asked for in windows, and each one whole, the right one, or an error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::bulk::{Bulk, Order, Shape, Ways};
use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Delivery, Script, VirtualHost, run, run_polls};
use std::time::Duration;

const WINDOWS: [usize; 4] = [1, 2, 8, 64];

fn windowed(window: usize) -> ImapConfig {
    let mut config = pipelined(TlsMode::Implicit);
    config.window = window;
    config
}

/// Announces these messages and fetches them; each is its text, or the kind of its error.
async fn all(imap: &mut Imap, uids: &[u32]) -> Vec<String> {
    let ids: Vec<MessageId> = uids.iter().map(|uid| key(*uid)).collect();
    imap.prefetch(&ids);
    let mut seen = Vec::new();
    for id in &ids {
        seen.push(word(&read(imap, id).await, Clone::clone));
    }
    seen
}

fn texts(bulk: &Bulk, uids: &[u32]) -> Vec<String> {
    let gone = |uid: &u32| bulk.ways.missing.contains(uid);
    uids.iter().map(|uid| if gone(uid) { "NotFound Fetch".into() } else { bulk.text(*uid) }).collect()
}

fn deliveries() -> impl Iterator<Item = Delivery> {
    [Delivery::Whole, Delivery::OneByOne].into_iter().chain((0..4).map(Delivery::Random))
}

const SHAPES: [Shape; 4] = [Shape::Usual, Shape::NameBehind, Shape::Quoted, Shape::Flags];
const CHATTER: &str = "* 99 EXISTS\r\n* 99 EXPUNGE\r\n* VANISHED 90\r\n* 3 FETCH (FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\n\
                       * 77 FETCH (UID 77 BODY[] {5}\r\nother)\r\n* 1 FETCH (X {3}\r\n((()\r\n* OK still here\r\n";

#[test]
fn every_message_is_the_right_one_in_every_shape_order_and_piece_and_one_connection_does() {
    let uids: Vec<u32> = (1..=12).collect();
    for window in WINDOWS {
        for shape in SHAPES {
            for order in [Order::Up, Order::Down, Order::Mixed] {
                for (chatter, missing) in [("", vec![]), (CHATTER, vec![1, 5, 6, 12])] {
                    let bulk = Bulk::new(Ways { shape, order, chatter, missing, ..Ways::default() });
                    for delivery in deliveries() {
                        let host = bulk.host().delivery(delivery);
                        let mut imap = imap(windowed(window), &host);
                        let what = format!("{window} {delivery:?} {:?}", bulk.ways);
                        let seen = run(&host, all(&mut imap, &uids)).expect("hangs");
                        assert_eq!(seen, texts(&bulk, &uids), "{what}");
                        assert_eq!(host.dials(), 1, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn long_messages_stream_and_the_short_ones_between_them_stay_whole() {
    let uids: Vec<u32> = (1..=6).collect();
    for window in WINDOWS {
        let bulk = Bulk::new(Ways { messages: 6, padding: 20_000, missing: vec![2], ..Ways::default() });
        for seed in 0..4 {
            let host = bulk.host().delivery(Delivery::Random(seed));
            let mut imap = imap(windowed(window), &host);
            assert_eq!(run(&host, all(&mut imap, &uids)).expect("hangs"), texts(&bulk, &uids), "{window}");
            assert_eq!(host.dials(), 1);
        }
        for n in (0..80_000).step_by(997) {
            let host = bulk.host().cut_after(n);
            let mut imap = imap(windowed(window), &host);
            let seen = run(&host, all(&mut imap, &uids)).expect("hangs");
            for (seen, want) in seen.iter().zip(texts(&bulk, &uids)) {
                assert!(*seen == want || seen.starts_with("Closed"), "{window}: cut after {n}");
            }
        }
    }
}

#[test]
fn what_is_announced_in_another_order_comes_in_that_order() {
    let uids = [9, 8, 7, 1, 2, 3, 12, 11, 4, 4, 99];
    for window in WINDOWS {
        for delivery in deliveries() {
            let bulk = Bulk::new(Ways { missing: vec![99, 7], ..Ways::default() });
            let host = bulk.host().delivery(delivery);
            let mut imap = imap(windowed(window), &host);
            assert_eq!(run(&host, all(&mut imap, &uids)).expect("hangs"), texts(&bulk, &uids), "{window}");
            assert_eq!(host.dials(), 1);
        }
    }
}

#[test]
fn no_more_is_asked_for_than_the_window_holds_and_the_next_before_the_last_is_used_up() {
    for (window, padding) in [(1, 0), (2, 0), (8, 0), (64, 0), (64, 10_000)] {
        let bulk = Bulk::new(Ways { messages: 200, padding, ..Ways::default() });
        let host = bulk.host();
        let mut config = windowed(window);
        config.window_bytes = 100_000;
        let mut imap = imap(config, &host);
        let ids: Vec<MessageId> = (1..=200).map(key).collect();
        run(&host, async {
            imap.prefetch(&ids);
            let mut most = 0;
            for (taken, id) in ids.iter().enumerate() {
                let bytes = imap.fetch(id).await.unwrap().read_all(1 << 20).await.unwrap();
                let ahead = bulk.heard().asked - taken;
                assert!(ahead <= window + 1, "{window}: {ahead} ahead");
                // Half as many at first, more with each that is taken.
                assert!(
                    ahead <= window.div_ceil(2) + taken.div_ceil(2) + 2,
                    "{window}: {ahead} ahead after {taken}"
                );
                assert!((ahead - 1) * bytes.len() <= 100_000, "{window}: {ahead} of {} bytes", bytes.len());
                assert!(window < 8 || taken > 190 || ahead > 2, "{window}: the window has run dry");
                most = most.max(ahead);
            }
            assert!(padding > 0 || most > window * 3 / 4, "{window}: only {most} ahead");
        })
        .expect("hangs");
        assert_eq!(host.dials(), 1);
        let sets = bulk.heard().sets.len();
        assert!(window < 64 || padding > 0 || sets <= 22, "{sets} commands");
    }
}

#[test]
fn wherever_a_command_is_refused_every_message_has_its_own_outcome() {
    let uids: Vec<u32> = (1..=12).collect();
    for window in WINDOWS {
        for status in ["NO", "BAD", "NO [EXPUNGEISSUED]", "NO [UNAVAILABLE]"] {
            for (nth, most) in (0..12).flat_map(|nth| (0..4).map(move |most| (nth, most))) {
                let refuse = Some((nth, status, most));
                let bulk = Bulk::new(Ways { refuse, missing: vec![3], ..Ways::default() });
                let host = bulk.host();
                let mut imap = imap(windowed(window), &host);
                let seen = run(&host, all(&mut imap, &uids)).expect("hangs");
                let errors = ["Rejected Fetch", "Deferred Fetch", "NotFound Fetch"];
                let mut wrong = 0;
                for (seen, want) in seen.iter().zip(texts(&bulk, &uids)) {
                    let refused = errors.contains(&seen.as_str());
                    assert!(*seen == want || refused, "{window} {:?}: {seen}", bulk.ways.refuse);
                    wrong += usize::from(*seen != want);
                }
                // One command by itself may have been the one that is refused: never more than one message suffers.
                assert!(wrong <= 1, "{window} {:?}: {seen:?}", bulk.ways.refuse);
            }
        }
    }
}

#[test]
fn wherever_the_line_is_cut_messages_are_whole_or_errors_and_the_next_fetch_dials_anew() {
    let uids: Vec<u32> = (1..=6).collect();
    for window in WINDOWS {
        for (shape, delivery) in [(Shape::Usual, Delivery::Whole), (Shape::Flags, Delivery::OneByOne)] {
            let bulk = Bulk::new(Ways { messages: 6, shape, missing: vec![4], ..Ways::default() });
            let whole = bulk.host();
            run(&whole, all(&mut imap(windowed(window), &whole), &uids)).expect("hangs");
            let (heard, said) = (whole.received(), whole.sent_count());
            let cuts =
                (0..heard).map(|n| (n, 0)).chain((0..heard).map(|n| (n, 1))).chain((0..said).map(|n| (n, 2)));
            for (n, kind) in cuts {
                let host = bulk.host().delivery(delivery);
                let host = match kind {
                    0 => host.cut_after(n),
                    1 => host.stall_after(n),
                    _ => host.cut_client_after(n),
                };
                let what = format!("{window} {shape:?}: {kind} after {n} bytes");
                let mut imap = imap(windowed(window), &host);
                let ids: Vec<MessageId> = uids.iter().map(|uid| key(*uid)).collect();
                run(&host, async {
                    imap.prefetch(&ids);
                    let mut failures = 0;
                    for (id, want) in ids.iter().zip(texts(&bulk, &uids)) {
                        let mut seen = word(&read(&mut imap, id).await, Clone::clone);
                        if seen == "Closed Fetch"
                            || seen == "Timeout Fetch"
                            || seen.ends_with("Greeting")
                            || seen.ends_with("Select")
                        {
                            failures += 1;
                            host.heal();
                            seen = word(&read(&mut imap, id).await, Clone::clone);
                        }
                        assert_eq!(seen, want, "{what}");
                    }
                    assert!(failures <= 1, "{what}: {failures} failures by one cut");
                })
                .expect("hangs");
                // The cut stays until it is healed: a dial that was made unasked meets it too.
                assert!(host.dials() <= 3, "{what}");
            }
        }
    }
}

#[test]
fn a_fetch_dropped_at_any_await_loses_no_message_and_mixes_up_none() {
    for (window, connections) in [(1, 1), (8, 1), (2, 2)] {
        for polls in 0.. {
            let bulk = Bulk::new(Ways { messages: 4, missing: vec![3], ..Ways::default() });
            let host = bulk.host().delivery(Delivery::OneByOne);
            let mut config = windowed(window);
            config.connections = connections;
            let mut imap = imap(config, &host);
            let ids: Vec<MessageId> = (1..=4).map(key).collect();
            imap.prefetch(&ids);
            let done = run_polls(
                async {
                    for id in &ids {
                        let _ = read(&mut imap, id).await;
                    }
                },
                polls,
            );
            let seen = run(&host, all(&mut imap, &[1, 2, 3, 4])).expect("hangs");
            assert_eq!(
                seen,
                texts(&bulk, &[1, 2, 3, 4]),
                "{window} {connections}, dropped after {polls} polls"
            );
            if done.is_some() {
                assert!(polls > 100, "the sweep saw only {polls} polls");
                break;
            }
        }
    }
}

#[test]
fn a_body_left_half_read_costs_the_others_nothing() {
    for (shape, delivery, padding) in [
        (Shape::Usual, Delivery::OneByOne, 0),
        (Shape::Flags, Delivery::Random(3), 0),
        (Shape::Usual, Delivery::Random(4), 9_000),
    ] {
        let bulk = Bulk::new(Ways { shape, padding, ..Ways::default() });
        for chunks in [0, 1, 2, 3, 5, 8, 13, 30] {
            let host = bulk.host().delivery(delivery);
            let mut imap = imap(windowed(8), &host);
            let ids: Vec<MessageId> = (1..=12).map(key).collect();
            run(&host, async {
                imap.prefetch(&ids);
                for id in &ids[..3] {
                    let mut body = imap.fetch(id).await.unwrap();
                    for _ in 0..chunks {
                        let _ = body.chunk().await.unwrap();
                    }
                }
                for (uid, id) in (4..).zip(&ids[3..]) {
                    assert_eq!(read(&mut imap, id).await.unwrap(), bulk.text(uid), "{chunks}");
                }
                assert_eq!(read(&mut imap, &ids[1]).await.unwrap(), bulk.text(2), "{chunks}");
            })
            .expect("hangs");
            assert_eq!(host.dials(), 1);
        }
    }
}

/// Another call in the middle of a window, and how many connections it all took.
fn interrupted(window_bytes: u64, padding: usize, call: usize) -> usize {
    let bulk = Bulk::new(Ways { messages: 40, padding, ..Ways::default() });
    let host = bulk.host().delivery(Delivery::Random(5));
    let mut config = windowed(16);
    config.window_bytes = window_bytes;
    let mut imap = imap(config, &host);
    let ids: Vec<MessageId> = (1..=40).map(key).collect();
    run(&host, async {
        imap.prefetch(&ids);
        for (uid, id) in (1..).zip(&ids) {
            assert_eq!(read(&mut imap, id).await.unwrap(), bulk.text(uid), "{call}");
            if uid % 5 != 0 {
                continue;
            }
            match call {
                0 => assert_eq!(imap.list(&Query::all()).await.unwrap().messages.len(), 40),
                1 => imap.settle(std::slice::from_ref(id), &Settle::Seen).await.unwrap(),
                2 => assert_eq!(imap.wait(Duration::from_secs(1)).await.unwrap(), Wake::News),
                3 => assert_eq!(read(&mut imap, &ids[0]).await.unwrap(), bulk.text(1)),
                _ => imap.prefetch(&ids[uid as usize..]),
            }
        }
        Box::new(imap).close().await.unwrap();
    })
    .expect("hangs");
    assert_eq!(bulk.heard().settled.len(), if call == 1 { 8 } else { 0 });
    host.dials()
}

#[test]
fn any_other_call_may_come_in_between_and_what_is_due_is_kept_while_there_is_room() {
    for call in 0..5 {
        assert_eq!(interrupted(4 << 20, 0, call), 1, "{call}");
        assert!(interrupted(5_000, 4_000, call) <= 9, "{call}");
    }
}

#[test]
fn a_server_that_never_says_which_message_it_is_is_given_up_on_and_not_believed() {
    let bulk = Bulk::new(Ways { shape: Shape::Nameless, ..Ways::default() });
    let host = bulk.host();
    let mut imap = imap(windowed(8), &host);
    let seen = run(&host, all(&mut imap, &[1, 2, 3, 4])).expect("hangs");
    assert_eq!(seen, vec!["Protocol Fetch"; 4]);
}

#[test]
fn where_nothing_can_be_parked_messages_out_of_order_come_one_by_one() {
    let bulk = Bulk::new(Ways { order: Order::Down, padding: 5_000, ..Ways::default() });
    let host = bulk.host();
    let mut config = windowed(64);
    config.window_bytes = 1_000;
    let uids: Vec<u32> = (1..=12).collect();
    let mut imap = imap(config, &host);
    assert_eq!(run(&host, all(&mut imap, &uids)).expect("hangs"), texts(&bulk, &uids));
    assert!(host.dials() <= 4, "{}", host.dials());
}

#[test]
fn several_connections_take_turns_and_the_order_stays() {
    let uids: Vec<u32> = (1..=120).collect();
    for (connections, dials) in [(2, usize::MAX), (4, usize::MAX), (4, 2), (3, 1)] {
        for delivery in deliveries() {
            let ways = Ways { messages: 120, missing: vec![5, 70], dials, ..Ways::default() };
            let bulk = Bulk::new(ways);
            let host = bulk.host().delivery(delivery);
            let mut config = windowed(32);
            config.connections = connections;
            let mut imap = imap(config, &host);
            assert_eq!(
                run(&host, all(&mut imap, &uids)).expect("hangs"),
                texts(&bulk, &uids),
                "{connections}"
            );
            let heard = bulk.heard();
            for lane in 0..connections.min(dials) {
                let share = heard.sets.iter().filter(|(dial, _)| *dial == lane).count();
                assert!(share * connections.min(dials) * 2 >= heard.sets.len(), "{lane}: {:?}", heard.sets);
            }
            let tried = if dials < connections { dials + 1 } else { connections };
            assert_eq!(heard.dials, tried, "{connections} {dials}");
        }
    }
}

/// A server that says nothing.
struct Silent;

impl Script for Silent {
    fn greet(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn receive(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}

#[test]
fn nothing_waits_for_a_further_connection() {
    let bulk = Bulk::new(Ways { messages: 40, padding: 9_000, ..Ways::default() });
    let (first, dials) = (bulk.clone(), std::sync::atomic::AtomicUsize::new(0));
    let host = VirtualHost::serve(move || match dials.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => first.session(),
        _ => Box::new(Silent),
    });
    let mut config = windowed(8);
    config.connections = 3;
    let mut imap = imap(config, &host);
    let uids: Vec<u32> = (1..=40).collect();
    run(&host, async {
        assert_eq!(all(&mut imap, &uids).await, texts(&bulk, &uids));
        assert_eq!((host.dials(), host.now()), (2, Duration::ZERO), "one after the other, and nobody waited");
        Box::new(imap).close().await.unwrap();
    })
    .expect("hangs");
    assert_eq!(host.now(), Duration::ZERO);
}

#[test]
fn a_connection_of_several_that_is_cut_costs_one_fetch_at_most() {
    let uids: Vec<u32> = (1..=40).collect();
    let bulk = Bulk::new(Ways { messages: 40, ..Ways::default() });
    let mut config = windowed(8);
    config.connections = 3;
    let whole = bulk.host();
    run(&whole, all(&mut imap(config.clone(), &whole), &uids)).expect("hangs");
    for n in (0..whole.received()).step_by(7) {
        let host: VirtualHost = bulk.host().cut_after(n);
        let mut imap = imap(config.clone(), &host);
        let ids: Vec<MessageId> = uids.iter().map(|uid| key(*uid)).collect();
        run(&host, async {
            imap.prefetch(&ids);
            let mut failures = 0;
            for (uid, id) in (1..).zip(&ids) {
                let mut seen = read(&mut imap, id).await;
                if seen.is_err() {
                    failures += 1;
                    host.heal();
                    seen = read(&mut imap, id).await;
                }
                assert_eq!(seen.unwrap(), bulk.text(uid), "cut after {n}");
            }
            assert!(failures <= 1, "{n}: {failures}");
        })
        .expect("hangs");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_and_the_others_go_on() {
    let bulk = Bulk::new(Ways { padding: 3_000, ..Ways::default() });
    let host = bulk.host();
    let mut config = windowed(8);
    config.max_size = 1_000;
    let mut imap = imap(config, &host);
    let seen = run(&host, all(&mut imap, &[1, 2, 3])).expect("hangs");
    assert_eq!(seen, vec!["Limit Fetch"; 3]);
}

#[test]
fn without_peek_or_in_pieces_nothing_is_asked_for_ahead() {
    let bulk = Bulk::new(Ways::default());
    for pieces in [false, true] {
        let host = bulk.host();
        let mut config = windowed(8);
        (config.peek, config.fetch_size) = (pieces, pieces.then_some(9.try_into().unwrap()));
        let mut imap = imap(config, &host);
        imap.prefetch(&[key(1), key(2)]);
        let _ = run(&host, read(&mut imap, &key(1))).expect("hangs");
        assert!(!host.sent_text().contains("1:2"), "{}", host.sent_text());
    }
}
