//! A task's place in the line for connections.

use crate::pool::Pool;
use crate::pool_connection::{Lease, part_with};
use crate::pool_desk::{Key, Message, Settled, Slot, State};
use crate::pool_plan::Plan;
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
    // The door was open.
    inside: bool,
    // Nobody can wake its task yet.
    fresh: bool,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<'p> Place<'p> {
    /// Stands in line, in the order of coming. `None` if the pool was retired.
    pub(crate) fn stand(pool: &'p Arc<Pool>) -> Option<Self> {
        let (key, inside) = pool.desk().enter()?;
        Some(Self { pool, key: Some(key), inside, fresh: true, timer: None })
    }

    /// Waits before the door, if it is shut. False if the pool was retired.
    pub(crate) async fn come_in(&mut self) -> Result<bool> {
        Ok(self.inside || poll_fn(|cx| self.poll(cx)).await?.is_none())
    }

    /// Puts a message in line.
    pub(crate) fn post(&self, message: Message) {
        if let Some(key) = self.key {
            self.pool.desk().post(key, Some(message));
        }
    }

    /// Waits for what becomes of its message.
    pub(crate) async fn outcome(&mut self) -> Sent {
        match poll_fn(|cx| self.poll(cx)).await {
            Ok(Some(Settled::Outcome(outcome))) => Sent::Outcome(outcome),
            Ok(Some(Settled::Retired(Some(message)))) => Sent::Retired(message),
            Err(error) => Sent::Outcome(Err(error)),
            // A message gets nothing else.
            Ok(_) => Sent::Outcome(Err(lost())),
        }
    }

    /// Waits for a connection of its own. `None` if the pool was retired.
    pub(crate) async fn lease(&mut self) -> Result<Option<Lease>> {
        if let Some(key) = self.key {
            self.pool.desk().post(key, None);
        }
        match poll_fn(|cx| self.poll(cx)).await? {
            Some(Settled::Granted(connection)) => Ok(Some(Lease::new(connection, Arc::clone(self.pool)))),
            Some(Settled::Outcome(Err(error))) => Err(error),
            Some(Settled::Retired(_)) => Ok(None),
            Some(Settled::Outcome(Ok(_))) | None => Err(lost()),
        }
    }

    /// Does what there is to do for all who wait, until there is an answer for this one: `None` when it is inside.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Settled>>> {
        let Some(key) = self.key else { return Poll::Ready(Err(lost())) };
        // It is wanted unless there is an answer at once, and can't be made under the lock.
        let mut fresh = self.fresh.then(|| cx.waker().clone());
        let (mut timed, mut now) = (false, None);
        let mut desk = self.pool.desk();
        let is_new = self.fresh;
        // What is rung while this polls it is for the next time: other tasks of the thread have a turn first.
        let (mut turns, calls_again) = desk.turns(is_new);
        loop {
            if !desk.is_planned(&self.pool.room) {
                let Pool { room, limits, host, .. } = &**self.pool;
                // A clock may wake what waits for it, and is asked while the lock is free.
                if !desk.idle.is_empty() && now.is_none() {
                    drop(desk);
                    now = Some(host.now());
                    desk = self.pool.desk();
                    continue;
                }
                let (plan, stale) = desk.plan(room, limits, now.unwrap_or_default(), key);
                if !matches!(plan, Plan::Nothing) || !stale.is_empty() {
                    drop(desk);
                    stale.into_iter().for_each(part_with);
                    // What is fed waits with a new task for the messages of others that are about to come.
                    turns += match plan {
                        Plan::Nothing | Plan::Grant(..) => 0,
                        Plan::Feed(_) => usize::from(!is_new),
                        Plan::Tell(_) | Plan::Start(_) => 1,
                    };
                    self.pool.carry_out(plan);
                    desk = self.pool.desk();
                    continue;
                }
            }
            let is_settled = matches!(desk.slots.get(key), Some(Slot { state: State::Settled(_), .. }));
            if is_settled && !desk.stays_for_a_drive(key) {
                self.key = None;
                let (slot, wakers) = desk.leave(key);
                drop(desk);
                wakers.into_iter().for_each(Waker::wake);
                return Poll::Ready(match slot {
                    Some(Slot { state: State::Settled(settled), .. }) => Ok(Some(settled)),
                    _ => Err(lost()),
                });
            }
            let Some(slot) = desk.slots.get_mut(key) else { return Poll::Ready(Err(lost())) };
            let waits_in_line = match slot.state {
                State::Called(_) | State::Inside => {
                    slot.state = State::Inside;
                    return Poll::Ready(Ok(None));
                }
                State::Queued(_) | State::Alone | State::Outside => true,
                _ => false,
            };
            if turns > 0
                && let Some((drive, work, bell, relieved)) = desk.take_due(key, is_new)
            {
                drop(desk);
                relieved.into_iter().for_each(Waker::wake);
                turns -= 1;
                self.pool.turn(drive, work, bell);
                desk = self.pool.desk();
                continue;
            }
            if waits_in_line && !timed && self.pool.limits.wait.is_some() {
                drop(desk);
                timed = true;
                if self.is_late(cx) && self.withdraw() {
                    return Poll::Ready(Err(self.late()));
                }
                desk = self.pool.desk();
                continue;
            }
            let again = calls_again || desk.is_due(key);
            let Some(slot) = desk.slots.get_mut(key) else { return Poll::Ready(Err(lost())) };
            if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                let Some(fresh) = fresh.take() else {
                    drop(desk);
                    fresh = Some(cx.waker().clone());
                    desk = self.pool.desk();
                    continue;
                };
                let old = slot.waker.replace(fresh);
                drop(desk);
                drop(old);
                self.fresh = false;
            } else {
                drop(desk);
            }
            self.pool.keep_watch();
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

/// What can't be: an error all the same, and one that does not lead to a second message.
fn lost() -> Error {
    Error::new(ErrorKind::Unsure, Phase::EndOfData, "the mailer lost track of this message")
        .with_advice("find out whether it arrived before you send it again")
}
