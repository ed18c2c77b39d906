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

/// Some are polled a few times and then left lying; those that are polled come to their end by the clock alone.
fn run_with_liars(seed: u64, most: usize) {
    let mut chance = Chance(seed);
    let (window, connections, grow_at) = (1 + chance.below(6), 1 + chance.below(3), 1 + chance.below(4));
    let settings = format!("mail.mailer.connections={connections}\nmail.mailer.growat={grow_at}\n");
    let (yard, clock) = (Yard::new(window), Clock::default());
    let mailer = yard.session(&clock, &settings).mailer().unwrap();
    let (many, odds) = (2 + chance.below(most), 1 + chance.below(8));
    let mut tasks: Vec<(Task<'_>, usize)> = (0..many)
        .map(|n| {
            let lies = n + 1 < many && chance.below(odds + 1) > 0;
            // Of more than the door lets in at once, those that lie see to nothing when they are called.
            let polls = if many > 512 { 1 } else { chance.below(4) };
            let polls = if lies { polls } else { usize::MAX };
            (begin(&mailer, n, false), polls)
        })
        .collect();
    let starts = chance.below(2 * many);
    let (mut steps, mut looks) = (0, 0);
    while tasks.iter().any(|(_, polls)| *polls == usize::MAX) {
        if steps == starts {
            yard.always(Answer::Yes);
        }
        steps += 1;
        assert!(steps < 400_000, "seed {seed}: it is busy without end");
        let woken: Vec<usize> =
            (0..tasks.len()).filter(|n| tasks[*n].1 > 0 && tasks[*n].0.flag.0.load(SeqCst)).collect();
        if woken.is_empty() {
            yard.always(Answer::Yes);
            if !tasks.iter().any(|(task, polls)| *polls > 0 && task.flag.0.load(SeqCst)) {
                clock.pass(std::time::Duration::from_millis(500));
                looks += 1;
                assert!(looks < 12, "seed {seed}: {} hang", tasks.len());
            }
            continue;
        }
        let at = woken[chance.below(woken.len())];
        let (task, polls) = &mut tasks[at];
        if *polls != usize::MAX {
            *polls -= 1;
        }
        task.flag.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&task.flag));
        if let Poll::Ready(outcome) = task.sending.as_mut().poll(&mut Context::from_waker(&waker)) {
            let receipt = outcome.unwrap();
            assert_eq!(receipt.recipients[0].address, to(task.number).to[0].address, "seed {seed}");
            drop(tasks.swap_remove(at));
            looks = 0;
        }
    }
    // Of those that lay there some go, and the others come to their end when they are polled.
    let mut rest: Vec<_> =
        tasks.into_iter().filter(|_| chance.below(2) == 0).map(|(task, _)| task.sending).collect();
    let mut rounds = 0;
    while !rest.is_empty() {
        rest.retain_mut(|sending| match sending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome.is_err(),
            Poll::Pending => true,
        });
        rounds += 1;
        assert!(rounds < 10_000, "seed {seed}: {} hang", rest.len());
    }
    let mut taken = yard.taken();
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), count, "seed {seed}: one went out twice");
    assert!(yard.seen().most_open <= connections, "seed {seed}");
    futures_util::FutureExt::now_or_never(mailer.close()).unwrap();
    assert_eq!(yard.seen().open, 0, "seed {seed}: a connection that nobody waits for is kept");
}

#[test]
fn whoever_lies_those_that_are_polled_come_to_their_end() {
    for seed in 0..1_500 {
        run_with_liars(seed, 40);
    }
    for seed in 0..12 {
        run_with_liars(seed, 2_000);
    }
}

/// As an executor of one future that parks its thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

#[test]
fn threads_that_park_until_they_are_woken_come_to_their_end_without_a_clock() {
    for (connections, window, grow_at) in [(1, 1, 1), (1, 8, 1), (2, 3, 2), (3, 8, 4)] {
        let settings = format!("mail.mailer.connections={connections}\nmail.mailer.growat={grow_at}\n");
        let yard = Yard::new(window);
        let mailer = yard.session(&Clock::default(), &settings).mailer().unwrap();
        let (done, finished) = std::sync::mpsc::channel();
        for thread in 0..6 {
            let (mailer, done) = (mailer.clone(), done.clone());
            std::thread::spawn(move || {
                for n in 0..200 {
                    let number = thread * 1_000 + n;
                    let outcome = block_on(mailer.send(&to(number), number.to_string().into_bytes().into()));
                    assert_eq!(outcome.unwrap().recipients[0].address, to(number).to[0].address);
                }
                done.send(()).unwrap();
            });
        }
        let mut left = 6;
        let start = std::time::Instant::now();
        while left > 0 {
            assert!(start.elapsed().as_secs() < 60, "{left} threads hang");
            if yard.state().answers.len() < 2 {
                yard.answer([Answer::Yes]);
            }
            while finished.try_recv().is_ok() {
                left -= 1;
            }
            std::thread::yield_now();
        }
        assert_eq!(yard.taken().len(), 1_200);
        assert!(yard.seen().most_open <= connections);
    }
}
