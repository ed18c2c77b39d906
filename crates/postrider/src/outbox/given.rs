//! The moment from which a message may have been accepted.

use super::{Attempt, Storage};
use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A message that is recorded as being sent at the moment a transport asks for its first byte, and not before: what
/// fails earlier (a connection, a sign-in) leaves no doubt even if the process is killed meanwhile. Nothing of it is
/// given out before the record is on disk.
pub(super) struct Given<'a> {
    storage: &'a dyn Storage,
    attempt: &'a Attempt,
    stopping: &'a AtomicBool,
    state: Mutex<State>,
}

enum State {
    Waiting,
    Given,
    // It could not be recorded, is somebody else's by now, or the worker is to stop.
    Refused,
}

impl<'a> Given<'a> {
    pub(super) fn new(storage: &'a dyn Storage, attempt: &'a Attempt, stopping: &'a AtomicBool) -> Self {
        Self { storage, attempt, stopping, state: Mutex::new(State::Waiting) }
    }

    /// The message as a body, as often as it takes.
    pub(super) fn body(&self) -> Body<'_> {
        let body = Body::generate(false, move |is_out| async move {
            if is_out {
                return Ok(None);
            }
            Ok(Some((self.give().await?, true)))
        });
        body.with_size(self.attempt.size)
    }

    /// True if a transport has had it.
    pub(super) fn is_given(&self) -> bool {
        matches!(*self.state(), State::Given)
    }

    /// True if it was asked for and not given out: then no transport can have sent it.
    pub(super) fn is_refused(&self) -> bool {
        matches!(*self.state(), State::Refused)
    }

    /// Asked for again, by another account, it is recorded again: the worker may have been taken for dead between the
    /// two, and somebody else may have the message.
    async fn give(&self) -> Result<Bytes> {
        let outcome = if self.stopping.load(Ordering::Acquire) {
            Err(stopped())
        } else {
            self.storage.begin(self.attempt).await
        };
        *self.state() = match &outcome {
            Ok(_) => State::Given,
            Err(_) => State::Refused,
        };
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Body,
        Phase::Data,
        "the outbox's worker is to stop, and this message waits for the next one",
    )
}
