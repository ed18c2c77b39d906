//! Random batches to random servers: every outcome is true of its message, and nothing is sent twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::anonymous;
use common::frozen::Freezing;
use common::model::Moody;
use common::model_batch::{Drip, Plan};
use common::model_memory::{Dice, Memory};
use postrider_core::*;
use postrider_smtp::Smtp;
use postrider_testkit::{Delivery, VirtualHost, run};
use std::num::NonZeroUsize;

const EXTENSIONS: [&str; 4] = [
    "250 8BITMIME\r\n",
    "250 PIPELINING\r\n",
    "250-PIPELINING\r\n250-SIZE 1000000\r\n250 CHUNKING\r\n",
    "250 CHUNKING\r\n",
];

/// What a run came to, so that a model that never tries anything is noticed.
#[derive(Debug, Default)]
struct Tally {
    delivered: usize,
    refused: usize,
    unsure: usize,
    unsent: usize,
    dropped: usize,
}

fn play(seed: u64, tally: &mut Tally) {
    let mut dice = Dice(seed);
    let memory = Memory::default();
    let extensions = EXTENSIONS[[0, 1, 1, 2, 2, 2, 2, 3][dice.roll(8)]];
    let mut config = anonymous(TlsMode::None);
    config.window.messages = [1, 2, 3, 8, 64, 128][dice.roll(6)];
    config.window.bytes = [1, 200, 4 << 20][dice.roll(3)];
    config.window.chunk = NonZeroUsize::new([0, 1, 2, 7, 64, 256 << 10][dice.roll(6)]);
    config.send_partial = dice.one_in(2);
    config.pipelining = !dice.one_in(8);
    let partial = config.send_partial;
    let most = [4, 12, 40][dice.roll(3)];
    let count = 1 + dice.roll(most);
    let plans: Vec<_> = (0..count).map(|n| Plan::roll(&mut dice, n)).collect();
    let what = format!("seed {seed}: {extensions:?} {:?} partial {partial}", config.window);
    let server = memory.clone();
    let mut dial = 0;
    let host = VirtualHost::serve(move || {
        dial += 1;
        Box::new(Moody::new(&server, seed, dial, extensions))
    });
    let host = if dice.one_in(2) { host.delivery(Delivery::Random(seed)) } else { host };
    let cut = dice.one_in(8);
    let host = if cut { host.cut_client_after(50 + dice.roll(2_000)) } else { host };
    let dropped = dice.one_in(4);
    let most = [20, 200, 2_000][dice.roll(3)];
    let freezing = Freezing::new(&host, if dropped { 1 + dice.roll(most) } else { usize::MAX });
    let mut smtp = Smtp::new(config, freezing.host());
    let mut batch = Drip { plans: &plans, dice: dice.clone(), given: 0, outcomes: Vec::new() };
    if dropped {
        freezing.drop_at_the_last(smtp.send_all(&mut batch));
        tally.dropped += 1;
    } else {
        assert!(run(&host, smtp.send_all(&mut batch)).is_ok(), "{what}: hangs");
        assert_eq!(batch.outcomes.len(), count, "{what}");
        assert!(batch.outcomes.iter().all(Option::is_some), "{what}: a message without an outcome");
    }
    let before = memory.seen().copies();
    memory.seen().healed = true;
    host.heal();
    let mut outcomes = batch.outcomes;
    outcomes.resize_with(count, || None);
    // A last one, once the server is well: whatever came before has no part in it.
    let last = Plan { to: vec![format!("r{count}-0@x")], text: b"the last".to_vec(), fails: false };
    let envelope = Envelope::parse(Some(&format!("s{count}@x")), [last.to[0].as_str()]).unwrap();
    let end = run(&host, smtp.send(&envelope, "the last".into())).unwrap();
    assert!(end.is_ok(), "{what}: {end:?}");
    outcomes.push(Some(end));
    let plans: Vec<_> = plans.into_iter().chain([last]).collect();
    let seen = memory.seen();
    assert_eq!(seen.copies(), before + 1, "{what}: something was sent behind the caller's back");
    let calm = seen.faults.is_empty() && !cut;
    let what = format!("{what}, faults {:?}, cut {cut}", seen.faults);
    assert!(seen.misdeeds.is_empty(), "{what}: {:?}", seen.misdeeds);
    assert!(seen.taken.keys().all(|n| *n <= count), "{what}: smuggled");
    for (n, (plan, outcome)) in plans.iter().zip(&outcomes).enumerate() {
        let what = format!("{what}, message {n}: {outcome:?}");
        let copies = seen.taken.get(&n).map(Vec::as_slice).unwrap_or_default();
        let refusals = seen.refusals.get(&n).map(Vec::as_slice).unwrap_or_default();
        assert!(copies.len() <= 1, "{what}: sent twice");
        for (to, body) in copies {
            assert!(
                *body == plan.arrives(),
                "{what}: arrived as {}, not {}",
                body.escape_ascii(),
                plan.arrives().escape_ascii()
            );
            assert!(!plan.fails, "{what}: half a message");
            assert!(to.iter().all(|r| plan.to.contains(r)), "{what}: went to {to:?}");
            assert!(partial || to.len() == plan.to.len(), "{what}: went to {to:?}");
        }
        match outcome {
            // Given up: all that can be said was.
            None => assert!(dropped, "{what}"),
            Some(Ok(receipt)) => {
                tally.delivered += 1;
                assert_eq!(copies.len(), 1, "{what}");
                let accepted = receipt.recipients.iter().filter(|r| r.verdict.is_accepted());
                let accepted: Vec<_> = accepted.map(|r| r.address.as_str().to_owned()).collect();
                assert_eq!(accepted, copies[0].0, "{what}");
                let own = if n % 3 == 0 { "taken".to_owned() } else { format!("taken as {n}") };
                assert_eq!(receipt.reply.text(), own, "{what}");
                for recipient in &receipt.recipients {
                    let words = recipient.verdict.reply().map_or("", |reply| reply.text());
                    let own = ["ok", "no", "no\nno"].contains(&words)
                        || words.trim_start_matches("yes\n") == recipient.address.as_str();
                    assert!(own, "{what}: {words:?}");
                }
            }
            Some(Err(error)) => {
                let by = |class: u16| refusals.iter().any(|code| code / 100 == class);
                match error.outcome() {
                    Outcome::Unsure => {
                        tally.unsure += 1;
                        // Only an answer that did not come leaves doubt.
                        let goodbye = seen.refusals.values().flatten().any(|code| *code == 421);
                        assert!(!calm || goodbye, "{what}");
                        assert!(!plan.fails, "{what}: its end never left");
                    }
                    Outcome::Rejected => {
                        tally.refused += 1;
                        assert!(copies.is_empty() && by(5), "{what}: {refusals:?}");
                    }
                    Outcome::Deferred => {
                        tally.refused += 1;
                        let goodbye = seen.faults.iter().any(|f| f.starts_with("Goodbye"));
                        // 552 may mean "too many at once".
                        assert!(copies.is_empty() && (by(4) || by(5) || goodbye), "{what}: {refusals:?}");
                    }
                    _ => {
                        tally.unsent += 1;
                        assert!(copies.is_empty(), "{what}");
                        let goodbye = seen.refusals.values().flatten().any(|code| *code == 421);
                        assert!(!calm || plan.fails || goodbye || !refusals.is_empty(), "{what}");
                    }
                }
                let unsure = error.recipients().iter().any(|r| r.verdict == Verdict::Unsure);
                assert!(!unsure || error.outcome() == Outcome::Unsure, "{what}");
            }
        }
    }
}

#[test]
fn whatever_the_server_s_mood_each_outcome_is_true_and_nothing_is_sent_twice() {
    let first = std::env::var("MODEL_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let seeds = std::env::var("MODEL_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(1_500);
    let mut tally = Tally::default();
    for seed in first..first + seeds {
        play(seed, &mut tally);
    }
    let least = [tally.delivered, tally.refused, tally.unsure, tally.unsent, tally.dropped].into_iter().min();
    assert!(seeds < 1_000 || least > Some(100), "the model tried too little: {tally:?}");
}
