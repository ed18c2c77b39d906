//! How a watched inbox is.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What a watched inbox is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It has not been asked to run, or is connecting for the first time.
    #[default]
    Starting,
    /// It looks through the mailbox and hands over what is new.
    Polling,
    /// It waits for news.
    Idle,
    /// The connection, the server or the ledger failed; it tries again.
    BackingOff {
        /// When, by [`Host::now`](postrider_core::Host::now).
        until: Duration,
        /// Why.
        why: String,
    },
    /// Somebody has to look at the credentials. It tries again by itself, but seldom.
    NeedsAuthentication {
        /// When, by [`Host::now`](postrider_core::Host::now).
        until: Duration,
        /// The server's answer.
        why: String,
    },
    /// Another process has the mailbox; it takes over when that one is gone.
    Standby {
        /// Which one.
        holder: String,
    },
    /// Nobody watches any more: it was asked to stop and did, or its future ended in an error or was dropped.
    Stopped,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Polling => f.write_str("polling"),
            Self::Idle => f.write_str("idle"),
            Self::BackingOff { why, .. } => write!(f, "backing off: {why}"),
            Self::NeedsAuthentication { why, .. } => write!(f, "needs authentication: {why}"),
            Self::Standby { holder } => write!(f, "standby: {holder} has the mailbox"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How many messages came to what, since the watch was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Handed over and done.
    pub handled: u64,
    /// Handed over, and wanted later.
    pub later: u64,
    /// Handed over, and failed.
    pub failed: u64,
    /// Refused by the handler.
    pub refused: u64,
    /// Put aside after too many failures.
    pub quarantined: u64,
    /// Not handed over, because the ledger knew them: settled if that was left undone.
    pub known: u64,
    /// Settled on the server.
    pub settled: u64,
}

/// How a watched inbox is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What it is doing.
    pub health: Health,
    /// It works, but not in all: what is wrong and since when it has not been put right.
    pub degraded: Option<String>,
    /// What it has done.
    pub counts: Counts,
}

impl Status {
    /// True if nobody has to look at it.
    pub fn is_healthy(&self) -> bool {
        self.degraded.is_none()
            && !matches!(self.health, Health::BackingOff { .. } | Health::NeedsAuthentication { .. })
    }
}

/// The host's end of a running watch. Clones are the same.
#[derive(Clone, Debug)]
pub struct WatchHandle(pub(super) Arc<Shared>);

/// What a watch and its handles share.
#[derive(Debug)]
pub(super) struct Shared {
    status: watch::Sender<Status>,
    asked: watch::Sender<Asked>,
    // What is degraded, each by its own name, so that one that was put right does not hide another.
    degraded: Mutex<Vec<(&'static str, String)>>,
    /// What `look` was when the connection of now was begun: with its settings.
    begun: AtomicU64,
}

/// What a host asks of a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) stop: bool,
    /// Counts up.
    pub(super) look: u64,
}

impl WatchHandle {
    pub(super) fn new() -> Self {
        let (status, asked) = (watch::Sender::new(Status::default()), watch::Sender::new(Asked::default()));
        Self(Arc::new(Shared { status, asked, degraded: Mutex::default(), begun: AtomicU64::new(0) }))
    }

    /// How it is now.
    pub fn status(&self) -> Status {
        self.0.status.borrow().clone()
    }

    /// Waits until `wanted` is so of its status, and gives that.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn when(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.0.status.subscribe();
        match status.wait_for(wanted).await {
            Ok(status) => status.clone(),
            // Its sender lives as long as this handle.
            Err(_) => self.status(),
        }
    }

    /// Asks it to stop: it lets the handler finish the message it has, writes that down, settles, says goodbye, and
    /// [`run`](super::Watch::run) ends.
    pub fn stop(&self) {
        self.0.asked.send_modify(|asked| asked.stop = true);
    }

    /// True once it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopped()
    }

    /// Asks it to look at once, whatever it is waiting for: new credentials or settings are there, say.
    pub fn look(&self) {
        self.0.asked.send_modify(|asked| asked.look = asked.look.wrapping_add(1));
    }
}

impl Shared {
    pub(super) fn asked(&self) -> watch::Receiver<Asked> {
        self.asked.subscribe()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.asked.borrow().stop
    }

    /// What was asked up to now is answered by what begins now.
    pub(super) fn begins(&self) {
        self.begun.store(self.asked.borrow().look, Ordering::Relaxed);
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn health(&self, health: Health) {
        self.status.send_if_modified(|status| {
            let new = status.health != health;
            status.health = health;
            new
        });
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counts)) {
        self.status.send_modify(|status| add(&mut status.counts));
    }

    /// Says what is degraded under a name, or that it is not any more.
    pub(super) fn degraded(&self, name: &'static str, why: Option<String>) {
        let mut all = self.degraded.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(other, _)| *other != name);
        all.extend(why.map(|why| (name, why)));
        let whole =
            (!all.is_empty()).then(|| all.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; "));
        self.status.send_if_modified(|status| {
            let new = status.degraded != whole;
            status.degraded = whole;
            new
        });
    }
}
