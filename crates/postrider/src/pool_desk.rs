//! Who waits for a connection, and which messages are in flight on which: kept under one lock.
//!
//! Nothing here calls what others wrote (wakers, transports, bodies): that is handed out, and woken or dropped when the
//! lock is free. Otherwise a waker that drops a task would wait for the lock it is called under.

use crate::pool_connection::{Connection, Idle, Past, Transport};
use bytes::Bytes;
use postrider_core::{Envelope, Receipt, Result};
use slab::Slab;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

/// Number of a waiting task or of a drive.
pub(crate) type Key = usize;

/// A transport sending a batch that is fed as messages come. Gives the transport back.
pub(crate) type Work = Pin<Box<dyn Future<Output = Transport> + Send>>;

/// A message that needs nothing of its caller any more.
pub(crate) struct Message {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Bytes,
}

/// What a waiting task ends in.
pub(crate) enum Settled {
    Outcome(Result<Receipt>),
    /// A connection for itself.
    Granted(Connection),
    /// The pool is retired; the message was not sent.
    Retired(Option<Message>),
}

pub(crate) enum State {
    /// Before the door.
    Outside,
    /// Let in by the door and woken; true if that was before the last look after all who wait.
    Called(bool),
    /// Inside: may write its message out.
    Inside,
    /// In the queue with a message.
    Queued(Message),
    /// In the queue for a connection of its own.
    Alone,
    /// The message is in flight on this drive.
    Taken(Key),
    /// Nobody waits for it any more; still in a queue or in flight.
    Forsaken,
    Settled(Settled),
}

/// A task that waits.
pub(crate) struct Slot {
    pub(crate) state: State,
    // None: being polled, or woken and about to be.
    pub(crate) waker: Option<Waker>,
}

/// A connection at work.
pub(crate) struct Drive {
    // None: being polled.
    pub(crate) work: Option<Work>,
    pub(crate) past: Past,
    // Tells drives apart that had the same key.
    pub(crate) serial: u64,
    // It has to be polled, and this task was woken to do it; how many have left it to that one since.
    pub(crate) due: bool,
    pub(crate) promised: Option<Key>,
    pub(crate) left: usize,
    // How many messages in the queue are counted on it: it was told or made to take them, and has not asked yet.
    pub(crate) fed: usize,
    // It asked for a message and there was none for it: who is told when there is, unless that was done.
    pub(crate) hungry: bool,
    pub(crate) ask: Option<Waker>,
    // It gets no further message.
    pub(crate) ended: bool,
    // The transport failed as it never should.
    pub(crate) broken: bool,
    // The tasks whose messages were taken, from the oldest in flight; `first` is that one's index in the batch.
    pub(crate) taken: VecDeque<Option<Key>>,
    pub(crate) first: usize,
    pub(crate) in_flight: usize,
    // How many of those somebody waits for.
    pub(crate) live: usize,
    // Who polled it last.
    pub(crate) driver: Option<Key>,
}

#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) slots: Slab<Slot>,
    pub(crate) outside: VecDeque<Key>,
    // First come, first served.
    pub(crate) queue: VecDeque<Key>,
    // Those who wait for a connection of their own for which a drive is ending.
    pub(crate) alone: VecDeque<Key>,
    // How many are inside and not yet served.
    pub(crate) inside: usize,
    // How many messages are in the queue, and how many tasks wait for anything.
    pub(crate) queued: usize,
    pub(crate) waiting: usize,
    pub(crate) drives: Slab<Drive>,
    pub(crate) due: VecDeque<Key>,
    pub(crate) fed: usize,
    pub(crate) serial: u64,
    // The one used last comes last, and is the first to be used again: the others can go stale.
    pub(crate) idle: Vec<Idle>,
    // New settings have taken the place of this pool: nothing is lent or kept any more.
    pub(crate) retired: bool,
}

/// What is to be dropped and woken when the lock is free, in this order.
#[derive(Default)]
pub(crate) struct Leftover {
    pub(crate) slots: Vec<Slot>,
    pub(crate) drives: Vec<Drive>,
    pub(crate) wakers: Vec<Waker>,
}

impl Leftover {
    pub(crate) fn settle(self) {
        drop(self.slots);
        drop(self.drives);
        self.wakers.into_iter().for_each(Waker::wake);
    }
}

impl Desk {
    /// Drops those from the front of the queues who don't wait any more.
    pub(crate) fn skip_forsaken(&mut self) {
        while self.queue.front().is_some_and(|key| !self.is_waited_for(*key)) {
            let gone = self.queue.pop_front();
            gone.map(|key| self.slots.try_remove(key));
        }
        while self.alone.front().is_some_and(|key| !self.is_waited_for(*key)) {
            let gone = self.alone.pop_front();
            gone.map(|key| self.slots.try_remove(key));
        }
    }

    fn is_waited_for(&self, key: Key) -> bool {
        self.slots.get(key).is_some_and(|slot| !matches!(slot.state, State::Forsaken))
    }

    /// Settles a task that waits.
    pub(crate) fn answer(&mut self, key: Key, settled: Settled) -> Option<Waker> {
        let slot = self.slots.get_mut(key)?;
        slot.state = State::Settled(settled);
        self.waiting = self.waiting.saturating_sub(1);
        slot.waker.take()
    }

    /// A task has its answer and goes.
    pub(crate) fn leave(&mut self, key: Key) -> (Option<Slot>, Vec<Waker>) {
        let slot = self.slots.try_remove(key);
        let mut wakers = Vec::new();
        self.hand_over(key, &mut wakers);
        (slot, wakers)
    }

    /// A task goes without waiting for its answer.
    pub(crate) fn abandon(&mut self, key: Key) -> Leftover {
        let mut leftover = Leftover::default();
        let Some(slot) = self.slots.get_mut(key) else { return leftover };
        let (waker, state) = (slot.waker.take(), std::mem::replace(&mut slot.state, State::Forsaken));
        match &state {
            State::Outside => self.waiting = self.waiting.saturating_sub(1),
            State::Called(_) | State::Inside => leftover.wakers.extend(self.admit()),
            State::Queued(_) | State::Alone => {
                self.queued -= usize::from(matches!(state, State::Queued(_)));
                self.waiting = self.waiting.saturating_sub(1);
                leftover.wakers.extend(self.admit());
            }
            State::Taken(drive) => {
                self.waiting = self.waiting.saturating_sub(1);
                if let Some(drive) = self.drives.get_mut(*drive) {
                    drive.live = drive.live.saturating_sub(1);
                }
            }
            State::Forsaken | State::Settled(_) => {}
        }
        if matches!(state, State::Called(_) | State::Inside | State::Settled(_)) {
            self.slots.try_remove(key);
        }
        // Woken for something that it does not live to see to, or those behind it are free to go.
        let in_line = matches!(state, State::Queued(_) | State::Alone);
        let hand_on = in_line && (waker.is_none() || matches!(state, State::Alone));
        leftover.slots.push(Slot { state, waker });
        // What only it waited for is given up, with the connection, unless that is about to take somebody else's.
        self.uncount();
        let of_no_use = |d: &Drive| {
            d.live == 0 && d.fed == 0 && (d.in_flight > 0 || self.waiting == 0) && d.work.is_some()
        };
        let cut: Vec<Key> = self.drives.iter().filter(|(_, d)| of_no_use(d)).map(|(k, _)| k).collect();
        for drive in cut {
            leftover.drives.extend(self.remove(drive));
        }
        self.hand_over(key, &mut leftover.wakers);
        if hand_on {
            leftover.wakers.extend(self.someone_queued());
        }
        leftover
    }

    /// No more messages are counted on drives than there are.
    fn uncount(&mut self) {
        while self.fed > self.queued
            && let Some((_, drive)) = self.drives.iter_mut().find(|(_, drive)| drive.fed > 0)
        {
            drive.fed -= 1;
            self.fed -= 1;
        }
    }

    /// Takes a drive off the list, with the places of those who don't wait for it any more.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Drive> {
        let drive = self.drives.try_remove(key)?;
        self.fed -= drive.fed;
        if drive.due {
            self.due.retain(|due| *due != key);
        }
        for slot in drive.taken.iter().flatten() {
            if matches!(self.slots.get(*slot), Some(Slot { state: State::Forsaken, .. })) {
                self.slots.try_remove(*slot);
            }
        }
        Some(drive)
    }

    /// True if no connection has served it yet.
    pub(crate) fn is_in_line(&self, key: Key) -> bool {
        let state = self.slots.get(key).map(|slot| &slot.state);
        matches!(state, Some(State::Outside | State::Queued(_) | State::Alone))
    }

    /// From here on nothing is taken. Everybody who waits is sent on.
    pub(crate) fn retire(&mut self) -> (Vec<Idle>, Leftover) {
        self.retired = true;
        let mut leftover = Leftover::default();
        let queues = [&mut self.outside, &mut self.queue, &mut self.alone].map(std::mem::take);
        for key in queues.into_iter().flatten() {
            let Some(slot) = self.slots.get_mut(key) else { continue };
            let message = match std::mem::replace(&mut slot.state, State::Forsaken) {
                State::Queued(message) => Some(message),
                State::Outside | State::Alone => None,
                _ => {
                    self.slots.try_remove(key);
                    continue;
                }
            };
            leftover.wakers.extend(self.answer(key, Settled::Retired(message)));
        }
        (self.inside, self.queued) = (0, 0);
        for (_, drive) in &mut self.drives {
            drive.ended = true;
            if std::mem::take(&mut drive.hungry) {
                leftover.wakers.extend(drive.ask.take());
            }
        }
        (std::mem::take(&mut self.idle), leftover)
    }
}
