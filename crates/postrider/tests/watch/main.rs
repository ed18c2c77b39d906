//! The watched inbox on virtual time: what is handed over, written down and settled, in which order, whatever fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod failures;
mod handing;
mod looks;
mod rebuilt;

use postrider::ledger::{MemoryLedger, State};
use postrider::*;
use postrider_memory::Memory;
use postrider_testkit::VirtualHost;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The name of the mailbox in the ledger.
const NAME: &str = "test";

/// A mailbox, a ledger and a clock, all inside the test.
struct World {
    host: VirtualHost,
    memory: Memory,
    ledger: MemoryLedger,
    config: WatchConfig,
    events: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        let host = VirtualHost::serve(|| panic!("nobody connects"));
        let (memory, ledger) = (Memory::new(), MemoryLedger::new());
        Self { host, memory, ledger, config: WatchConfig::default(), events: Arc::default() }
    }

    fn configured(mut self, change: impl FnOnce(&mut WatchConfig)) -> Self {
        change(&mut self.config);
        self
    }

    fn watch(&self, handler: impl Handler + 'static) -> Watch {
        let (memory, host, events) =
            (self.memory.clone(), Arc::new(self.host.clone()), Arc::clone(&self.events));
        let lent = host.clone();
        let make = move || Ok(Inbox::new(Box::new(memory.incoming(lent.clone()))));
        let watch =
            Watch::over(NAME, host, make, self.config.clone(), Arc::new(self.ledger.clone()), handler);
        watch.unwrap().observed(move |event| events.lock().unwrap().push(told(event)))
    }

    /// Runs a watch until `done` is so of its status, then stops it and waits for its end.
    fn run(&self, handler: impl Handler + 'static, done: impl Fn(&Status) -> bool) -> Status {
        let watch = self.watch(handler);
        let handle = watch.handle();
        let outcome = postrider_testkit::run(&self.host, async {
            let stop = async {
                handle.when(&done).await;
                handle.stop();
            };
            let (outcome, ()) = futures_util::future::join(watch.run(), stop).await;
            outcome
        });
        outcome.expect("the watch does not hang").expect("the watch ends well");
        handle.status()
    }

    /// Drops a watch in its tracks when it gets no further without time passing: the same as a kill, as far as the
    /// mailbox and the ledger can tell.
    fn kill(&self, handler: impl Handler + 'static) {
        let ended = postrider_testkit::run_polls(self.watch(handler).run(), 1_000);
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
    }

    fn state(&self, id: &MessageId) -> Option<State> {
        self.ledger.entry(NAME, id).map(|entry| entry.state)
    }

    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }
}

/// The event and the number of the message.
fn told(event: &Event<'_>) -> String {
    let last = |id: &MessageId| id.as_str().rsplit('/').next().unwrap().to_owned();
    match event {
        Event::Fetched(id) => format!("fetched {}", last(id)),
        Event::Handing(id) => format!("handing {}", last(id)),
        Event::Answered(id) => format!("answered {}", last(id)),
        Event::Recorded(id) => format!("recorded {}", last(id)),
        Event::Postponed(id) => format!("postponed {}", last(id)),
        Event::Failed(id, why) => format!("failed {} {why}", last(id)),
        Event::Quarantined(id, why) => format!("quarantined {} {why}", last(id)),
        Event::Known(id) => format!("known {}", last(id)),
        Event::Settled(ids, how) => {
            format!("settled {} {how:?}", ids.iter().map(last).collect::<Vec<_>>().join(" "))
        }
        Event::Trouble(why) => format!("trouble {why}"),
        _ => "another".to_owned(),
    }
}

fn message(subject: &str) -> Vec<u8> {
    format!("From: them@example.net\r\nSubject: {subject}\r\n\r\nOne line.\r\n").into_bytes()
}

/// Handles everything and notes the subjects.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn subjects(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn handler(&self) -> impl Handler + 'static {
        let notes = self.clone();
        move |arrival: Arrival| {
            notes.0.lock().unwrap().push(subject(&arrival));
            async { Ok(Answer::Done) }
        }
    }

    /// Answers what the test gives for each message, one after the other; then `Done`.
    fn answering(&self, answers: Vec<Result<Answer, HandlerError>>) -> impl Handler + 'static {
        let (notes, answers) = (self.clone(), Arc::new(Mutex::new(VecDeque::from(answers))));
        move |arrival: Arrival| {
            notes.0.lock().unwrap().push(subject(&arrival));
            let answer = answers.lock().unwrap().pop_front().unwrap_or(Ok(Answer::Done));
            async { answer }
        }
    }
}

fn subject(arrival: &Arrival) -> String {
    arrival.headers().unwrap().subject().unwrap_or_default().to_owned()
}

fn idle(status: &Status) -> bool {
    status.health == Health::Idle
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
