//! Waiting for a transport that may never come back.

use crate::doctor::observer::Observer;
use crate::doctor::seen::Seen;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A server that always says a little is given up after so many times the patience.
pub(crate) const ROUNDS: u32 = 10;

/// Does the work as long as something happens: silence for twice the patience ends it. The looks have deadlines
/// of their own, each within the patience.
pub(crate) async fn watched<T>(observer: &Observer, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    let limit = observer.patience.saturating_mul(2);
    let mut timer = observer.host.sleep(limit);
    let (mut known, mut rounds) = (observer.notes.open().progress, 0);
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let seen = observer.notes.open();
            rounds += 1;
            if seen.progress == known || rounds > ROUNDS {
                return Poll::Ready(Err(silence(&seen, limit)));
            }
            known = seen.progress;
            drop(seen);
            timer = observer.host.sleep(limit);
        }
    })
    .await
}

/// Where it was when nothing more came.
fn silence(seen: &Seen, limit: Duration) -> Error {
    let phase = if seen.method.is_some() {
        Phase::Authenticate
    } else if seen.greeting.is_some() {
        Phase::Capability
    } else if seen.connected {
        Phase::Greeting
    } else {
        Phase::Connect
    };
    let message = format!("the server said nothing more for {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, phase, message)
        .with_advice("try again later; the server may be overloaded, or a firewall cuts what is said")
}
