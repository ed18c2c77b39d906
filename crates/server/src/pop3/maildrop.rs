//! The INBOX as it was at login, and the deletions asked for since.

use std::sync::Arc;

use crate::store::{PopLock, Store};

/// An open, locked maildrop.
pub(super) struct Maildrop {
    pub(super) entries: Vec<Entry>,
    user: String,
    validity: u32,
    _lock: PopLock,
}

/// A message of it.
pub(super) struct Entry {
    pub(super) bytes: Arc<[u8]>,
    pub(super) unique: String,
    pub(super) deleted: bool,
    uid: u32,
}

impl Maildrop {
    pub(super) fn open(store: &Store, user: &str, lock: PopLock) -> Self {
        let mut state = store.lock();
        let inbox = state.account(user).and_then(|account| account.find("INBOX"));
        let (validity, entries) = inbox.map_or((0, Vec::new()), |inbox| {
            let entry = |m: &crate::store::Message| Entry {
                bytes: Arc::clone(&m.bytes),
                unique: format!("{}-{}", inbox.validity, m.uid),
                deleted: false,
                uid: m.uid,
            };
            (inbox.validity, inbox.messages.iter().map(entry).collect())
        });
        Self { entries, user: user.to_owned(), validity, _lock: lock }
    }

    /// The message of a number that counts from 1, unless deleted.
    pub(super) fn get(&mut self, number: usize) -> Option<&mut Entry> {
        self.entries.get_mut(number.checked_sub(1)?).filter(|entry| !entry.deleted)
    }

    /// Number and entry of all that aren't deleted.
    pub(super) fn present(&self) -> impl Iterator<Item = (usize, &Entry)> {
        (1..).zip(&self.entries).filter(|(_, entry)| !entry.deleted)
    }

    pub(super) fn commit(self, store: &Store) {
        let gone: Vec<u32> = self.entries.iter().filter(|e| e.deleted).map(|e| e.uid).collect();
        let mut state = store.lock();
        if let Some(inbox) = state.account(&self.user).and_then(|account| account.by_validity(self.validity))
        {
            inbox.messages.retain(|m| gone.binary_search(&m.uid).is_err());
        }
        drop(state);
        store.ring();
    }
}
