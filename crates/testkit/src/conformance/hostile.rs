//! Servers that are broken or mean, and servers that are not there. For both directions.

use super::bench::{Bench, Condition};
use super::trial::{Check, Kit, broken, not_tried};
use postrider_core::{Connection, Error, ErrorKind, Host, Phase, Result, Target, async_trait};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What may be read of a server that never comes to an end. Reading is not keeping, and a listing of a million
/// messages is an answer too: what counts is that there is an end.
const READ: usize = 24 << 20;

/// Endless lines, endless answers, other protocols and absurd sizes end in an error, soon.
pub(super) fn limits<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let mut tried = 0;
    for condition in
        [Condition::EndlessLine, Condition::EndlessReply, Condition::Garbage, Condition::BogusSize]
    {
        let mut bench = (kit.bench)();
        if !bench.arrange(&condition) {
            continue;
        }
        tried += 1;
        let outcome = (kit.attempt)(kit, &bench, &[], bench.host())?;
        kit.note(&outcome);
        let read = bench.line().map_or(0, |line| line.received());
        match outcome {
            Ok(()) => return broken(format!("{condition:?}: it says that all went well")),
            Err(_) if read > READ => {
                return broken(format!("{condition:?}: it read {read} bytes before it gave up"));
            }
            Err(error) if error.kind() == ErrorKind::Unsure => {
                return broken(format!("{condition:?}: unsure, though nothing was sent: {error}"));
            }
            Err(_) => {}
        }
    }
    if tried == 0 { not_tried("the bench's server always behaves") } else { Ok(()) }
}

/// Nothing that is said ahead of the handshake counts, and nothing is said in the clear that was to be inside TLS.
pub(super) fn starttls<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let mut tried = 0;
    for condition in [Condition::ExtraAfterStartTls, Condition::NoStartTls] {
        let mut bench = (kit.bench)();
        if !bench.arrange(&condition) {
            continue;
        }
        tried += 1;
        let outcome = (kit.attempt)(kit, &bench, &[], bench.host())?;
        kit.note(&outcome);
        if outcome.is_ok() {
            return broken(format!("{condition:?}: it goes on as if nothing had happened"));
        }
    }
    if tried == 0 { not_tried("no STARTTLS here") } else { Ok(()) }
}

/// `timeout` is how long it waits for an answer.
pub(super) fn deadline<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let bench = (kit.bench)();
    let Some(line) = bench.line() else { return not_tried("no virtual clock here") };
    let line = line.stall_after(0);
    let timed = kit.factory.specs().any(|spec| spec.name == "timeout");
    let over = (format!("mail.{}.timeout", kit.factory.name), "2s".to_owned());
    let over: &[_] = if timed { &[over] } else { &[] };
    let begun = line.now();
    let outcome = (kit.attempt)(kit, &bench, over, bench.host())?;
    kit.note(&outcome);
    let took = line.now().saturating_sub(begun);
    let most = Duration::from_secs(if timed { 10 } else { 1_800 });
    match outcome {
        Ok(()) => broken("the server says nothing at all, and it says that all went well"),
        Err(error) if error.kind() != ErrorKind::Timeout => {
            broken(format!("a silent server is {:?}, not Timeout: {error}", error.kind()))
        }
        Err(_) if took > most => broken(format!("it waited {took:?} for a silent server")),
        Err(_) => Ok(()),
    }
}

/// A server that can't be reached is an error of kind `Connect`.
pub(super) fn unreachable<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let bench = (kit.bench)();
    let dials = Arc::new(AtomicUsize::new(0));
    let host = Arc::new(Nowhere { host: bench.host(), dials: Arc::clone(&dials) });
    let outcome = (kit.attempt)(kit, &bench, &[], host)?;
    kit.note(&outcome);
    if dials.load(Ordering::Relaxed) == 0 {
        return not_tried("it connects to nothing");
    }
    match outcome {
        Err(error) if (error.kind(), error.phase()) == (ErrorKind::Connect, Phase::Connect) => Ok(()),
        Err(error) => broken(format!("the host's error came back as {:?}: {error}", error.kind())),
        Ok(()) => broken("there is no connection, and it says that all went well"),
    }
}

struct Nowhere {
    host: Arc<dyn Host>,
    dials: Arc<AtomicUsize>,
}

#[async_trait]
impl Host for Nowhere {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "nobody listens there")
            .with_advice("check host and port"))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }
}
