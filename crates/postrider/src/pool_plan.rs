//! Which connection takes which message, and when another connection is opened.
//!
//! First come, first served. A message goes to an open connection that has fewer than `mail.mailer.growat` in flight;
//! if there is none, to one that is idle or may be opened; if there is none of these either, it waits until one has
//! room in its window, where none takes more than its share of all there is.

use crate::pool::Limits;
use crate::pool_connection::{Connection, Idle};
use crate::pool_desk::{Desk, Drive, Key, Message, Settled, Slot, State};
use crate::room::{Permit, Room};
use postrider_core::{Error, ErrorKind, Receipt, Result};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// What a connection gets that asks for a message.
pub(crate) enum Asked {
    /// This one; somebody else may come in by the door.
    Message(Message, Option<Waker>),
    /// None now: this is who is told when there is one.
    Wait,
    /// None any more.
    End,
}

/// What is to be done for those who wait.
pub(crate) enum Plan {
    Nothing,
    /// A connection that is due now is told that there is something for it.
    Tell(Option<Waker>),
    /// As `Tell`; what comes to the queue in the next moment may go with it.
    Feed(Option<Waker>),
    /// A connection begins to take messages.
    Start(Opening),
    /// A connection is for this task alone.
    Grant(Key, Opening),
}

/// A connection, or room for one.
pub(crate) enum Opening {
    Kept(Connection),
    New(Permit),
}

/// Idle connections that were kept for too long.
pub(crate) type Stale = Vec<Connection>;

impl Drive {
    fn load(&self) -> usize {
        self.in_flight + self.fed
    }

    /// It waits for a message and does not know of one.
    fn is_untold(&self) -> bool {
        self.hungry && !self.ended && self.fed == 0
    }
}

impl Desk {
    /// What a drive gets that asks for a message.
    pub(crate) fn ask(&mut self, key: Key, serial: u64, limits: &Limits, now: Duration) -> Asked {
        self.skip_forsaken();
        let share = self.share(limits);
        let Some(drive) = self.drives.get_mut(key).filter(|drive| drive.serial == serial) else {
            return Asked::End;
        };
        // Those counted on it beyond this one are there when it asks again, or with somebody else.
        let fed = drive.fed.min(1);
        drive.fed -= fed;
        self.fed -= fed;
        drive.hungry = false;
        if drive.ended || limits.are_reached(drive.past.messages, drive.past.made, now) {
            drive.ended = true;
            return Asked::End;
        }
        let Some(front) = self.queue.front().copied() else {
            if drive.in_flight == 0 {
                drive.ended = true;
                return Asked::End;
            }
            drive.hungry = true;
            return Asked::Wait;
        };
        let Some(slot) = self.slots.get_mut(front) else { return Asked::Wait };
        if matches!(slot.state, State::Alone) {
            // It ends for the sake of who wants a connection alone.
            drive.ended = true;
            self.alone.extend(self.queue.pop_front());
            return Asked::End;
        }
        if drive.in_flight > 0 && drive.in_flight >= share {
            drive.hungry = true;
            return Asked::Wait;
        }
        self.queue.pop_front();
        let State::Queued(message) = std::mem::replace(&mut slot.state, State::Taken(key)) else {
            return Asked::Wait;
        };
        drive.taken.push_back(Some(front));
        drive.in_flight += 1;
        drive.live += 1;
        drive.past.messages += 1;
        self.queued -= 1;
        Asked::Message(message, self.admit())
    }

    /// What became of a message. Gives whom to wake, and an outcome that nobody wants.
    pub(crate) fn report(
        &mut self,
        (key, serial): (Key, u64),
        index: usize,
        outcome: Result<Receipt>,
    ) -> (Option<Waker>, Option<Result<Receipt>>) {
        let Some(drive) = self.drives.get_mut(key).filter(|drive| drive.serial == serial) else {
            return (None, Some(outcome));
        };
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Plugin) {
            (drive.broken, drive.ended) = (true, true);
        }
        let at = index.checked_sub(drive.first).and_then(|at| drive.taken.get_mut(at));
        // What is said twice does not change what was true before.
        let Some(slot) = at.and_then(Option::take) else { return (None, Some(outcome)) };
        while let Some(None) = drive.taken.front() {
            drive.taken.pop_front();
            drive.first += 1;
        }
        drive.in_flight -= 1;
        if matches!(self.slots.get(slot).map(|slot| &slot.state), Some(State::Taken(_))) {
            drive.live = drive.live.saturating_sub(1);
            return (self.answer(slot, Settled::Outcome(outcome)), None);
        }
        self.slots.try_remove(slot);
        (None, Some(outcome))
    }

    /// Who is to be told that this drive, which has just been polled, may go on after all.
    pub(crate) fn goes_on(&mut self, key: Key, limits: &Limits) -> Option<Waker> {
        self.skip_forsaken();
        let share = self.share(limits);
        let drive = self.drives.get_mut(key)?;
        // One that was told and did not ask does not stand in the way of others.
        self.fed -= std::mem::take(&mut drive.fed);
        if !drive.hungry {
            return None;
        }
        let ends = drive.ended || (drive.in_flight == 0 && self.queue.is_empty());
        let takes = !self.queue.is_empty() && (drive.in_flight == 0 || drive.in_flight < share);
        if !(ends || takes) {
            return None;
        }
        drive.hungry = false;
        drive.ask.take()
    }

    /// True if there is certainly nothing to be done for those at the front of the line: what [`plan`](Self::plan)
    /// would come to where every connection is at work, at a fraction of its cost.
    #[inline]
    pub(crate) fn is_planned(&self, room: &Room) -> bool {
        if !self.alone.is_empty() {
            return false;
        }
        let Some(front) = self.queue.front() else { return true };
        matches!(self.slots.get(*front), Some(Slot { state: State::Queued(_), .. }))
            && (self.queued <= self.fed
                || self.idle.is_empty() && room.is_full() && !self.drives.iter().any(|(_, d)| d.is_untold()))
    }

    /// What is to be done for those at the front of the line. The time is of no matter where no connection is idle.
    pub(crate) fn plan(
        &mut self,
        room: &Arc<Room>,
        limits: &Limits,
        now: Duration,
        planner: Key,
    ) -> (Plan, Stale) {
        let mut stale = Stale::new();
        if self.queue.is_empty() && self.alone.is_empty() {
            return (Plan::Nothing, stale);
        }
        self.skip_forsaken();
        let at_front = self.queue.front().copied().filter(|key| self.is_alone(*key));
        if let Some(key) = self.alone.front().copied().or(at_front) {
            if let Some(opening) = self.opening(room, limits, now, &mut stale) {
                let promised = self.alone.pop_front();
                if promised.is_none() {
                    self.queue.pop_front();
                }
                return (Plan::Grant(key, opening), stale);
            }
            if let Some(front) = at_front {
                let least = self.least_loaded();
                let Some(drive) = least.and_then(|key| self.drives.get_mut(key)) else {
                    return (Plan::Nothing, stale);
                };
                drive.ended = true;
                drive.hungry = false;
                let ask = drive.ask.take();
                self.queue.pop_front();
                self.alone.push_back(front);
                least.into_iter().for_each(|key| self.promise(key, planner));
                return (Plan::Tell(ask), stale);
            }
        }
        if self.queued <= self.fed {
            return (Plan::Nothing, stale);
        }
        let least = self.least_loaded();
        let load = least.and_then(|key| self.drives.get(key)).map_or(usize::MAX, Drive::load);
        if load >= limits.grow_at
            && let Some(opening) = self.opening(room, limits, now, &mut stale)
        {
            self.fed += 1;
            return (Plan::Start(opening), stale);
        }
        if load < limits.grow_at.max(self.share(limits))
            && let Some(key) = least
            && let Some(drive) = self.drives.get_mut(key)
        {
            drive.fed += 1;
            self.fed += 1;
            let ask = drive.ask.take();
            self.promise(key, planner);
            return (Plan::Feed(ask), stale);
        }
        (Plan::Nothing, stale)
    }

    /// The first message in the queue can't be sent, since no transport can be made. Gives it back, with whom to wake.
    pub(crate) fn fail_first(&mut self, error: Error) -> ([Option<Waker>; 2], Option<Message>) {
        self.skip_forsaken();
        let is_message =
            |key: &Key| matches!(self.slots.get(*key), Some(slot) if matches!(slot.state, State::Queued(_)));
        let Some(key) = self.queue.front().copied().filter(is_message) else { return ([None, None], None) };
        self.queue.pop_front();
        self.queued -= 1;
        let state = self.slots.get_mut(key).map(|slot| std::mem::replace(&mut slot.state, State::Inside));
        // Whose its bytes are is told when the lock is free.
        let message = if let Some(State::Queued(message)) = state { Some(message) } else { None };
        ([self.answer(key, Settled::Outcome(Err(error))), self.admit()], message)
    }

    /// Gives a connection to who wants one alone, or gives it back.
    pub(crate) fn grant(&mut self, key: Key, settled: Settled) -> ([Option<Waker>; 2], Option<Settled>) {
        match self.slots.get(key).map(|slot| &slot.state) {
            Some(State::Alone) => ([self.answer(key, settled), self.admit()], None),
            Some(State::Forsaken) => {
                self.slots.try_remove(key);
                ([None, None], Some(settled))
            }
            _ => ([None, None], Some(settled)),
        }
    }

    /// The connection used last, if it is fresh enough, or room for a new one.
    fn opening(
        &mut self,
        room: &Arc<Room>,
        limits: &Limits,
        now: Duration,
        stale: &mut Stale,
    ) -> Option<Opening> {
        if !self.idle.is_empty() {
            let old = |idle: &Idle| {
                let past = &idle.connection.past;
                now.saturating_sub(idle.since) >= limits.idle
                    || limits.are_reached(past.messages, past.made, now)
            };
            stale.extend(self.idle.extract_if(.., |idle| old(idle)).map(|idle| idle.connection));
            if let Some(idle) = self.idle.pop() {
                return Some(Opening::Kept(idle.connection));
            }
        }
        // Room that the stale ones leave is told of when they are gone.
        room.permit_now().map(Opening::New)
    }

    /// The most messages that one connection has in flight while others have to wait for some.
    fn share(&self, limits: &Limits) -> usize {
        let open = || self.drives.iter().map(|(_, drive)| drive).filter(|drive| !drive.ended);
        let (drives, flying) = open().fold((0, 0), |(n, sum), drive| (n + 1, sum + drive.in_flight));
        let outstanding: usize = flying + self.queued;
        outstanding.div_ceil(drives.max(1)).max(limits.grow_at)
    }

    /// Of the connections that wait for a message the one with the fewest in flight or counted on it.
    fn least_loaded(&self) -> Option<Key> {
        let hungry = self.drives.iter().filter(|(_, drive)| drive.hungry && !drive.ended);
        hungry.min_by_key(|(_, drive)| drive.load()).map(|(key, _)| key)
    }

    fn is_alone(&self, key: Key) -> bool {
        matches!(self.slots.get(key), Some(slot) if matches!(slot.state, State::Alone))
    }
}
