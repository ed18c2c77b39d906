//! What a call through a loaded plugin costs over the same call linked.
//!
//! ```text
//! cd crates/loader/benches/cost
//! cargo build --release
//! target/release/cost                  # nanoseconds of this thread on a processor, both ways in turn, medians
//! for way in linked loaded; do for count in 1000 3000; do
//!   valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/cost send $way $count 2>&1 | grep refs
//! done; done                           # instructions: the difference of two counts, so that start-up falls out
//! ```
//!
//! Instead of `send` also `connect` (a call without values), `batch` (100 small messages in a `send_all()` for each count)
//! and `stream` (a message of 100 MiB for each count).

use bytes::Bytes;
use postrider_core::{
    Body, Connection, Direction, Envelope, Error, ErrorKind, Host, Messages, OutgoingTransport, Phase,
    Properties, Registry, Result, Secret, SecretRef, Target, async_trait,
};
use postrider_loader::{LoadExt, Policy};
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const CHUNK: usize = 64 << 10;
/// Messages of a batch.
const BATCH: usize = 100;
const CHUNKS: usize = (100 << 20) / CHUNK;

struct Nowhere;

#[async_trait]
impl Host for Nowhere {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Connect, "this host has no network"))
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    async fn secret(&self, _: &SecretRef) -> Result<Secret> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Configure, "this host has no secrets"))
    }
}

/// Nothing here waits, so a future is done when it is polled.
fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return out;
        }
    }
}

fn transport(way: &str) -> Result<Box<dyn OutgoingTransport>> {
    let (properties, host) = (Properties::new([]), Arc::new(Nowhere));
    if way == "linked" {
        let postrider_core::Make::Outgoing(make) = cost::FACTORY.make else { unreachable!("it is outgoing") };
        return make(&properties, host);
    }
    let program = std::env::current_exe().expect("a program has a path");
    let library = program.with_file_name("libcost.so");
    let mut registry = Registry::empty();
    registry.load(&library, &Policy::new())?;
    assert!(registry.factory(Direction::Outgoing, "cost").is_ok(), "the library has the transport");
    registry.outgoing("cost", &properties, host)
}

struct Work {
    envelope: Envelope,
    small: Bytes,
    chunk: Bytes,
}

impl Work {
    fn new() -> Result<Self> {
        let line = b"A line of text as it stands in a message, 64 octets with its end.\r\n";
        Ok(Self {
            envelope: Envelope::parse(Some("sender@example.org"), ["recipient@example.com"])?,
            small: Bytes::from_static(b"Subject: hello\r\n\r\nHello.\r\n"),
            chunk: line.iter().copied().cycle().take(CHUNK).collect(),
        })
    }

    fn once(&self, what: &str, transport: &mut dyn OutgoingTransport) -> Result<()> {
        match what {
            "connect" => done(transport.connect()),
            "batch" => {
                let message = |_| (self.envelope.clone(), Body::from_bytes(self.small.clone()));
                let mut batch = Messages::new((0..BATCH).map(message).collect());
                done(transport.send_all(&mut batch));
                black_box(batch.outcomes()).into_iter().try_for_each(|outcome| outcome.map(drop))
            }
            "send" => self.sent(transport, Body::from_bytes(self.small.clone())),
            _ => {
                let chunk = &self.chunk;
                let body = Body::generate(0, move |n| {
                    let next = (n < CHUNKS).then(|| (chunk.clone(), n + 1));
                    async move { Ok(next) }
                });
                self.sent(transport, body)
            }
        }
    }

    fn sent(&self, transport: &mut dyn OutgoingTransport, body: Body<'_>) -> Result<()> {
        black_box(done(transport.send(&self.envelope, body))?);
        Ok(())
    }

    /// Nanoseconds of one call in a batch.
    fn timed(&self, what: &str, transport: &mut dyn OutgoingTransport, calls: u32) -> Result<f64> {
        let start = spent();
        for _ in 0..calls {
            self.once(what, transport)?;
        }
        Ok((spent() - start) / f64::from(calls))
    }
}

/// Nanoseconds that this thread has had a processor: what others do on a busy machine is not in it. The kernel brings it
/// up to date a few hundred times a second, so a batch has to be much longer than that.
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that keeps the time");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds")
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn compare(work: &Work, what: &str, calls: u32, batches: usize) -> Result<()> {
    let (mut linked, mut loaded) = (transport("linked")?, transport("loaded")?);
    let (mut short, mut long, mut over) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that both meet the same other load; the first batch only warms up.
    for batch in 0..=batches {
        let (a, b) = (work.timed(what, &mut *linked, calls)?, work.timed(what, &mut *loaded, calls)?);
        if batch > 0 {
            short.push(a);
            long.push(b);
            over.push(b - a);
        }
    }
    let (a, b, more) = (median(short), median(long), median(over));
    println!(
        "{what:8} linked {a:12.0} ns   loaded {b:12.0} ns   over linked {more:8.0} ns   ratio {:.3}",
        b / a
    );
    Ok(())
}

fn main() -> Result<()> {
    let (work, words) = (Work::new()?, std::env::args().skip(1).collect::<Vec<_>>());
    let [what, way, count] = &words[..] else {
        compare(&work, "connect", 1_000_000, 21)?;
        compare(&work, "send", 100_000, 21)?;
        compare(&work, "batch", 1_000, 21)?;
        return compare(&work, "stream", 1, 11);
    };
    let mut transport = transport(way)?;
    for _ in 0..count.parse().expect("a count") {
        work.once(what, &mut *transport)?;
    }
    Ok(())
}
