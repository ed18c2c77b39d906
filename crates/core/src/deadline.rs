//! Deadlines on the host's clock.

use crate::{Error, ErrorKind, Host, Phase, Result};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Awaits `work`, at most for `limit` on the host's clock.
///
/// # Errors
/// [`ErrorKind::Timeout`] in `phase` when the time is up; `work` is dropped then. Otherwise what `work` gives.
///
/// # Cancellation
/// As `work`.
pub async fn within<T>(
    host: &dyn Host,
    limit: Duration,
    phase: Phase,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    // Most work is ready at once: no timer is made before it has to wait.
    let mut sleep = None;
    poll_fn(|cx| {
        if let Poll::Ready(out) = work.as_mut().poll(cx) {
            return Poll::Ready(out);
        }
        let timer = sleep.get_or_insert_with(|| host.sleep(limit));
        timer.as_mut().poll(cx).map(|()| Err(timed_out(limit, phase)))
    })
    .await
}

fn timed_out(limit: Duration, phase: Phase) -> Error {
    Error::new(ErrorKind::Timeout, phase, format!("no answer within {} s", limit.as_secs_f32())).with_advice(
        "check host and port, and whether the port expects TLS from the start; or raise the timeout property",
    )
}
