//! One message, from the spool to the ledger.

use super::event::{Event, Observer};
use super::{Answer, Arrival, Handler, Marks, Quarantine, WatchConfig, arrival, quarantine};
use crate::Spool;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use postrider_core::{Error, Host, MessageId, MessageInfo, Settle};
use postrider_store::ledger::{
    Entry, Fingerprint, Lease, Ledger, LedgerError, LedgerErrorKind, MessageKey, State,
};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More of a reason is not kept.
const LONGEST_REASON: usize = 500;

/// A message that has arrived, with what is known of it by its key.
pub(super) struct Whole {
    pub(super) info: MessageInfo,
    pub(super) content: Spool,
    pub(super) fingerprint: Fingerprint,
    pub(super) entry: Option<Entry>,
}

/// What became of it.
pub(super) enum Dealt {
    /// It is written down: now it may be settled so.
    Over(State),
    /// It was written down before.
    Known(State),
    /// It is to be handed over again; so often it was handed over in vain.
    Again(u32),
    /// It is to be put aside, and that failed.
    Stuck(Error),
}

/// All it takes to deal with messages.
pub(super) struct Dealer {
    pub(super) config: WatchConfig,
    pub(super) host: Arc<dyn Host>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) observer: Option<Observer>,
    /// What became of messages that the ledger could not take, by their keys there. As long as the process lives their
    /// handlers are not asked again.
    pub(super) unwritten: Mutex<BTreeMap<MessageId, Unwritten>>,
}

/// What is still to be written down of a message.
#[derive(Clone)]
pub(super) struct Unwritten {
    fingerprint: Fingerprint,
    state: State,
    reason: String,
}

enum Outcome {
    Answer(Answer),
    Failure(String),
}

impl Dealer {
    /// Hands a message over, unless that has been done, and writes down what became of it.
    pub(super) async fn deal(&self, lease: &Lease, whole: Whole) -> Result<Dealt, LedgerError> {
        let Whole { info, content, fingerprint, entry } = whole;
        let mut key = MessageKey::new(lease, &info.id, info.stable, fingerprint);
        let entry = match entry {
            Some(entry) if entry.state == State::Begun || self.ledger.is_of(lease, &key).await? => {
                Some(entry)
            }
            // The server has given the key of a message that was handled to another one: only its content tells.
            Some(_) => {
                key = MessageKey::new(lease, &info.id, false, fingerprint);
                self.ledger.entries(lease, std::slice::from_ref(&key.id)).await?.pop().flatten()
            }
            None => self.ledger.recognise(lease, &key).await?,
        };
        if let Some(entry) = entry.as_ref().filter(|entry| entry.state != State::Begun) {
            self.tell(&Event::Known(&info.id));
            return Ok(Dealt::Known(entry.state));
        }
        if !lease.is_held() {
            let what = format!("the mailbox {} is another's by now", lease.mailbox().escape_debug());
            return Err(LedgerError::new(LedgerErrorKind::Lost, "lease", what));
        }
        let marks = match arrival::parsed(&content) {
            Ok(header) => Marks::of(&header, &self.config.own),
            Err(error) => return Ok(Dealt::Stuck(error)),
        };
        let attempt = entry.as_ref().map_or(0, |entry| entry.attempts).saturating_add(1);
        let mut arrival = Arrival { id: info.id, key, flags: info.flags, content, attempt, marks };
        if let Some(unwritten) = self.unwritten(&arrival.key) {
            self.write_down(lease, &arrival, unwritten.state, &unwritten.reason).await?;
            return Ok(Dealt::Over(unwritten.state));
        }
        if let Some(reason) = entry.as_ref().and_then(|entry| self.hopeless(entry)) {
            return self.put_aside(lease, &arrival, State::Quarantined, &reason).await;
        }
        let begun = self.ledger.begin(lease, &arrival.key).await?;
        if begun.state != State::Begun {
            self.tell(&Event::Known(&arrival.id));
            return Ok(Dealt::Known(begun.state));
        }
        arrival.attempt = begun.attempts;
        self.tell(&Event::Handing(&arrival.id));
        let outcome = self.handle(arrival.clone()).await;
        self.tell(&Event::Answered(&arrival.id));
        match outcome {
            Outcome::Answer(Answer::Done) => {
                self.write_down(lease, &arrival, State::Done, "").await?;
                Ok(Dealt::Over(State::Done))
            }
            Outcome::Answer(Answer::Later) => {
                self.ledger.postpone(lease, &arrival.key).await?;
                self.tell(&Event::Postponed(&arrival.id));
                Ok(Dealt::Again(0))
            }
            Outcome::Answer(Answer::Refuse(reason)) => {
                self.put_aside(lease, &arrival, State::Refused, &short(&reason)).await
            }
            Outcome::Failure(reason) => {
                let entry = self.ledger.fail(lease, &arrival.key, &reason).await?;
                self.tell(&Event::Failed(&arrival.id, &reason));
                match self.hopeless(&entry) {
                    // The handler may have written the key down in a transaction of its own before it failed.
                    _ if entry.state != State::Begun => Ok(Dealt::Over(entry.state)),
                    Some(reason) => self.put_aside(lease, &arrival, State::Quarantined, &reason).await,
                    None => Ok(Dealt::Again(entry.failures)),
                }
            }
        }
    }

    async fn handle(&self, arrival: Arrival) -> Outcome {
        let handling = AssertUnwindSafe(async { self.handler.handle(arrival).await }).catch_unwind();
        let deadline = self.host.sleep(self.config.deadline);
        match select(pin!(handling), deadline).await {
            Either::Left((Ok(Ok(answer)), _)) => Outcome::Answer(answer),
            Either::Left((Ok(Err(error)), _)) => Outcome::Failure(short(&error.to_string())),
            Either::Left((Err(panic), _)) => {
                let words = panic
                    .downcast_ref::<&str>()
                    .map(|words| (*words).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned());
                Outcome::Failure(short(&format!("the handler panicked: {}", words.unwrap_or_default())))
            }
            Either::Right(_) => {
                let seconds = self.config.deadline.as_secs_f64();
                Outcome::Failure(format!("the handler took longer than {seconds} s"))
            }
        }
    }

    /// Why it is not to be handed over again, if it is not.
    fn hopeless(&self, entry: &Entry) -> Option<String> {
        if entry.failures >= self.config.failures {
            let why = if entry.reason.is_empty() { "no reason was given" } else { &entry.reason };
            return Some(format!("failed {} times, at last: {why}", entry.failures));
        }
        (entry.interruptions() >= self.config.interruptions)
            .then(|| format!("the process ended {} times while it was handled", entry.interruptions()))
    }

    async fn put_aside(
        &self,
        lease: &Lease,
        arrival: &Arrival,
        state: State,
        reason: &str,
    ) -> Result<Dealt, LedgerError> {
        if let Quarantine::Folder(folder) = &self.config.quarantine
            && let Err(error) = quarantine::put(folder, arrival, reason).await
        {
            return Ok(Dealt::Stuck(error));
        }
        self.write_down(lease, arrival, state, reason).await?;
        self.tell(&Event::Quarantined(&arrival.id, reason));
        Ok(Dealt::Over(state))
    }

    /// Records what became of a message; what the ledger can't take is kept until it can.
    async fn write_down(
        &self,
        lease: &Lease,
        arrival: &Arrival,
        state: State,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let key = &arrival.key;
        match self.ledger.record(lease, key, state, reason).await {
            Ok(_) => {
                self.all_unwritten().remove(&key.id);
                self.tell(&Event::Recorded(&arrival.id));
                Ok(())
            }
            // It is another's to handle now.
            Err(error) if error.kind() == LedgerErrorKind::Lost => {
                self.all_unwritten().remove(&key.id);
                Err(error)
            }
            Err(error) => {
                let unwritten = Unwritten { fingerprint: key.fingerprint, state, reason: reason.to_owned() };
                self.all_unwritten().insert(key.id.clone(), unwritten);
                Err(error)
            }
        }
    }

    fn unwritten(&self, key: &MessageKey) -> Option<Unwritten> {
        self.all_unwritten().get(&key.id).filter(|one| one.fingerprint == key.fingerprint).cloned()
    }

    fn all_unwritten(&self) -> MutexGuard<'_, BTreeMap<MessageId, Unwritten>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a message on the server.
    pub(super) fn settling(&self, state: State) -> Settle {
        match (state, &self.config.quarantine) {
            (State::Done, _) | (_, Quarantine::Folder(_)) => self.config.settle.clone(),
            (_, Quarantine::Move(mailbox)) => Settle::Move(mailbox.clone()),
            (_, Quarantine::Keep) => Settle::Keep,
        }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

fn short(reason: &str) -> String {
    reason.chars().take(LONGEST_REASON).collect()
}
