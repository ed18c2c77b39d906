//! What was planned for those who wait is carried out: connections are made, and given to who is to have them.

use crate::pool::Pool;
use crate::pool_connection::Connection;
use crate::pool_desk::{Key, Settled};
use crate::pool_plan::{Opening, Plan};
use postrider_core::Result;
use std::sync::Arc;
use std::task::Waker;

impl Pool {
    /// Does what was planned for those who wait.
    pub(crate) fn carry_out(self: &Arc<Self>, plan: Plan) {
        match plan {
            Plan::Nothing => {}
            Plan::Tell(ask) | Plan::Feed(ask) => ask.into_iter().for_each(Waker::wake),
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
                        let (wakers, message) = self.desk().fail_first(error);
                        drop(message);
                        wakers.into_iter().flatten().for_each(Waker::wake);
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
