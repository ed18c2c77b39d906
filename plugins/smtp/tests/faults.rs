//! Faults at every byte, judged by a server that knows what it has accepted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::server::{Accepted, Server};
use common::*;
use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{Delivery, VirtualHost, run, run_polls};

fn host(accepted: &Accepted, delivery: Delivery) -> VirtualHost {
    let oracle = accepted.clone();
    VirtualHost::serve(move || Server::boxed(&oracle)).delivery(delivery)
}

/// Pipelined and lock-step, without and with a sign-in.
fn configs() -> [SmtpConfig; 3] {
    let mut lock_step = anonymous(TlsMode::None);
    lock_step.pipelining = false;
    [anonymous(TlsMode::None), lock_step, config(TlsMode::Implicit)]
}

const ONE: &str = "Subject: one\r\n\r\n.\r\nMAIL\r\n";

/// Sends one message over a host with a fault; then, without it, another. Gives the first outcome in a word.
fn one_then_another(config: &SmtpConfig, host: &VirtualHost, accepted: &Accepted, what: &str) -> Ending {
    let mut smtp = smtp(config.clone(), host);
    let Ok(one) = run(host, smtp.send(&to(&["a@x.example", "b@x.example"]), ONE.into())) else {
        panic!("{what}: hangs")
    };
    let copies = accepted.list().iter().filter(|m| *m == ONE).count();
    assert_eq!(accepted.list().len(), copies, "{what}: half a message was handed over");
    let outcome = match &one {
        Ok(_) => {
            assert_eq!(copies, 1, "{what}: a false Delivered");
            Ending::Delivered
        }
        Err(error) if error.outcome() == Outcome::Unsure => Ending::Unsure,
        Err(error) => {
            assert_eq!(copies, 0, "{what}: accepted, and yet {error}");
            assert_eq!(error.repeat(), Repeat::Safe, "{what}: {error}");
            Ending::NotSent
        }
    };
    host.heal();
    let Ok(two) = run(host, smtp.send(&to(&["c@x.example"]), "Subject: two\r\n".into())) else {
        panic!("{what}: the second send hangs")
    };
    assert!(two.is_ok(), "{what}: {two:?}");
    let list = accepted.list();
    assert_eq!(list.iter().filter(|m| *m == ONE).count(), copies, "{what}: sent again");
    assert_eq!(list.len(), copies + 1, "{what}");
    outcome
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Delivered,
    Unsure,
    NotSent,
}

/// How many bytes the server and the client say when nothing goes wrong.
fn lengths(config: &SmtpConfig) -> (usize, usize) {
    let accepted = Accepted::default();
    let host = host(&accepted, Delivery::Whole);
    let mut smtp = smtp(config.clone(), &host);
    run(&host, smtp.send(&to(&["a@x.example", "b@x.example"]), ONE.into())).unwrap().unwrap();
    (host.received(), host.sent().len())
}

#[test]
fn wherever_the_server_is_cut_or_falls_silent_the_outcome_is_true_and_unsure_is_rare() {
    for config in configs() {
        let (total, _) = lengths(&config);
        for delivery in [Delivery::Whole, Delivery::OneByOne] {
            for stall in [false, true] {
                let mut unsure = 0;
                for n in 0..=total {
                    let accepted = Accepted::default();
                    let host = host(&accepted, delivery);
                    let host = if stall { host.stall_after(n) } else { host.cut_after(n) };
                    let what = format!("{n} of {total}, stall {stall}, {delivery:?}");
                    let outcome = one_then_another(&config, &host, &accepted, &what);
                    assert_eq!(outcome == Ending::Delivered, n == total, "{what}");
                    unsure += usize::from(outcome == Ending::Unsure);
                }
                // Only while the very last reply was under way could it have gone either way. A connection
                // that is gone before its first byte is noticed before the end of data goes out.
                let window = "250 ok\r\n".len() - usize::from(!stall);
                assert_eq!(unsure, window, "stall {stall}, {delivery:?}");
            }
        }
    }
}

#[test]
fn wherever_the_client_is_cut_nothing_is_accepted_before_the_last_byte_of_the_terminator() {
    for config in configs() {
        let (_, total) = lengths(&config);
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(3)] {
            for n in 0..=total {
                let accepted = Accepted::default();
                let host = host(&accepted, delivery).cut_client_after(n);
                let what = format!("{n} of {total}, {delivery:?}");
                let outcome = one_then_another(&config, &host, &accepted, &what);
                let want = if n == total { Ending::Delivered } else { Ending::NotSent };
                assert_eq!(outcome, want, "{what}");
            }
        }
    }
}

#[test]
fn a_call_dropped_at_any_await_is_neither_lost_nor_repeated_in_any_configuration() {
    for config in configs() {
        for delivery in [Delivery::OneByOne, Delivery::Random(11), Delivery::Random(12)] {
            let mut after_data = 0;
            for polls in 0..100_000 {
                let accepted = Accepted::default();
                let host = host(&accepted, delivery);
                let mut smtp = smtp(config.clone(), &host);
                let one = run_polls(smtp.send(&to(&["a@x.example"]), ONE.into()), polls);
                let between = accepted.list().len();
                let two = run(&host, smtp.send(&to(&["b@x.example"]), "Subject: two\r\n".into())).unwrap();
                assert!(two.is_ok(), "after {polls} polls: {two:?}");
                assert_eq!(accepted.list().len(), between + 1, "after {polls} polls");
                assert!(accepted.list().iter().all(|m| m == ONE || m == "Subject: two\r\n"));
                after_data += usize::from(one.is_none() && between == 1);
                if one.is_some() {
                    break;
                }
            }
            // Random pauses may leave that moment out; one byte at a time can't.
            let reached = after_data > 0 || delivery != Delivery::OneByOne;
            assert!(reached, "the sweep never reached the time after the data");
        }
    }
}
