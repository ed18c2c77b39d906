//! New settings for a running session.

use crate::mailer::Inner;
use crate::pool_connection::{Goodbye, close_all, goodbye};
use crate::pool_desk::Leftover;
use crate::route::Blueprint;
use crate::setup::Setup;
use crate::{Mailer, SessionBuilder};
use postrider_core::{Direction, ErrorKind, Phase, Result, session_property};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a session and its clones share: the setup they are under and the mailers that follow it.
pub(crate) struct Live {
    state: Mutex<State>,
    // One change at a time, in the order they were asked for.
    change: tokio::sync::Mutex<()>,
}

struct State {
    setup: Arc<Setup>,
    mailers: Vec<Weak<Inner>>,
}

/// What [`Session::apply`](crate::Session::apply) found out about new settings before they took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The outgoing transport.
    pub outgoing: Trial,
    /// The incoming transport.
    pub incoming: Trial,
}

/// Whether a transport was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trial {
    /// It connected and signed in.
    Passed,
    /// It can't be tried without sending or receiving.
    Unsupported,
    /// It was not to be tried.
    Skipped,
    /// The settings choose none, or nobody uses it.
    Unused,
}

/// New settings, checked as far as that goes without I/O.
struct Change {
    setup: Setup,
    outgoing: Option<Blueprint>,
    incoming: bool,
}

impl Live {
    pub(crate) fn new(setup: Setup) -> Arc<Self> {
        let state = Mutex::new(State { setup: Arc::new(setup), mailers: Vec::new() });
        Arc::new(Self { state, change: tokio::sync::Mutex::default() })
    }

    pub(crate) fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.state().setup)
    }

    /// A mailer that follows the session's settings.
    pub(crate) fn mailer(&self) -> Result<Mailer> {
        loop {
            let setup = self.setup();
            let mailer = Mailer::of(&setup.blueprint()?);
            let mut state = self.state();
            // Settings that came meanwhile count for this one too.
            if Arc::ptr_eq(&state.setup, &setup) {
                state.mailers.retain(|m| m.strong_count() > 0);
                state.mailers.push(mailer.follow());
                return Ok(mailer);
            }
        }
    }

    pub(crate) async fn apply(&self, settings: SessionBuilder, tried: bool) -> Result<Applied> {
        let _turn = self.change.lock().await;
        let old = self.setup();
        let change = self.check(settings.setup(Some(&old))?, &old)?;
        let mut applied = Applied { outgoing: Trial::Unused, incoming: Trial::Unused };
        if let Some(blueprint) = &change.outgoing {
            applied.outgoing = if tried { try_outgoing(blueprint).await? } else { Trial::Skipped };
        }
        if change.incoming {
            applied.incoming = if tried { try_incoming(&change.setup).await? } else { Trial::Skipped };
        }
        let (goodbyes, leftovers) = self.swap(change)?;
        // Those who waited go on now that nothing is locked, and don't wait for the goodbyes.
        leftovers.into_iter().for_each(Leftover::settle);
        close_all(goodbyes).await;
        Ok(applied)
    }

    /// What works must go on working, and what is chosen must work.
    fn check(&self, setup: Setup, old: &Setup) -> Result<Change> {
        let sent = || self.state().mailers.iter().any(|m| m.strong_count() > 0) || old.blueprint().is_ok();
        let chosen = setup.properties.origin(&session_property::TRANSPORT_PROTOCOL).is_some();
        let outgoing = match setup.blueprint() {
            Ok(blueprint) => Some(blueprint),
            Err(_) if !(sent() || chosen && setup.protocol(Direction::Outgoing).is_ok()) => None,
            Err(error) => return Err(error),
        };
        // One file of settings may serve several programs: one that does not link the transport does not
        // receive.
        let incoming = setup.properties.read(&session_property::STORE_PROTOCOL)?.is_some()
            && (setup.protocol(Direction::Incoming).is_ok() || old.inbox().is_ok());
        if incoming {
            setup.inbox()?;
        }
        Ok(Change { setup, outgoing, incoming })
    }

    /// From here on everything new goes by the new settings. Gives what is left to be done about the old.
    fn swap(&self, change: Change) -> Result<(Vec<Goodbye>, Vec<Leftover>)> {
        let mut state = self.state();
        let mailers: Vec<Arc<Inner>> = state.mailers.iter().filter_map(Weak::upgrade).collect();
        let blueprint = match change.outgoing {
            // Somebody has made the first mailer since the check.
            None if !mailers.is_empty() => Some(change.setup.blueprint()?),
            blueprint => blueprint,
        };
        state.mailers.retain(|m| m.strong_count() > 0);
        state.setup = Arc::new(change.setup);
        let (mut goodbyes, mut leftovers) = (Vec::new(), Vec::new());
        for (mailer, blueprint) in mailers.iter().zip(blueprint.iter().cycle()) {
            let (closing, leftover) = mailer.swap(blueprint);
            goodbyes.extend(closing);
            leftovers.push(leftover);
        }
        Ok((goodbyes, leftovers))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn try_outgoing(blueprint: &Blueprint) -> Result<Trial> {
    let mut transport = (blueprint.make)()?;
    let outcome = transport.connect().await;
    // Whatever a goodbye ends in, the trial is over.
    let _ = goodbye(blueprint.host.as_ref(), transport.close()).await;
    trial(outcome)
}

async fn try_incoming(setup: &Setup) -> Result<Trial> {
    let mut inbox = setup.inbox()?;
    let outcome = inbox.connect().await;
    let _ = goodbye(setup.host.as_ref(), inbox.close()).await;
    trial(outcome)
}

fn trial(outcome: Result<()>) -> Result<Trial> {
    match outcome {
        Ok(()) => Ok(Trial::Passed),
        // A server that can't do what the settings ask is found out later than this phase.
        Err(error) if (error.kind(), error.phase()) == (ErrorKind::Unsupported, Phase::Configure) => {
            Ok(Trial::Unsupported)
        }
        Err(error) => Err(error),
    }
}
