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

/// The error of a deadline of `limit` that has passed in `phase`, for whoever keeps it without [`within`].
pub fn timed_out(limit: Duration, phase: Phase) -> Error {
    // What is left of a longer deadline has digits that say nothing.
    let limit = Duration::from_millis(u64::try_from(limit.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX));
    let message = format!("no answer within {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, phase, message).with_advice(if phase == Phase::Greeting {
        "check host and port; a port that expects TLS from the start needs tls=implicit; or raise the timeout property"
    } else {
        "try again later, or raise the timeout property"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_is_told_as_it_was_set_and_a_silent_greeting_hints_at_tls() {
        let error = timed_out(Duration::from_nanos(199_999_810), Phase::Greeting);
        assert_eq!(error.message(), "no answer within 0.2 s");
        assert!(error.advice().unwrap().contains("tls=implicit"));
        assert!(!timed_out(Duration::from_secs(60), Phase::Fetch).advice().unwrap().contains("tls"));
    }
}
