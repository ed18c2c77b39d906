//! Transports that break the contract, or make no haste to end: no task of the others hangs, hears of another's
//! message or keeps a connection open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use futures_util::FutureExt;
use postrider::*;
use postrider_testkit::run_polls;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

fn config(connections: usize) -> MailerConfig {
    let mut config = MailerConfig::default();
    config.connections = connections;
    config.rules.allow_reserved = true;
    config
}

fn host() -> Arc<dyn Host> {
    Arc::new(Clock::default())
}

/// Ends every batch without asking for a message.
struct Deaf;

#[async_trait]
impl OutgoingTransport for Deaf {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        unreachable!()
    }

    async fn send_all(&mut self, _: &mut dyn Batch<'_>) {}

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_transport_that_never_asks_for_a_message_fails_it_and_does_not_keep_the_thread() {
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mailer = Mailer::new("deaf", &config(2), host(), || Ok(Box::new(Deaf))).unwrap();
        let envelope = envelope();
        let sends = (0..3).map(|_| mailer.send(&envelope, "x".into()));
        let sends: Vec<_> = sends.collect();
        told.send(run_polls(Box::pin(futures_util::future::join_all(sends)), 1_000)).unwrap();
    });
    let outcomes = hears.recv_timeout(std::time::Duration::from_secs(60)).expect("it hangs").expect("waits");
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Plugin, Outcome::NotSent), "{error}");
    }
}

#[tokio::test]
async fn a_factory_that_panics_takes_one_task_along_and_those_behind_it_go_on() {
    let line = Arc::new(Line::default());
    let panics = Arc::new(AtomicUsize::new(0));
    let mailer = {
        let (line, panics) = (line.clone(), panics.clone());
        Mailer::new("pigeon", &config(1), host(), move || {
            if panics.load(SeqCst) > 0 {
                panics.fetch_sub(1, SeqCst);
                panic!("the factory panics");
            }
            Ok(Box::new(Pigeon::new(&line)))
        })
        .unwrap()
    };
    line.pauses.store(1, SeqCst);
    let first = envelope();
    let mut busy = Box::pin(mailer.send(&first, Body::from_reader(&b"busy"[..])));
    assert!(run_polls(busy.as_mut(), 1).is_none());
    // Streams wait for a connection alone, and a message behind them.
    let send = |body: Body<'static>| Box::pin(mailer.send(&first, body));
    let mut stream = send(Body::from_reader(&b"a"[..]));
    let mut message = send("b".into());
    assert!(run_polls(stream.as_mut(), 1).is_none() && run_polls(message.as_mut(), 1).is_none());
    drop(busy);
    panics.store(1, SeqCst);
    // The message's task looks for a connection for the stream's.
    let unlucky = std::panic::AssertUnwindSafe(|| run_polls(message.as_mut(), 1));
    assert!(std::panic::catch_unwind(unlucky).is_err());
    drop(message);
    in_time(stream).await.unwrap();
    assert_eq!(line.sent.load(SeqCst), 1);
}

/// Answers when it is let, and then has something left to do until it is let once more.
#[derive(Default)]
struct Gates {
    open: AtomicUsize,
    gates: Mutex<HashMap<String, (bool, Option<Waker>)>>,
}

impl Gates {
    async fn pass(&self, name: String) {
        poll_fn(|cx| {
            let mut gates = self.gates.lock().unwrap();
            let gate = gates.entry(name.clone()).or_default();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn let_pass(&self, name: &str) {
        let waker = {
            let mut gates = self.gates.lock().unwrap();
            let gate = gates.entry(name.to_owned()).or_default();
            gate.0 = true;
            gate.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

struct Gated(Arc<Gates>);

impl Drop for Gated {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl OutgoingTransport for Gated {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        unreachable!()
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let mut index = 0;
        while let Some((envelope, body)) = poll_fn(|cx| batch.poll_message(cx)).await {
            let text = String::from_utf8(body.read_all(99).await.unwrap().to_vec()).unwrap();
            self.0.pass(text.clone()).await;
            batch.report(index, Ok(receipt(&envelope)));
            index += 1;
            self.0.pass(format!("after {text}")).await;
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_connection_not_at_its_end_when_the_last_task_has_its_answer_is_not_left_open() {
    let gates = Arc::new(Gates::default());
    let mailer = {
        let gates = gates.clone();
        Mailer::new("gated", &config(2), host(), move || {
            gates.open.fetch_add(1, SeqCst);
            Ok(Box::new(Gated(gates.clone())))
        })
        .unwrap()
    };
    let envelope = envelope();
    let mut a = Box::pin(mailer.send(&envelope, "a".into()));
    let mut b = Box::pin(mailer.send(&envelope, "b".into()));
    assert!(run_polls(a.as_mut(), 1).is_none());
    assert!(run_polls(b.as_mut(), 1).is_none());
    // b has its answer and goes, since a still waits; b's connection is not at its end.
    gates.let_pass("b");
    assert!(run_polls(b.as_mut(), 1).expect("b waits for nothing").is_ok());
    drop(b);
    gates.let_pass("a");
    gates.let_pass("after a");
    // a sees to both: its own is done, the other one not.
    if run_polls(a.as_mut(), 2).is_none() {
        gates.let_pass("after b");
        in_time(a).await.unwrap();
    } else {
        gates.let_pass("after b");
        drop(a);
    }
    drop(mailer);
    assert_eq!(gates.open.load(SeqCst), 0, "a connection outlives its mailer");
}

/// A transport that does anything it may and some things that it may not.
struct Wild {
    seen: Arc<Seen>,
    state: u64,
}

#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    // How often each text was taken, and what was said of it first.
    taken: Mutex<BTreeMap<String, (usize, Option<bool>)>>,
    tame: AtomicBool,
    most_flying: AtomicUsize,
}

impl Wild {
    fn chance(&mut self, of: u64) -> bool {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33).is_multiple_of(of)
    }

    fn below(&mut self, n: usize) -> usize {
        self.chance(2);
        (self.state >> 33) as usize % n.max(1)
    }
}

impl Drop for Wild {
    fn drop(&mut self) {
        self.seen.open.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl OutgoingTransport for Wild {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut one = Messages::new(vec![(envelope.clone(), body)]);
        self.send_all(&mut one).await;
        one.outcomes().remove(0)
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let (mut index, mut ended) = (0, false);
        let mut flying: Vec<(usize, Envelope, String)> = Vec::new();
        loop {
            let tame = self.seen.tame.load(SeqCst);
            if !ended && flying.len() < 6 {
                let next = poll_fn(|cx| Poll::Ready(batch.poll_message(cx))).await;
                match next {
                    Poll::Ready(None) => ended = true,
                    Poll::Ready(Some((envelope, body))) => {
                        let text = String::from_utf8(body.read_all(99).await.unwrap().to_vec()).unwrap();
                        self.seen.taken.lock().unwrap().entry(text.clone()).or_default().0 += 1;
                        flying.push((index, envelope, text));
                        self.seen.most_flying.fetch_max(flying.len(), SeqCst);
                        index += 1;
                        if self.chance(2) {
                            continue;
                        }
                    }
                    Poll::Pending if flying.is_empty() => {
                        poll_fn(|cx| batch.poll_message(cx).map(|m| assert!(m.is_none()))).await;
                        ended = true;
                    }
                    Poll::Pending => {}
                }
            }
            if ended && flying.is_empty() {
                while self.chance(3) {
                    give_way().await;
                }
                return;
            }
            while self.chance(3) {
                give_way().await;
            }
            if !tame {
                if self.chance(97) {
                    return;
                }
                if self.chance(131) {
                    panic!("wild");
                }
                if self.chance(13) {
                    // Nothing that there is, and something that was said before.
                    batch.report(index + 7, Err(Error::new(ErrorKind::Rejected, Phase::Sender, "bogus")));
                    if flying.iter().all(|(n, ..)| *n != 0) && index > 0 {
                        batch.report(0, Err(Error::new(ErrorKind::Rejected, Phase::Sender, "bogus")));
                    }
                }
            }
            // Any of them, not the oldest.
            if !flying.is_empty() && (self.chance(2) || ended || flying.len() == 6) {
                let at = self.below(flying.len());
                let (n, envelope, text) = flying.remove(at);
                let good = !self.chance(5);
                self.seen.taken.lock().unwrap().get_mut(&text).unwrap().1 = Some(good);
                let outcome = if good {
                    let mut receipt = receipt(&envelope);
                    receipt.reply = Reply::new("250", None, &text);
                    Ok(receipt)
                } else if !tame && self.chance(4) {
                    Err(Error::new(ErrorKind::Plugin, Phase::EndOfData, text))
                } else {
                    Err(Error::new(ErrorKind::Deferred, Phase::EndOfData, text))
                };
                batch.report(n, outcome);
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        give_way().await;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        give_way().await;
        Ok(())
    }
}

/// What one task heard: of each text, whether it was sent, or that it can't know.
async fn hears(mailer: &Mailer, texts: impl Iterator<Item = (usize, String)>) -> Vec<(String, Option<bool>)> {
    let envelope = envelope();
    let mut heard = Vec::new();
    for (n, text) in texts {
        if n % 17 == 3 {
            mailer.close().await;
        }
        let body = || match n % 7 {
            0 => Body::from_reader(std::io::Cursor::new(text.clone().into_bytes())),
            _ => text.clone().into_bytes().into(),
        };
        if n % 5 == 1 {
            let mut sending = Box::pin(mailer.send(&envelope, body()));
            let mut polls = n % 4;
            let given_up = poll_fn(|cx| match sending.as_mut().poll(cx) {
                Poll::Pending if polls > 0 => {
                    polls -= 1;
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            });
            let _ = std::panic::AssertUnwindSafe(given_up).catch_unwind().await;
            continue;
        }
        // A panic of the transport takes whom it hits along; here that is this one message.
        let sending = std::panic::AssertUnwindSafe(mailer.send(&envelope, body()));
        let outcome = sending.catch_unwind().await;
        let said = match outcome {
            Err(_) => None,
            Ok(Ok(receipt)) => {
                assert_eq!(receipt.reply.text(), text, "the outcome of another message");
                Some(true)
            }
            Ok(Err(error)) if error.outcome() == Outcome::Unsure => None,
            Ok(Err(error)) => {
                assert_eq!(error.message(), text, "the outcome of another message");
                Some(false)
            }
        };
        heard.push((text, said));
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_a_transport_does_each_task_hears_of_its_own_message_and_nothing_stays_behind() {
    let mut most_flying = 0;
    for seed in 0..12u64 {
        let seen = Arc::new(Seen::default());
        let mailer = {
            let (seen, made) = (seen.clone(), AtomicUsize::new(0));
            Mailer::new("wild", &config(1 + seed as usize % 3), host(), move || {
                seen.open.fetch_add(1, SeqCst);
                let state = seed * 1_000 + made.fetch_add(1, SeqCst) as u64;
                Ok(Box::new(Wild { seen: seen.clone(), state }))
            })
            .unwrap()
        };
        let tasks: Vec<_> = (0..16usize)
            .map(|task| {
                let mailer = mailer.clone();
                tokio::spawn(async move {
                    hears(&mailer, (0..40).map(|n| (task * 3 + n, format!("{task}-{n}")))).await
                })
            })
            .collect();
        let mut heard = Vec::new();
        for task in tasks {
            heard.extend(in_time(task).await.unwrap());
        }
        {
            let taken = seen.taken.lock().unwrap();
            assert!(taken.values().all(|(times, _)| *times == 1), "{seed}: taken twice");
            for (text, said) in heard {
                let fact = taken.get(&text).and_then(|(_, fact)| *fact);
                assert!(said.is_none() || said == fact, "{seed} {text}: {said:?} {fact:?}");
            }
        }
        most_flying = most_flying.max(seen.most_flying.load(SeqCst));
        // It goes on working, and with it everything goes.
        seen.tame.store(true, SeqCst);
        let all = (0..20).map(|n| in_time(hears(&mailer, [(n * 7 + 2, format!("last {n}"))].into_iter())));
        futures_util::future::join_all(all).await;
        mailer.close().await;
        assert_eq!(seen.open.load(SeqCst), 0, "{seed}: a connection is left");
    }
    // Not each time: a thread that has all to itself may send one after the other.
    assert!(most_flying > 1);
}
