//! Whose turn it is to poll a drive.
//!
//! Each drive is polled by one task at a time, any of those that wait for anything. A task that has its answer goes;
//! what it would have polled is left to another.

use crate::pool_desk::{Desk, Key, State, Work};
use crate::pool_drive::Bell;
use std::sync::Arc;
use std::task::Waker;

impl Desk {
    /// Somebody else is woken for what the one who goes would have polled.
    pub(crate) fn hand_over(&mut self, gone: Key, wakers: &mut Vec<Waker>) {
        for (_, drive) in &mut self.drives {
            drive.driver = drive.driver.filter(|driver| *driver != gone);
        }
        for at in 0..self.due.len() {
            let Some(drive) = self.due.get(at).copied() else { break };
            if self.drives.get(drive).is_some_and(|d| d.work.is_some()) {
                wakers.extend(self.pick(drive));
            }
        }
    }

    /// Who polls this drive next: the one whose message has been in flight for longest, for its answer is likely
    /// what there is to be read; then whoever did so last; then anybody.
    pub(crate) fn pick(&mut self, drive: Key) -> Option<Waker> {
        let drive = self.drives.get(drive)?;
        for key in drive.taken.iter().flatten().copied().chain(drive.driver) {
            if let Some(slot) = self.slots.get_mut(key)
                && let Some(waker) = slot.waker.take()
            {
                return Some(waker);
            }
        }
        let mut others = self.slots.iter_mut().map(|(_, slot)| slot);
        others.find_map(|slot| if is_waiting(&slot.state) { slot.waker.take() } else { None })
    }

    /// A drive that has to be polled, for this task; and the one it relieves of it.
    pub(crate) fn take_due(&mut self, key: Key) -> Option<(Key, Work, Arc<Bell>, Option<Waker>)> {
        for at in 0..self.due.len() {
            let due = self.due.get(at).copied()?;
            let Some(drive) = self.drives.get_mut(due) else { continue };
            let Some(work) = drive.work.take() else { continue };
            self.due.remove(at);
            drive.due = false;
            let bell = Arc::clone(&drive.past.bell);
            let before = drive.driver.replace(key).filter(|before| *before != key);
            return Some((due, work, bell, before.and_then(|before| self.relieve(before))));
        }
        None
    }

    /// One who has its answer need not stay for a drive.
    pub(crate) fn relieve(&mut self, driver: Key) -> Option<Waker> {
        let slot = self.slots.get_mut(driver)?;
        if matches!(slot.state, State::Settled(_)) { slot.waker.take() } else { None }
    }

    /// True if a drive has to be polled that nobody polls.
    pub(crate) fn is_due(&self) -> bool {
        self.due.iter().any(|due| self.drives.get(*due).is_some_and(|drive| drive.work.is_some()))
    }

    /// True if a drive is not at its end and nobody but this task would see to that: a transport may have
    /// something left to do after its last answer. One whose task has gone is this one's from here on: left to
    /// nobody, it would keep its connection, and the pool, for ever.
    pub(crate) fn stays_for_a_drive(&mut self, key: Key) -> bool {
        if self.waiting > 0 {
            return false;
        }
        let over = self.drives.iter_mut().map(|(_, drive)| drive).filter(|drive| drive.in_flight == 0);
        over.fold(false, |stays, drive| stays | (*drive.driver.get_or_insert(key) == key))
    }

    /// One who is in a queue, to look for a connection.
    pub(crate) fn someone_queued(&mut self) -> Option<Waker> {
        let waiting = self.alone.iter().chain(&self.queue);
        for key in waiting {
            if let Some(waker) = self.slots.get_mut(*key).and_then(|slot| slot.waker.take()) {
                return Some(waker);
            }
        }
        None
    }

    /// The drive wants to be polled.
    pub(crate) fn ring(&mut self, key: Key) -> Option<Waker> {
        let drive = self.drives.get_mut(key)?;
        if std::mem::replace(&mut drive.due, true) {
            return None;
        }
        self.due.push_back(key);
        // Whoever polls it right now looks again.
        if drive.work.is_some() { self.pick(key) } else { None }
    }
}

fn is_waiting(state: &State) -> bool {
    matches!(state, State::Outside | State::Queued(_) | State::Alone | State::Taken(_))
}
