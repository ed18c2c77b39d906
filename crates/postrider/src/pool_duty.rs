//! Whose turn it is to poll a drive.
//!
//! Each drive is polled by one task at a time, any of those that wait for anything. A task that has its answer goes;
//! what it would have polled is left to another.

use crate::pool_desk::{Desk, Drive, Key, State, Work};
use crate::pool_drive::Bell;
use std::sync::Arc;
use std::task::Waker;

/// So many new tasks leave a drive to the one that was woken for it; then the next one polls it.
const LEFT: usize = 32;

impl Desk {
    /// Somebody else is woken for what the one who goes would have polled.
    pub(crate) fn hand_over(&mut self, gone: Key, wakers: &mut Vec<Waker>) {
        for (_, drive) in &mut self.drives {
            drive.driver = drive.driver.filter(|driver| *driver != gone);
            drive.promised = drive.promised.filter(|promised| *promised != gone);
        }
        for at in 0..self.due.len() {
            let Some(key) = self.due.get(at).copied() else { break };
            if self.drives.get(key).is_some_and(|d| d.work.is_some() && d.promised.is_none()) {
                wakers.extend(self.pick(key));
            }
        }
    }

    /// Who polls this drive next: the one whose message has been in flight for longest, for its answer is likely
    /// what there is to be read; then whoever did so last; then anybody.
    fn pick(&mut self, key: Key) -> Option<Waker> {
        let drive = self.drives.get_mut(key)?;
        (drive.promised, drive.left) = (None, 0);
        let first = drive.taken.iter().flatten().copied().chain(drive.driver);
        let first = first.filter_map(|key| Some((key, self.slots.get_mut(key)?.waker.take()?))).next();
        let (task, waker) = first.or_else(|| {
            let mut others = self.slots.iter_mut().filter(|(_, slot)| is_waiting(&slot.state));
            others.find_map(|(key, slot)| Some((key, slot.waker.take()?)))
        })?;
        drive.promised = Some(task);
        Some(waker)
    }

    /// A drive has to be polled, and this task is going to, unless another is or does so right now: that one looks again.
    pub(crate) fn promise(&mut self, key: Key, task: Key) {
        let Some(drive) = self.drives.get_mut(key) else { return };
        if !std::mem::replace(&mut drive.due, true) {
            self.due.push_back(key);
        }
        if drive.work.is_some() && drive.promised.is_none() {
            (drive.promised, drive.left) = (Some(task), 0);
        }
    }

    /// How many drives a task may poll, and whether it is to be polled again for their sake.
    ///
    /// A new one that has just put its message into the queue leaves a drive to whoever was woken for it: further
    /// messages come to the queue until then, and all go at once. Should that one lie somewhere and not be polled, every
    /// so often one of those who left it is there too.
    pub(crate) fn turns(&mut self, is_new: bool) -> (usize, bool) {
        if !is_new {
            return (self.due.len(), false);
        }
        let (mut turns, mut again) = (0, false);
        for key in &self.due {
            let Some(drive) = self.drives.get_mut(*key) else { continue };
            drive.left += 1;
            drive.promised = drive.promised.filter(|_| drive.left < LEFT);
            again |= drive.left.is_power_of_two();
            turns += usize::from(drive.promised.is_none());
        }
        (turns, again)
    }

    /// A drive that has to be polled, for this task; and the one it relieves of it.
    pub(crate) fn take_due(
        &mut self,
        key: Key,
        is_new: bool,
    ) -> Option<(Key, Work, Arc<Bell>, Option<Waker>)> {
        for at in 0..self.due.len() {
            let due = self.due.get(at).copied()?;
            let Some(drive) = self.drives.get_mut(due) else { continue };
            if is_new && !drive.is_left_to(key) {
                continue;
            }
            let Some(work) = drive.work.take() else { continue };
            self.due.remove(at);
            (drive.due, drive.promised) = (false, None);
            let bell = Arc::clone(&drive.past.bell);
            let before = drive.driver.replace(key).filter(|before| *before != key);
            return Some((due, work, bell, before.and_then(|before| self.relieve(before))));
        }
        None
    }

    /// What a drive rang for has been done, or is about to be.
    pub(crate) fn hush(&mut self, key: Key) {
        if let Some(drive) = self.drives.get_mut(key).filter(|drive| drive.due) {
            (drive.due, drive.promised) = (false, None);
            self.due.retain(|due| *due != key);
        }
    }

    /// One who has its answer need not stay for a drive.
    pub(crate) fn relieve(&mut self, driver: Key) -> Option<Waker> {
        let slot = self.slots.get_mut(driver)?;
        if matches!(slot.state, State::Settled(_)) { slot.waker.take() } else { None }
    }

    /// True if a drive has to be polled that nobody polls or was woken for but this task.
    pub(crate) fn is_due(&self, key: Key) -> bool {
        let due = |drive: &Drive| drive.work.is_some() && drive.is_left_to(key);
        self.due.iter().any(|key| self.drives.get(*key).is_some_and(due))
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

    /// The drive wants to be polled. Who polled it last is woken too: if any task of its thread is polled at all, it is
    /// that one.
    pub(crate) fn ring(&mut self, key: Key) -> [Option<Waker>; 2] {
        let Some(drive) = self.drives.get_mut(key) else { return [None, None] };
        if std::mem::replace(&mut drive.due, true) {
            return [None, None];
        }
        self.due.push_back(key);
        let (driver, rests) = (drive.driver, drive.work.is_some());
        // Whoever polls it right now looks again.
        if !rests {
            return [None, None];
        }
        let picked = self.pick(key);
        [picked, driver.and_then(|driver| self.slots.get_mut(driver)?.waker.take())]
    }

    /// Everybody who waits: nobody is relied on any more until it is polled.
    pub(crate) fn rouse(&mut self) -> Vec<Waker> {
        self.drives.iter_mut().for_each(|(_, drive)| drive.promised = None);
        let mut wakers = Vec::new();
        self.call_others(&mut wakers);
        wakers.extend(self.slots.iter_mut().filter_map(|(_, slot)| slot.waker.take()));
        wakers
    }
}

impl Drive {
    /// True if no other task was woken to poll it.
    fn is_left_to(&self, task: Key) -> bool {
        self.promised.is_none_or(|promised| promised == task)
    }
}

fn is_waiting(state: &State) -> bool {
    matches!(state, State::Outside | State::Queued(_) | State::Alone | State::Taken(_))
}
