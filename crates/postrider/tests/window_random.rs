//! Random schedules: only who was woken is polled, in any order; sends are dropped, refused, and moved to new settings
//! at any time. Nothing hangs, nothing is lost or doubled, and each outcome is its own message's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::Clock;
use common::yard::{Answer, Yard};
use futures_util::stream;
use postrider::*;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// Numbers by chance that are the same for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Receipt>> + 'a>>;

struct Task<'a> {
    sending: Sending<'a>,
    flag: Arc<Flag>,
    number: usize,
}

fn to(number: usize) -> Envelope {
    Envelope::parse(Some("me@example.org"), [format!("n{number}@example.org").as_str()]).unwrap()
}

fn begin(mailer: &Mailer, number: usize, streamed: bool) -> Task<'_> {
    let (envelope, text) = (to(number), number.to_string());
    let sending: Sending<'_> = Box::pin(async move {
        let body = if streamed {
            Body::from_stream(stream::iter([Ok(text.into_bytes().into())]))
        } else {
            text.into_bytes().into()
        };
        mailer.send(&envelope, body).await
    });
    Task { sending, flag: Arc::new(Flag(AtomicBool::new(true))), number }
}

/// What a schedule came to: the outcome of each that was not dropped.
fn run(seed: u64) {
    let mut chance = Chance(seed);
    let (window, connections, grow_at) = (1 + chance.below(6), 1 + chance.below(3), 1 + chance.below(4));
    let many = 1 + chance.below(40);
    let wait = if chance.below(4) == 0 { "mail.mailer.waittimeout=5s\n" } else { "" };
    let most = match chance.below(3) {
        0 => format!("mail.mailer.messagesperconnection={}\n", 1 + chance.below(4)),
        _ => String::new(),
    };
    let applies = chance.below(4) == 0;
    let settings =
        format!("mail.mailer.connections={connections}\nmail.mailer.growat={grow_at}\n{most}{wait}");
    let (yard, clock) = (Yard::new(window), Clock::default());
    let session = yard.session(&clock, &settings);
    let mailer = session.mailer().unwrap();
    let streams = chance.below(3) == 0;
    let (drops, refusals) = (chance.below(3) == 0, chance.below(3) == 0);
    let mut tasks: Vec<Task<'_>> = Vec::new();
    let mut outcomes: HashMap<usize, Result<Receipt>> = HashMap::new();
    let (mut begun, mut steps) = (0, 0);
    while begun < many || !tasks.is_empty() {
        steps += 1;
        assert!(steps < 100_000, "seed {seed}: it is busy without end");
        let woken: Vec<usize> = (0..tasks.len()).filter(|n| tasks[*n].flag.0.load(SeqCst)).collect();
        let dice = chance.below(16);
        if begun < many && (tasks.is_empty() || dice < 4) {
            tasks.push(begin(&mailer, begun, streams && chance.below(4) == 0));
            begun += 1;
        } else if drops && dice == 4 && !tasks.is_empty() {
            let at = chance.below(tasks.len());
            drop(tasks.swap_remove(at));
        } else if applies && dice == 6 && chance.below(4) == 0 {
            let text = format!("mail.transport.protocol=yard\nmail.send.allowreserved=true\n{settings}");
            let mut applying = Box::pin(session.apply(Session::builder().overrides(&text).unwrap()));
            let mut cx = Context::from_waker(Waker::noop());
            while applying.as_mut().poll(&mut cx).is_pending() {}
        } else if dice == 5 || woken.is_empty() {
            // Where nobody was woken there is something to be answered, or all is lost.
            let answer = match chance.below(8) {
                0 if refusals => Answer::No(ErrorKind::Rejected),
                1 if refusals => Answer::Silence,
                2 => Answer::Slowly(2),
                _ => Answer::Yes,
            };
            if woken.is_empty() && begun == many {
                let unheard = yard.state().answers.len();
                assert!(unheard < 64, "seed {seed}: {} hang", tasks.len());
            }
            yard.answer([answer]);
        } else {
            let at = woken[chance.below(woken.len())];
            let task = &mut tasks[at];
            task.flag.0.store(false, SeqCst);
            let waker = Waker::from(Arc::clone(&task.flag));
            if let Poll::Ready(outcome) = task.sending.as_mut().poll(&mut Context::from_waker(&waker)) {
                outcomes.insert(task.number, outcome);
                drop(tasks.swap_remove(at));
            }
        }
    }
    let seen = yard.seen();
    // New settings are tried on a connection of their own.
    assert!(seen.most_open <= connections + usize::from(applies), "seed {seed}");
    assert!(seen.most_in_flight <= window, "seed {seed}");
    let mut taken = yard.taken();
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), count, "seed {seed}: one went out twice");
    for (number, outcome) in outcomes {
        match outcome {
            Ok(receipt) => {
                assert_eq!(receipt.recipients[0].address, to(number).to[0].address, "seed {seed}");
                assert!(taken.binary_search(&number.to_string()).is_ok(), "seed {seed}");
            }
            Err(error) => {
                assert!(refusals, "seed {seed}: {error}");
                assert!(
                    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Unsure),
                    "seed {seed}: {error}"
                );
            }
        }
    }
    futures_util::FutureExt::now_or_never(mailer.close()).unwrap();
    assert_eq!(yard.seen().open, 0, "seed {seed}: a connection that nobody waits for is kept");
}

#[test]
fn whatever_the_schedule_nothing_hangs_is_lost_or_doubled() {
    for seed in 0..3_000 {
        run(seed);
    }
}
