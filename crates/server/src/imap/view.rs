//! A mailbox as one session sees it: sequence numbers that shift only when the client is told.

use super::set::Set;
use super::{Refusal, Session, parse};
use crate::error::{Ended, Result};
use crate::store::Mailbox;

/// The selected mailbox.
pub(super) struct View {
    pub(super) validity: u32,
    pub(super) read_only: bool,
    pub(super) entries: Vec<Entry>,
    /// The UIDs that a search saved for `$`.
    pub(super) saved: Vec<u32>,
}

/// A message the client knows of. Its sequence number is its place, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) recent: bool,
    /// The revision of the flags that the client knows.
    pub(super) revision: u64,
}

impl View {
    pub(super) fn new(mailbox: &mut Mailbox, read_only: bool) -> Self {
        let mut view = Self { validity: mailbox.validity, read_only, entries: Vec::new(), saved: Vec::new() };
        view.add_new(mailbox);
        view
    }

    pub(super) fn recent(&self) -> usize {
        self.entries.iter().filter(|entry| entry.recent).count()
    }

    /// Sequence number and UID of the messages in a set. A sequence number beyond the last is an error, a
    /// UID that isn't there is not.
    pub(super) fn pick(&self, set: &Set, by_uid: bool) -> std::result::Result<Vec<(u32, u32)>, Refusal> {
        let numbered = (1..).zip(self.entries.iter().map(|entry| entry.uid));
        if by_uid || *set == Set::Saved {
            let largest = self.entries.last().map_or(0, |entry| entry.uid);
            let set = set.resolve(largest, &self.saved);
            return Ok(numbered.filter(|&(_, uid)| set.contains(uid)).collect());
        }
        let last = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let set = set.resolve(last, &self.saved);
        if set.contains(0) || set.largest().is_some_and(|largest| largest > last) {
            return Err(parse::bad("no such message"));
        }
        Ok(numbered.filter(|&(number, _)| set.contains(number)).collect())
    }

    pub(super) fn entry(&mut self, uid: u32) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&uid, |entry| entry.uid).ok()?;
        self.entries.get_mut(at)
    }

    /// Takes in what arrived; whether anything did.
    fn add_new(&mut self, mailbox: &mut Mailbox) -> bool {
        let known = self.entries.last().map_or(0, |entry| entry.uid);
        let before = self.entries.len();
        let first = mailbox.messages.partition_point(|m| m.uid <= known);
        for message in mailbox.messages.iter_mut().skip(first) {
            self.entries.push(Entry { uid: message.uid, recent: message.recent, revision: message.revision });
            message.recent &= self.read_only;
        }
        self.entries.len() != before
    }

    /// Forgets what is gone; returns the sequence numbers to announce, in the order to announce them.
    fn drop_gone(&mut self, mailbox: &Mailbox) -> Vec<usize> {
        let gone = |uid: u32| mailbox.messages.binary_search_by_key(&uid, |m| m.uid).is_err();
        let numbers: Vec<usize> =
            (1..).zip(&self.entries).filter(|(_, entry)| gone(entry.uid)).map(|(number, _)| number).collect();
        if !numbers.is_empty() {
            self.entries.retain(|entry| !gone(entry.uid));
            self.saved.retain(|&uid| !gone(uid));
        }
        // From the back, so that none shifts another.
        numbers.into_iter().rev().collect()
    }
}

impl Session<'_> {
    /// Tells the client what changed in its mailbox, expunges only where they are allowed.
    pub(super) fn announce(&mut self, expunges: bool) -> Result<()> {
        let (Some(mut view), Some(user)) = (self.view.take(), self.user.clone()) else { return Ok(()) };
        let shared = self.shared.clone();
        let mut state = shared.store.lock();
        let Some(mailbox) = state.account(&user).and_then(|account| account.by_validity(view.validity))
        else {
            self.conn.put("* BYE That mailbox is gone\r\n");
            return Err(Ended::Gone);
        };
        if expunges {
            for number in view.drop_gone(mailbox) {
                self.conn.put(format!("* {number} EXPUNGE\r\n"));
            }
        }
        if view.add_new(mailbox) {
            self.conn.put(format!("* {} EXISTS\r\n", view.entries.len()));
            if !self.rev2 {
                self.conn.put(format!("* {} RECENT\r\n", view.recent()));
            }
        }
        for (number, entry) in (1..).zip(&mut view.entries) {
            let Some(message) = mailbox.by_uid(entry.uid) else { continue };
            if message.revision != entry.revision {
                entry.revision = message.revision;
                let flags = flag_list(&message.flags, entry.recent && !self.rev2);
                self.conn.put(format!("* {number} FETCH (UID {} FLAGS {flags})\r\n", entry.uid));
            }
        }
        self.view = Some(view);
        Ok(())
    }
}

pub(super) fn flag_list(flags: &[String], recent: bool) -> String {
    let mut all: Vec<&str> = flags.iter().map(String::as_str).collect();
    if recent {
        all.push("\\Recent");
    }
    format!("({})", all.join(" "))
}
