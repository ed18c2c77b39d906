//! A ledger in memory, for the tests of programs: it forgets with the process, which is what a ledger must not.

use super::{
    Claim, Entry, Fingerprint, Lease, LeaseEnd, Ledger, LedgerError, LedgerErrorKind, MessageKey, Recorded,
    Result, State,
};
use async_trait::async_trait;
use postrider_core::MessageId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A ledger in memory. Clones share it, so that a test can end a watch and begin another over the same.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rows: BTreeMap<(String, MessageId), Row>,
    claimed: BTreeSet<String>,
    errors: VecDeque<LedgerErrorKind>,
}

#[derive(Clone, Debug)]
struct Row {
    generation: String,
    fingerprint: Fingerprint,
    entry: Entry,
}

impl MemoryLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next write fail so. Several queue up.
    pub fn next_error(&self, kind: LedgerErrorKind) {
        self.inner().errors.push_back(kind);
    }

    /// What is known of a message.
    pub fn entry(&self, mailbox: &str, id: &MessageId) -> Option<Entry> {
        self.inner().rows.get(&(mailbox.to_owned(), id.clone())).map(|row| row.entry.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, key: &MessageKey, change: impl FnOnce(&mut Entry) -> T) -> Result<T> {
        let mut inner = self.inner();
        inner.error()?;
        let row = inner.rows.entry((key.mailbox.clone(), key.id.clone())).or_insert_with(|| Row {
            generation: key.generation.clone(),
            fingerprint: key.fingerprint,
            entry: Entry::new(State::Begun, 0, 0, ""),
        });
        Ok(change(&mut row.entry))
    }
}

impl Inner {
    fn error(&mut self) -> Result<()> {
        match self.errors.pop_front() {
            Some(kind) => Err(LedgerError::new(kind, "in memory", "the test lets it fail")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn claim(&self, mailbox: &str) -> Result<Claim> {
        if !self.inner().claimed.insert(mailbox.to_owned()) {
            return Err(LedgerError::new(LedgerErrorKind::InUse, "in memory", "it is claimed already"));
        }
        let end = Held { ledger: self.clone(), mailbox: mailbox.to_owned() };
        Ok(Claim::Held(Lease::new(mailbox, 0, Arc::new(end))))
    }

    async fn entries(&self, lease: &Lease, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
        Ok(ids.iter().map(|id| self.entry(lease.mailbox(), id)).collect())
    }

    async fn recognise(&self, _: &Lease, key: &MessageKey) -> Result<Option<Entry>> {
        let mut inner = self.inner();
        let mut alike: Vec<_> = inner
            .rows
            .iter()
            .filter(|((mailbox, _), row)| *mailbox == key.mailbox && row.fingerprint == key.fingerprint)
            .filter(|(_, row)| key.generation.is_empty() || row.generation != key.generation)
            .map(|(place, row)| (row.entry.state == State::Begun, place.clone()))
            .collect();
        alike.sort();
        let Some((_, place)) = alike.into_iter().next() else { return Ok(None) };
        if key.generation.is_empty() {
            return Ok(inner.rows.get(&place).map(|row| row.entry.clone()));
        }
        let Some(mut row) = inner.rows.remove(&place) else { return Ok(None) };
        row.generation.clone_from(&key.generation);
        let entry = row.entry.clone();
        inner.rows.insert((key.mailbox.clone(), key.id.clone()), row);
        Ok(Some(entry))
    }

    async fn is_of(&self, _: &Lease, key: &MessageKey) -> Result<bool> {
        let inner = self.inner();
        let row = inner.rows.get(&(key.mailbox.clone(), key.id.clone()));
        Ok(row.is_some_and(|row| row.fingerprint == key.fingerprint))
    }

    async fn begin(&self, _: &Lease, key: &MessageKey) -> Result<Entry> {
        self.write(key, |entry| {
            entry.attempts += 1;
            entry.clone()
        })
    }

    async fn fail(&self, _: &Lease, key: &MessageKey, reason: &str) -> Result<Entry> {
        self.write(key, |entry| {
            entry.failures += 1;
            entry.attempts = entry.attempts.max(entry.failures);
            reason.clone_into(&mut entry.reason);
            entry.clone()
        })
    }

    async fn postpone(&self, _: &Lease, key: &MessageKey) -> Result<()> {
        self.write(key, |entry| entry.attempts = entry.attempts.saturating_sub(1).max(entry.failures))
    }

    async fn record(&self, _: &Lease, key: &MessageKey, state: State, reason: &str) -> Result<Recorded> {
        let recorded = self.write(key, |entry| {
            if entry.state != State::Begun {
                return Recorded::Already;
            }
            entry.state = state;
            reason.clone_into(&mut entry.reason);
            Recorded::New
        })?;
        if let (Recorded::New, Some(row)) =
            (recorded, self.inner().rows.get_mut(&(key.mailbox.clone(), key.id.clone())))
        {
            row.fingerprint = key.fingerprint;
        }
        Ok(recorded)
    }

    /// It forgets nothing: a test is over soon.
    async fn forget(&self, _: &Lease, _: &[MessageId], _: u32) -> Result<u64> {
        Ok(0)
    }
}

struct Held {
    ledger: MemoryLedger,
    mailbox: String,
}

impl LeaseEnd for Held {
    fn is_held(&self) -> bool {
        true
    }

    fn release(&self) {
        self.ledger.inner().claimed.remove(&self.mailbox);
    }
}
