//! The door: how many messages are written out while they wait.

use crate::pool_desk::{Desk, Key, Message, Settled, Slot, State};
use std::task::Waker;

/// How many messages may be written out and waiting. Further ones wait before the door.
const DOOR: usize = 256;

impl Desk {
    /// A place in line, and true if it is behind the door already. `None` if the pool is retired.
    pub(crate) fn enter(&mut self) -> Option<(Key, bool)> {
        if self.retired {
            return None;
        }
        let inside = self.inside < DOOR && self.outside.is_empty();
        let state = if inside { State::Inside } else { State::Outside };
        let key = self.slots.insert(Slot { state, waker: None });
        if inside {
            self.inside += 1;
        } else {
            self.waiting += 1;
            self.outside.push_back(key);
        }
        Some((key, inside))
    }

    /// Puts one who is inside into the queue.
    pub(crate) fn post(&mut self, key: Key, message: Option<Message>) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if self.retired {
            slot.state = State::Settled(Settled::Retired(message));
            return;
        }
        self.waiting += 1;
        slot.state = match message {
            Some(message) => {
                self.queued += 1;
                State::Queued(message)
            }
            None => State::Alone,
        };
        self.queue.push_back(key);
    }

    /// One of those inside was served or is gone. Gives the next one, to be woken.
    pub(crate) fn admit(&mut self) -> Option<Waker> {
        self.inside = self.inside.saturating_sub(1);
        while let Some(key) = self.outside.pop_front() {
            let Some(slot) = self.slots.get_mut(key) else { continue };
            if matches!(slot.state, State::Forsaken) {
                self.slots.try_remove(key);
                continue;
            }
            slot.state = State::Called(false);
            self.waiting = self.waiting.saturating_sub(1);
            self.inside += 1;
            return slot.waker.take();
        }
        None
    }

    /// Those who were let in a while ago and are not polled don't keep the door shut: they go to the end of the line,
    /// and others are let in, of whom those come first that were polled since the last look. Gives whom to wake.
    pub(crate) fn call_others(&mut self, wakers: &mut Vec<Waker>) {
        if self.outside.is_empty() {
            return;
        }
        let slots = &mut self.slots;
        let mut late = Vec::new();
        for (key, slot) in slots.iter_mut() {
            match &mut slot.state {
                State::Called(true) => late.push(key),
                State::Called(is_late) => *is_late = true,
                _ => {}
            }
        }
        let is_polled = |key: &Key| slots.get(*key).is_some_and(|slot| slot.waker.is_some());
        let (polled, lying): (Vec<Key>, Vec<Key>) = self.outside.drain(..).partition(is_polled);
        self.outside.extend(polled.into_iter().chain(lying));
        for key in late {
            if let Some(slot) = self.slots.get_mut(key) {
                slot.state = State::Outside;
            }
            self.waiting += 1;
            self.outside.push_back(key);
            wakers.extend(self.admit());
        }
    }
}
