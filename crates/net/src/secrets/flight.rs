//! One piece of work at a time for everybody who wants its outcome.

use postrider_core::{Error, ErrorKind, Phase, Repeat, Result, Secret};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// `None` while the work is under way.
type Outcome = Option<Result<Secret, Failure>>;
type Waiting<K> = Arc<Mutex<HashMap<K, watch::Receiver<Outcome>>>>;

/// Work that is under way, by what it is for.
pub(crate) struct Flights<K>(Waiting<K>);

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Flights<K> {
    /// The outcome of the work for `key` that is under way, or else of `work`.
    ///
    /// # Cancellation
    /// The work goes on: others may be waiting for it, and half of it may not be done.
    pub(crate) async fn join(
        &self,
        key: &K,
        work: impl Future<Output = Result<Secret>> + Send + 'static,
    ) -> Result<Secret> {
        let mut waiting = self.enter(key, work);
        let outcome = waiting.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        match outcome {
            Some(Ok(secret)) => Ok(secret),
            Some(Err(failure)) => Err(failure.error()),
            None => {
                let what = "looking up the secret was broken off";
                Err(Error::new(ErrorKind::Plugin, Phase::Authenticate, what))
            }
        }
    }

    fn enter(
        &self,
        key: &K,
        work: impl Future<Output = Result<Secret>> + Send + 'static,
    ) -> watch::Receiver<Outcome> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = flights.get(key) {
            return waiting.clone();
        }
        let (tell, waiting) = watch::channel(None);
        flights.insert(key.clone(), waiting.clone());
        let landing = Landing { flights: Arc::clone(&self.0), key: key.clone() };
        tokio::spawn(async move {
            let outcome = work.await.map_err(|error| Failure::of(&error));
            drop(landing);
            tell.send_replace(Some(outcome));
        });
        waiting
    }
}

/// Whoever comes after it begins anew, also if the work panicked or its runtime ended.
struct Landing<K: Eq + Hash> {
    flights: Waiting<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Landing<K> {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// What can be told of an error to more than one.
#[derive(Clone)]
struct Failure {
    kind: ErrorKind,
    phase: Phase,
    repeat: Repeat,
    message: String,
    advice: Option<String>,
    property: Option<String>,
}

impl Failure {
    fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            phase: error.phase(),
            repeat: error.repeat(),
            message: error.message().to_owned(),
            advice: error.advice().map(str::to_owned),
            property: error.property().map(|(name, _)| name.to_owned()),
        }
    }

    fn error(self) -> Error {
        let mut error = Error::new(self.kind, self.phase, self.message).with_repeat(self.repeat);
        if let Some(advice) = self.advice {
            error = error.with_advice(advice);
        }
        match self.property {
            Some(name) => error.with_property(name, None),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_says_to_everybody_whether_it_may_be_tried_again() {
        let flights = Flights::<u8>::default();
        let work = async {
            Err(Error::new(ErrorKind::Connect, Phase::Connect, "not allowed").with_repeat(Repeat::Never))
        };
        let error = flights.join(&1, work).await.unwrap_err();
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Never));
    }
}
