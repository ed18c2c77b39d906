//! Users, their mailboxes and their messages, behind one lock and one bell that rings at every change.

mod account;
mod mailbox;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub(crate) use account::{Account, NameError};
pub(crate) use mailbox::{Mailbox, Message};

use crate::dates;

/// All the server holds.
pub(crate) struct Store {
    state: Mutex<State>,
    bell: watch::Sender<u64>,
    domain: String,
}

/// What the lock guards.
pub(crate) struct State {
    accounts: BTreeMap<String, Account>,
    /// Users whose POP3 mailbox is taken.
    locked: BTreeSet<String>,
    next_validity: u32,
    limit: usize,
    /// Never less than what is held; made exact when that matters.
    bytes: usize,
    messages: usize,
}

/// Empty messages take memory too.
const MOST_MESSAGES: usize = 1_000_000;

/// Why a message wasn't kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NoSuchMailbox,
    Full,
}

impl Store {
    pub(crate) fn new(domain: &str, limit: usize) -> Self {
        let state = State {
            accounts: BTreeMap::new(),
            locked: BTreeSet::new(),
            next_validity: u32::try_from(dates::now()).unwrap_or(1).max(1),
            limit,
            bytes: 0,
            messages: 0,
        };
        Self { state: Mutex::new(state), bell: watch::Sender::new(0), domain: domain.to_owned() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bell that rings at every change from now on.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    pub(crate) fn ring(&self) {
        self.bell.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn add_user(&self, name: &str, password: &str) {
        let key = self.key(name);
        let mut state = self.lock();
        let first = state.take_validities(16);
        state.accounts.insert(key, Account::new(password, first));
    }

    /// The account a login name or address belongs to.
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        let key = self.key(name);
        self.lock().accounts.contains_key(&key).then_some(key)
    }

    pub(crate) fn password(&self, key: &str) -> Option<String> {
        self.lock().accounts.get(key).map(|account| account.password.clone())
    }

    /// Keeps a message; returns its UIDVALIDITY and UID.
    pub(crate) fn append(
        &self,
        user: &str,
        mailbox: &str,
        bytes: Arc<[u8]>,
        flags: Vec<String>,
        date: i64,
    ) -> Result<(u32, u32), Refused> {
        let mut state = self.lock();
        if !state.make_room(bytes.len(), 1) {
            return Err(Refused::Full);
        }
        let target =
            state.account(user).and_then(|account| account.find(mailbox)).ok_or(Refused::NoSuchMailbox)?;
        let uid = target.add(bytes, flags, date);
        let validity = target.validity;
        drop(state);
        self.ring();
        Ok((validity, uid))
    }

    /// Puts a message into the INBOX of each user, or of none. `note` runs before anyone can see it.
    pub(crate) fn deliver(
        &self,
        users: &[String],
        bytes: &Arc<[u8]>,
        date: i64,
        note: impl FnOnce(),
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        if !state.make_room(bytes.len().saturating_mul(users.len()), users.len()) {
            return Err(Refused::Full);
        }
        note();
        for user in users {
            if let Some(inbox) = state.account(user).and_then(|account| account.find("INBOX")) {
                inbox.add(Arc::clone(bytes), Vec::new(), date);
            }
        }
        drop(state);
        self.ring();
        Ok(())
    }

    /// Takes the POP3 lock of a user; `None` if another session has it.
    pub(crate) fn pop_lock(self: &Arc<Self>, user: &str) -> Option<PopLock> {
        let fresh = self.lock().locked.insert(user.to_owned());
        fresh.then(|| PopLock { store: Arc::clone(self), user: user.to_owned() })
    }

    /// `alice` and `alice@<domain>` are one.
    fn key(&self, name: &str) -> String {
        let name = name.to_lowercase();
        match name.rsplit_once('@') {
            Some((local, domain)) if domain == self.domain => local.to_owned(),
            _ => name,
        }
    }
}

impl State {
    pub(crate) fn account(&mut self, user: &str) -> Option<&mut Account> {
        self.accounts.get_mut(user)
    }

    /// A UIDVALIDITY never used before in this server.
    pub(crate) fn take_validity(&mut self) -> u32 {
        self.take_validities(1)
    }

    /// Whether so much more may be kept; counts it as kept if so.
    pub(crate) fn make_room(&mut self, bytes: usize, messages: usize) -> bool {
        let fits = |state: &Self| {
            state.bytes.saturating_add(bytes) <= state.limit
                && state.messages.saturating_add(messages) <= MOST_MESSAGES
        };
        if !fits(self) {
            self.bytes = self.accounts.values().map(Account::size).fold(0, usize::saturating_add);
            self.messages = self.accounts.values().map(Account::messages).sum();
        }
        let room = fits(self);
        if room {
            self.bytes = self.bytes.saturating_add(bytes);
            self.messages = self.messages.saturating_add(messages);
        }
        room
    }

    fn take_validities(&mut self, n: u32) -> u32 {
        let first = self.next_validity;
        self.next_validity = first.wrapping_add(n).max(1);
        first
    }
}

/// Holds a user's POP3 mailbox until dropped.
pub(crate) struct PopLock {
    store: Arc<Store>,
    user: String,
}

impl Drop for PopLock {
    fn drop(&mut self) {
        self.store.lock().locked.remove(&self.user);
    }
}
