//! Refusals, goodbyes and failing bodies in the middle of a window: the message they are of, and no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::oracle::*;
use common::smtp;
use postrider_core::*;
use postrider_testkit::{body, run};

const COUNT: usize = 5;

/// What is answered, to which verb, and how the message it concerns ends.
type Case = (&'static str, &'static str, &'static str, Outcome);

const CASES: [Case; 12] = [
    ("MAIL", "<s", "553 5.7.1 not you", Outcome::Rejected),
    ("MAIL", "<s", "451 4.3.0 later", Outcome::Deferred),
    ("RCPT", "<r", "550 5.1.1 who", Outcome::Rejected),
    ("RCPT", "<r", "450 4.2.1 busy", Outcome::Deferred),
    ("BDAT", "m", "554 5.6.0 not this", Outcome::Rejected),
    ("BDAT", "m", "452 4.3.1 full", Outcome::Deferred),
    ("END", "m", "554 5.7.1 spam", Outcome::Rejected),
    ("END", "m", "451 4.7.1 later", Outcome::Deferred),
    ("MAIL", "<s", "421 4.3.2 bye", Outcome::Deferred),
    ("RCPT", "<r", "421 4.3.2 bye", Outcome::Deferred),
    ("BDAT", "m", "421 4.3.2 bye", Outcome::Deferred),
    ("END", "m", "421 4.3.2 bye", Outcome::Deferred),
];

/// The answer of a case to message number N. A table, for a server's oddity is a plain function.
fn odd<const CASE: usize, const N: usize>(verb: &str, line: &str) -> Option<&'static str> {
    let (of, begins, answer, _) = CASES[CASE];
    let end = if of == "END" || of == "BDAT" { "\r" } else { "@" };
    // A part of a message may be all there is to see of it: the first one names it.
    let names = line.contains(&format!("{begins}{N}{end}")) || (of == "BDAT" && line == format!("m{N}"));
    (verb == of && names).then_some(answer)
}

fn odds(n: usize) -> Vec<Odd> {
    fn of<const N: usize>() -> Vec<Odd> {
        vec![
            odd::<0, N>,
            odd::<1, N>,
            odd::<2, N>,
            odd::<3, N>,
            odd::<4, N>,
            odd::<5, N>,
            odd::<6, N>,
            odd::<7, N>,
            odd::<8, N>,
            odd::<9, N>,
            odd::<10, N>,
            odd::<11, N>,
        ]
    }
    match n {
        0 => of::<0>(),
        1 => of::<1>(),
        2 => of::<2>(),
        3 => of::<3>(),
        _ => of::<4>(),
    }
}

#[test]
fn a_refusal_at_any_command_of_any_message_is_that_message_s_alone() {
    for mode in MODES {
        for window in [1, 2, 8, 64] {
            for n in 0..COUNT {
                for (case, odd) in odds(n).into_iter().enumerate() {
                    let (verb, _, answer, outcome) = CASES[case];
                    let by_data = matches!(mode, Mode::LockStep | Mode::Pipelining);
                    if verb == "BDAT" && by_data {
                        continue;
                    }
                    let what = format!("{mode:?}, window {window}, {answer} to {verb} of {n}");
                    let oracle = Oracle::default();
                    let host = Server::host(&oracle, mode, odd);
                    let mut smtp = smtp(config(mode, window), &host);
                    let mut messages = batch(COUNT);
                    assert!(run(&host, smtp.send_all(&mut messages)).is_ok(), "{what}: hangs");
                    let outcomes = messages.outcomes();
                    judge(&oracle, &outcomes, false, &what);
                    let error = outcomes[n].as_ref().expect_err(&what);
                    assert_eq!(error.outcome(), outcome, "{what}: {error}");
                    assert_eq!(error.reply().unwrap().to_string(), answer, "{what}");
                    let goodbye = answer.starts_with("421");
                    for (other, outcome) in outcomes.iter().enumerate().filter(|(other, _)| *other != n) {
                        // What was under way behind a goodbye goes over the next connection if it can be read
                        // again, and is told to be not sent if not.
                        let lost = goodbye && other > n && other % 3 == 2;
                        match outcome {
                            Ok(_) => {}
                            Err(error) => {
                                assert!(lost, "{what}: {other}: {error}");
                                assert_eq!(error.repeat(), Repeat::Safe, "{what}: {other}: {error}");
                            }
                        }
                    }
                    // A goodbye in place of the first answer to a message is no word on it: it is tried once more.
                    // Unless its body is under way already and can't be read twice.
                    let begun = n % 3 == 2 && matches!(mode, Mode::Chunking | Mode::Chunks);
                    let again = usize::from(verb == "MAIL" && n > 0 && !begun);
                    let dials = if goodbye { 1 + again + usize::from(n + 1 < COUNT) } else { 1 };
                    assert_eq!(host.dials(), dials, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_body_that_fails_in_the_middle_of_a_window_takes_nothing_with_it() {
    for mode in MODES {
        for window in [1, 2, 8, 64] {
            for n in 0..COUNT {
                let what = format!("{mode:?}, window {window}, body {n} fails");
                let oracle = Oracle::default();
                let host = Server::host(&oracle, mode, good);
                let mut smtp = smtp(config(mode, window), &host);
                let messages = (0..COUNT).map(|i| {
                    let (envelope, whole) = letter(i);
                    (envelope, if i == n { body::failing_after("m9\r\nhalf") } else { whole })
                });
                let mut messages = Messages::new(messages.collect());
                assert!(run(&host, smtp.send_all(&mut messages)).is_ok(), "{what}: hangs");
                let outcomes = messages.outcomes();
                judge(&oracle, &outcomes, false, &what);
                for (i, outcome) in outcomes.iter().enumerate() {
                    match outcome {
                        Ok(_) => assert_ne!(i, n, "{what}"),
                        Err(error) => {
                            assert_eq!((i, error.kind()), (n, ErrorKind::Body), "{what}: {error}");
                            assert_eq!(error.outcome(), Outcome::NotSent, "{what}");
                        }
                    }
                }
            }
        }
    }
}

/// Refuses recipient r1 and everybody whose name begins with "x".
fn picky(verb: &str, line: &str) -> Option<&'static str> {
    (verb == "RCPT" && (line.contains("<r1@") || line.contains("<x"))).then_some("550 5.1.1 who")
}

#[test]
fn recipients_keep_their_own_outcomes_and_without_sendpartial_nobody_gets_half_a_list() {
    for mode in MODES {
        for partial in [false, true] {
            let what = format!("{mode:?}, partial {partial}");
            let oracle = Oracle::default();
            let host = Server::host(&oracle, mode, picky);
            let mut config = config(mode, 8);
            config.send_partial = partial;
            let mut smtp = smtp(config, &host);
            let lists = [&["r0@x"][..], &["r1@x", "r2@x"], &["x@x", "r1@x"], &["r3@x", "r4@x"]];
            let messages = lists.iter().enumerate().map(|(n, to)| {
                (Envelope::parse(Some("s@x"), to.iter().copied()).unwrap(), text(n).into_bytes().into())
            });
            let mut messages = Messages::new(messages.collect());
            run(&host, smtp.send_all(&mut messages)).unwrap();
            let words: Vec<_> = messages.outcomes().iter().map(common::word).collect();
            let second = if partial { "delivered 1" } else { "Rejected Recipient" };
            assert_eq!(words, ["delivered 1", second, "Rejected Recipient", "delivered 2"], "{what}");
            let copies: Vec<_> = (0..4).map(|n| oracle.copies(n)).collect();
            assert_eq!(copies, [1, usize::from(partial), 0, 1], "{what}");
        }
    }
}
