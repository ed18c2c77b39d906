//! Many messages in flight, cut at every byte: each outcome is true of its own message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::frozen::Freezing;
use common::oracle::*;
use common::smtp;
use postrider_core::*;
use postrider_smtp::Smtp;
use postrider_testkit::{Delivery, VirtualHost, run};

/// Windows, each with a number of messages that fills it.
fn windows(mode: Mode) -> &'static [(usize, usize)] {
    match mode {
        // One at a time, whatever the window is.
        Mode::LockStep | Mode::ChunkingAlone => &[(8, 4)],
        _ => &[(1, 4), (2, 5), (8, 10), (64, 66)],
    }
}

/// Sends a batch over a host with a fault, and one more message without it.
fn through(
    host: &VirtualHost,
    oracle: &Oracle,
    mode: Mode,
    window: usize,
    count: usize,
    what: &str,
) -> usize {
    let mut smtp = smtp(config(mode, window), host);
    let mut messages = batch(count);
    assert!(run(host, smtp.send_all(&mut messages)).is_ok(), "{what}: hangs");
    let outcomes = messages.outcomes();
    judge(oracle, &outcomes, true, what);
    host.heal();
    let (envelope, body) = letter(count);
    let last = run(host, smtp.send(&envelope, body)).expect("hangs");
    assert!(last.is_ok(), "{what}: {last:?}");
    let unsure = |o: &&Result<Receipt>| o.as_ref().is_err_and(|e| e.outcome() == Outcome::Unsure);
    let unsure = outcomes.iter().filter(unsure).count();
    let all: Vec<_> = outcomes.into_iter().chain([last]).collect();
    judge(oracle, &all, true, what);
    assert!(unsure <= window, "{what}: {unsure} are unsure");
    unsure
}

#[test]
fn wherever_the_server_is_cut_or_falls_silent_every_outcome_is_true() {
    for mode in MODES {
        for &(window, count) in windows(mode) {
            let (total, _) = lengths(mode, window, count);
            let mut unsure = 0;
            for n in 0..=total {
                for stall in [false, true] {
                    let oracle = Oracle::default();
                    let host = Server::host(&oracle, mode, good);
                    let host = if stall { host.stall_after(n) } else { host.cut_after(n) };
                    let what = format!("{mode:?}, window {window}, {n} of {total}, stall {stall}");
                    unsure = unsure.max(through(&host, &oracle, mode, window, count, &what));
                }
            }
            assert!(unsure > 0, "{mode:?}: the cuts never hid an answer");
            let many = window > 1 && matches!(mode, Mode::Chunking | Mode::Chunks);
            assert!(!many || unsure > 1, "{mode:?} {window}: never more than one in flight");
        }
    }
}

#[test]
fn wherever_the_client_is_cut_no_outcome_is_unsure_that_is_not_wholly_there() {
    for mode in MODES {
        for &(window, count) in windows(mode) {
            let (_, total) = lengths(mode, window, count);
            for n in 0..=total {
                let oracle = Oracle::default();
                let host = Server::host(&oracle, mode, good).cut_client_after(n);
                let what = format!("{mode:?}, window {window}, client cut at {n} of {total}");
                through(&host, &oracle, mode, window, count, &what);
            }
        }
    }
}

#[test]
fn one_byte_at_a_time_changes_nothing() {
    for mode in MODES {
        for (window, count) in [(1, 3), (2, 4), (8, 5)] {
            let (total, sent) = lengths(mode, window, count);
            for n in 0..=total.max(sent) {
                for fault in 0..3 {
                    let oracle = Oracle::default();
                    let host = Server::host(&oracle, mode, good).delivery(Delivery::OneByOne);
                    let host = match fault {
                        0 => host.cut_after(n),
                        1 => host.stall_after(n),
                        _ => host.cut_client_after(n),
                    };
                    let what = format!("{mode:?}, window {window}, fault {fault} at {n}");
                    through(&host, &oracle, mode, window, count, &what);
                }
            }
        }
    }
}

#[test]
fn a_batch_dropped_at_any_await_loses_and_doubles_nothing() {
    for mode in MODES {
        for &(window, count) in windows(mode) {
            for delivery in [Delivery::OneByOne, Delivery::Random(5)] {
                let mut in_flight = 0;
                // A window of many is met here and there, or this would take all day.
                let step = if count > 10 { 61 } else { 1 };
                for steps in (1..).step_by(step) {
                    let oracle = Oracle::default();
                    let host = Server::host(&oracle, mode, good).delivery(delivery);
                    let freezing = Freezing::new(&host, steps);
                    let mut smtp = Smtp::new(config(mode, window), freezing.host());
                    let mut messages = batch(count);
                    let ended = freezing.drop_at_the_last(smtp.send_all(&mut messages)).is_some();
                    let told = messages.outcomes();
                    let what = format!("{mode:?}, window {window}, {steps} steps");
                    // What was taken and not reported is unsure to the caller, whether or not it was all there.
                    let unsure = |error: &Error| error.outcome() == Outcome::Unsure;
                    let reported = |o: &&Result<Receipt>| !o.as_ref().is_err_and(unsure);
                    assert!(told.iter().filter(|o| !reported(o)).count() <= window, "{what}");
                    for (n, outcome) in told.iter().enumerate() {
                        match outcome {
                            Ok(_) => assert_eq!(oracle.copies(n), 1, "{what}"),
                            Err(error) if unsure(error) => {
                                in_flight += oracle.copies(n);
                                assert!(oracle.copies(n) <= 1, "{what}");
                            }
                            Err(error) => assert_eq!(oracle.copies(n), 0, "{what}: {error}"),
                        }
                    }
                    let before: usize = (0..count).map(|n| oracle.copies(n)).sum();
                    let (envelope, body) = letter(count);
                    assert!(run(&host, smtp.send(&envelope, body)).unwrap().is_ok(), "{what}");
                    let after: usize = (0..count).map(|n| oracle.copies(n)).sum();
                    assert_eq!(after, before, "{what}: sent later");
                    if ended {
                        assert!(steps > 8 * count, "{what}: the sweep is too short");
                        break;
                    }
                }
                assert!(in_flight > 0, "{mode:?} {window}: no drop ever hid an answer");
            }
        }
    }
}
