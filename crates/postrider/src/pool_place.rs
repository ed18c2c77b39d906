//! A task's place in the line for connections.

use crate::pool::Pool;
use crate::pool_connection::{Connection, Lease, part_with};
use crate::pool_desk::{Key, Message, Settled, Slot, State};
use crate::pool_plan::{Opening, Plan};
use postrider_core::{Error, ErrorKind, Phase, Receipt, Result, session_property};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What became of a message that was put in line.
pub(crate) enum Sent {
    /// A connection took it.
    Outcome(Result<Receipt>),
    /// New settings have come, and it is here again.
    Retired(Message),
}

/// A place in line. Dropped, it is free for the next: a message that no connection has taken is withdrawn, and one
/// that is in flight goes on as long as somebody waits for another on the same connection.
pub(crate) struct Place<'p> {
    pool: &'p Arc<Pool>,
    key: Option<Key>,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<'p> Place<'p> {
    /// Waits before the door, in the order of coming. `None` if the pool was retired.
    pub(crate) async fn enter(pool: &'p Arc<Pool>) -> Result<Option<Self>> {
        let key = {
            let mut desk = pool.desk();
            if desk.retired {
                return Ok(None);
            }
            desk.enter()
        };
        let mut place = Self { pool, key: Some(key), timer: None };
        let settled = poll_fn(|cx| place.poll(cx)).await?;
        Ok(settled.is_none().then_some(place))
    }

    /// Puts a message in line and waits for what becomes of it.
    pub(crate) async fn send(mut self, message: Message) -> Sent {
        self.post(Some(message));
        match poll_fn(|cx| self.poll(cx)).await {
            Ok(Some(Settled::Outcome(outcome))) => Sent::Outcome(outcome),
            Ok(Some(Settled::Retired(Some(message)))) => Sent::Retired(message),
            Err(error) => Sent::Outcome(Err(error)),
            // A message gets nothing else.
            Ok(_) => Sent::Outcome(Err(lost())),
        }
    }

    /// Waits for a connection of its own. `None` if the pool was retired.
    pub(crate) async fn lease(mut self) -> Result<Option<Lease>> {
        self.post(None);
        match poll_fn(|cx| self.poll(cx)).await? {
            Some(Settled::Granted(connection)) => Ok(Some(Lease::new(connection, Arc::clone(self.pool)))),
            Some(Settled::Outcome(Err(error))) => Err(error),
            Some(Settled::Retired(_)) => Ok(None),
            Some(Settled::Outcome(Ok(_))) | None => Err(lost()),
        }
    }

    fn post(&self, message: Option<Message>) {
        if let Some(key) = self.key {
            self.pool.desk().post(key, message);
        }
    }

    /// Does what there is to do for all who wait, until there is an answer for this one: `None` when it is inside.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Settled>>> {
        let Some(key) = self.key else { return Poll::Ready(Err(lost())) };
        // What is rung while this polls it is for the next time: other tasks of the thread have a turn first.
        let mut turns = self.pool.desk().due.len();
        let (mut fresh, mut timed): (Option<Waker>, bool) = (None, false);
        loop {
            let mut desk = self.pool.desk();
            let (plan, stale) = desk.plan(&self.pool.room, &self.pool.limits, || self.pool.host.now());
            if !matches!(plan, Plan::Nothing) || !stale.is_empty() {
                drop(desk);
                stale.into_iter().for_each(part_with);
                turns += usize::from(!matches!(plan, Plan::Nothing | Plan::Grant(..)));
                self.pool.carry_out(plan);
                continue;
            }
            let is_settled = matches!(desk.slots.get(key), Some(Slot { state: State::Settled(_), .. }));
            let stays = is_settled && desk.stays_for_a_drive(key);
            let Some(slot) = desk.slots.get(key) else { return Poll::Ready(Err(lost())) };
            let waits_in_line = match slot.state {
                State::Inside => return Poll::Ready(Ok(None)),
                State::Settled(_) if !stays => {
                    self.key = None;
                    let (slot, leftover) = desk.leave(key);
                    drop(desk);
                    leftover.settle();
                    return Poll::Ready(match slot {
                        Some(slot) => settled(slot.state),
                        None => Err(lost()),
                    });
                }
                State::Queued(_) | State::Alone | State::Outside => true,
                _ => false,
            };
            if turns > 0
                && let Some((drive, work, bell, relieved)) = desk.take_due(key)
            {
                drop(desk);
                relieved.into_iter().for_each(Waker::wake);
                turns -= 1;
                self.pool.turn(drive, work, bell);
                continue;
            }
            if waits_in_line && !timed && self.pool.limits.wait.is_some() {
                drop(desk);
                timed = true;
                if self.is_late(cx) && self.withdraw() {
                    return Poll::Ready(Err(self.late()));
                }
                continue;
            }
            let again = desk.is_due();
            let Some(slot) = desk.slots.get_mut(key) else { return Poll::Ready(Err(lost())) };
            if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                let Some(fresh) = fresh.take() else {
                    drop(desk);
                    fresh = Some(cx.waker().clone());
                    continue;
                };
                let old = slot.waker.replace(fresh);
                drop(desk);
                drop(old);
            } else {
                drop(desk);
            }
            if again {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
    }
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(limit) = self.pool.limits.wait else { return false };
        let timer = self.timer.get_or_insert_with(|| self.pool.host.sleep(limit));
        timer.as_mut().poll(cx).is_ready()
    }

    /// Goes out of the line; false if it was served in this very moment.
    fn withdraw(&mut self) -> bool {
        let Some(key) = self.key else { return false };
        let mut desk = self.pool.desk();
        if !desk.is_in_line(key) {
            return false;
        }
        self.key = None;
        let leftover = desk.abandon(key);
        drop(desk);
        leftover.settle();
        true
    }

    fn late(&self) -> Error {
        let limit = self.pool.limits.wait.unwrap_or_default();
        let what = format!("no connection had room for the message within {} s", limit.as_secs_f64());
        let key = format!("mail.{}", session_property::MAILER_WAIT_TIMEOUT.name());
        Error::new(ErrorKind::Timeout, Phase::Connect, what)
            .with_advice(format!("try again later, allow more connections, or raise {key}"))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut leftover = self.pool.desk().abandon(key);
        for slot in leftover.slots.drain(..) {
            if let State::Settled(Settled::Granted(connection)) = slot.state {
                // Nothing was said on it.
                self.pool.keep(connection);
            }
        }
        leftover.settle();
    }
}

impl Pool {
    /// Does what was planned for those who wait.
    fn carry_out(self: &Arc<Self>, plan: Plan) {
        match plan {
            Plan::Nothing => {}
            Plan::Tell(ask) => ask.into_iter().for_each(Waker::wake),
            Plan::Start(opening) => {
                let feeding = Feeding(self);
                match self.open(opening) {
                    Ok(connection) => {
                        // The drive answers for it from here on.
                        std::mem::forget(feeding);
                        self.start(connection);
                    }
                    Err(error) => {
                        drop(feeding);
                        let waker = self.desk().fail_first(error);
                        waker.into_iter().flatten().for_each(Waker::wake);
                    }
                }
            }
            Plan::Grant(key, opening) => {
                let promised = Promised { pool: self, key };
                let settled = match self.open(opening) {
                    Ok(connection) => Settled::Granted(connection),
                    Err(error) => Settled::Outcome(Err(error)),
                };
                std::mem::forget(promised);
                let (waker, rest) = self.desk().grant(key, settled);
                waker.into_iter().flatten().for_each(Waker::wake);
                if let Some(Settled::Granted(connection)) = rest {
                    self.keep(connection);
                }
            }
        }
    }

    fn open(self: &Arc<Self>, opening: Opening) -> Result<Connection> {
        match opening {
            Opening::Kept(connection) => Ok(connection),
            Opening::New(permit) => self.connection(permit),
        }
    }
}

/// A connection is about to take a message.
struct Feeding<'p>(&'p Arc<Pool>);

impl Drop for Feeding<'_> {
    fn drop(&mut self) {
        let mut desk = self.0.desk();
        desk.fed = desk.fed.saturating_sub(1);
    }
}

/// A connection is about to be given to this task. Dropped in a panic of what makes it: the task, which may be another
/// than the one that panics, is the first in line again.
struct Promised<'p> {
    pool: &'p Arc<Pool>,
    key: Key,
}

impl Drop for Promised<'_> {
    fn drop(&mut self) {
        let mut desk = self.pool.desk();
        desk.alone.push_front(self.key);
        let waker = desk.someone_queued();
        drop(desk);
        waker.into_iter().for_each(Waker::wake);
    }
}

fn settled(state: State) -> Result<Option<Settled>> {
    match state {
        State::Settled(settled) => Ok(Some(settled)),
        _ => Err(lost()),
    }
}

/// What can't be: an error all the same, and one that does not lead to a second message.
fn lost() -> Error {
    Error::new(ErrorKind::Unsure, Phase::EndOfData, "the mailer lost track of this message")
        .with_advice("find out whether it arrived before you send it again")
}
