//! What the tests of the facade share: transports that live in the test and count what happens to them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod yard;

use postrider::*;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What is seen of all connections of a test together.
#[derive(Default)]
pub struct Line {
    pub dials: AtomicUsize,
    pub open: AtomicUsize,
    pub most_open: AtomicUsize,
    pub sent: AtomicUsize,
    /// A transport was used although an earlier send on it had not come to its end.
    pub used_while_busy: AtomicUsize,
    /// Goodbyes begun, and those that were waited for.
    pub goodbyes: AtomicUsize,
    pub closed: AtomicUsize,
    /// What the next sends end in.
    pub failures: Mutex<VecDeque<Error>>,
    /// What the sends after these end in, each in its turn; `None` is a success.
    pub ends: Mutex<VecDeque<Option<Error>>>,
    /// The envelopes and bytes that were sent.
    pub messages: Mutex<Vec<(Envelope, Vec<u8>)>>,
    /// How often a send or goodbye gives way before it goes on.
    pub pauses: AtomicUsize,
    /// What the next trial ends in, and how many there were.
    pub trial: Mutex<Option<Error>>,
    pub trials: AtomicUsize,
    /// A goodbye is never answered.
    pub deaf: bool,
}

struct Connected(Arc<Line>);

impl Connected {
    fn dial(line: &Arc<Line>) -> Self {
        line.dials.fetch_add(1, SeqCst);
        let open = line.open.fetch_add(1, SeqCst) + 1;
        line.most_open.fetch_max(open, SeqCst);
        Self(Arc::clone(line))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

/// An outgoing transport that pauses on its way, as one on a network does.
pub struct Pigeon {
    line: Arc<Line>,
    connection: Option<Connected>,
    busy: bool,
}

impl Pigeon {
    pub fn new(line: &Arc<Line>) -> Self {
        Self { line: Arc::clone(line), connection: None, busy: false }
    }

    async fn pause(&self) {
        for _ in 0..self.line.pauses.load(SeqCst) {
            give_way().await;
        }
    }
}

/// Pending once.
pub async fn give_way() {
    let mut waited = false;
    poll_fn(|cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl OutgoingTransport for Pigeon {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        if self.busy {
            self.line.used_while_busy.fetch_add(1, SeqCst);
        }
        self.busy = true;
        if self.connection.is_none() {
            self.connection = Some(Connected::dial(&self.line));
        }
        self.pause().await;
        let bytes = body.read_all(1 << 30).await?;
        let failure = self.line.failures.lock().unwrap().pop_front();
        self.busy = false;
        let end = self.line.ends.lock().unwrap().pop_front().flatten();
        if let Some(error) = failure.or(end) {
            return Err(error);
        }
        self.line.sent.fetch_add(1, SeqCst);
        self.line.messages.lock().unwrap().push((envelope.clone(), bytes.to_vec()));
        Ok(receipt(envelope))
    }

    async fn connect(&mut self) -> Result<()> {
        self.line.trials.fetch_add(1, SeqCst);
        self.pause().await;
        match self.line.trial.lock().unwrap().take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.line.goodbyes.fetch_add(1, SeqCst);
        self.pause().await;
        if self.line.deaf {
            std::future::pending::<()>().await;
        }
        self.line.closed.fetch_add(1, SeqCst);
        Ok(())
    }
}

pub fn receipt(envelope: &Envelope) -> Receipt {
    let ok = Reply::new("250", None, "ok");
    let verdicts =
        envelope.to.iter().map(|r| RecipientOutcome::new(r.address.clone(), Verdict::Accepted(ok.clone())));
    Receipt::new(ok.clone(), verdicts.collect())
}

/// A registry whose `pigeon` flies this line.
pub fn registry(line: &Arc<Line>) -> Registry {
    let mut registry = Registry::empty();
    add(&mut registry, "pigeon", line);
    registry
}

/// Adds a transport of this name that flies this line.
pub fn add(registry: &mut Registry, name: &'static str, line: &Arc<Line>) {
    let line = Arc::clone(line);
    let make = move |_: &Properties, _: Arc<dyn Host>| {
        Ok(Box::new(Pigeon::new(&line)) as Box<dyn OutgoingTransport>)
    };
    let factory = TransportFactory::outgoing(name, Box::leak(Box::new(make)));
    registry.add(Box::leak(Box::new(factory)), "this test").unwrap();
}

/// A session that sends by pigeon, to reserved domains too, with these further settings.
pub fn session(line: &Arc<Line>, host: &Clock, overrides: &str) -> Result<Session> {
    Session::builder()
        .property("mail.transport.protocol", "pigeon")
        .property("mail.send.allowreserved", "true")
        .overrides(overrides)?
        .registry(registry(line))
        .host(Arc::new(host.clone()))
        .build()
}

/// A host whose clock is set by the test and that connects to nothing.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<(Duration, Vec<Waker>)>>);

impl Clock {
    pub fn pass(&self, time: Duration) {
        let mut state = self.0.lock().unwrap();
        state.0 += time;
        state.1.drain(..).for_each(Waker::wake);
    }
}

#[async_trait]
impl Host for Clock {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "this host has no network"))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.clone();
        let due = self.now() + duration;
        Box::pin(poll_fn(move |cx: &mut Context<'_>| {
            let mut state = clock.0.lock().unwrap();
            if state.0 >= due {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        }))
    }

    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }
}

pub fn envelope() -> Envelope {
    Envelope::parse(Some("me@example.org"), ["you@example.org"]).unwrap()
}

/// Ends a test that would hang.
pub async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("hangs")
}
