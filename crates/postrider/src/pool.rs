//! Connections shared by everyone who sends, at most so many.
//!
//! | file | what is in it |
//! |---|---|
//! | `pool_place.rs` | one who waits: for a message's outcome, or for a connection alone |
//! | `pool_desk.rs` | who waits, and what is in flight where, under one lock |
//! | `pool_door.rs` | how many messages are written out while they wait |
//! | `pool_plan.rs` | which connection takes which message, and when another is opened |
//! | `pool_opening.rs` | that being done |
//! | `pool_drive.rs`, `pool_duty.rs` | a connection at work, and whose turn it is to poll it |
//! | `pool_watch.rs` | a look after all who wait, should one of them lie |
//! | `pool_connection.rs` | connections kept and on their way out |

use crate::MailerConfig;
use crate::pool_connection::{Connection, Goodbye, Idle, Lease, Past, Transport, part_with};
use crate::pool_desk::{Desk, Leftover};
use crate::pool_drive::Bell;
use crate::pool_place::Place;
use crate::pool_watch::Watch;
use crate::room::{Permit, Room};
use futures_util::future::join_all;
use postrider_core::{ErrorKind, Host, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

pub(crate) type Make = Arc<dyn Fn() -> Result<Transport> + Send + Sync>;

/// A bounded pool of transports, all of the same settings.
///
/// Each connection holds a permit until it is gone, idle or not, and there are as many permits as there may be
/// connections.
pub(crate) struct Pool {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) room: Arc<Room>,
    pub(crate) limits: Limits,
    pub(crate) watch: Watch,
    make: Make,
    desk: Mutex<Desk>,
}

/// What a connection may be used for.
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) grow_at: usize,
    pub(crate) messages: usize,
    pub(crate) age: Option<Duration>,
    pub(crate) wait: Option<Duration>,
}

impl Limits {
    fn of(config: &MailerConfig) -> Self {
        Self {
            idle: config.idle_timeout,
            grow_at: config.grow_at,
            messages: config.messages_per_connection.map_or(usize::MAX, Into::into),
            age: config.connection_age,
            wait: config.wait_timeout,
        }
    }

    /// True if a connection is to take nothing more.
    pub(crate) fn are_reached(&self, messages: usize, made: Duration, now: Duration) -> bool {
        messages >= self.messages || self.age.is_some_and(|age| now.saturating_sub(made) >= age)
    }
}

impl Pool {
    pub(crate) fn new(make: Make, host: Arc<dyn Host>, room: Arc<Room>, config: &MailerConfig) -> Arc<Self> {
        let limits = Limits::of(config);
        let pool =
            Arc::new(Self { make, host, room, limits, watch: Watch::default(), desk: Mutex::default() });
        pool.room.serve(Arc::downgrade(&pool));
        pool
    }

    /// Waits for a connection alone. First come, first served. `None` if the pool was retired meanwhile.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Option<Lease>> {
        let Some(mut place) = Place::stand(self) else { return Ok(None) };
        if place.come_in().await? { place.lease().await } else { Ok(None) }
    }

    /// Connects until there are so many, as far as they are allowed.
    pub(crate) async fn connect(self: &Arc<Self>, connections: usize) -> Result<()> {
        let mut opening = Vec::new();
        while self.room.out() < connections
            && let Some(permit) = self.room.permit_now()
        {
            let mut lease = Lease::new(self.connection(permit)?, Arc::clone(self));
            opening.push(async move {
                let outcome = lease.transport().connect().await;
                let broken = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Plugin);
                lease.give_back(0, broken);
                outcome
            });
        }
        join_all(opening).await.into_iter().collect()
    }

    /// A new transport; it connects when it is first used.
    pub(crate) fn connection(self: &Arc<Self>, permit: Permit) -> Result<Connection> {
        let transport = (self.make)()?;
        let bell = Bell::new(Arc::downgrade(self));
        Ok(Connection { transport, past: Past { made: self.host.now(), messages: 0, bell, _permit: permit } })
    }

    /// Keeps a connection for the next message, if it may be used any more.
    pub(crate) fn keep(&self, connection: Connection) {
        let now = self.host.now();
        let mut desk = self.desk();
        if desk.retired || self.limits.are_reached(connection.past.messages, connection.past.made, now) {
            drop(desk);
            return part_with(connection);
        }
        desk.idle.push(Idle { connection, since: now });
        let waker = desk.someone_queued();
        drop(desk);
        waker.into_iter().for_each(Waker::wake);
    }

    /// There may be room for another connection.
    pub(crate) fn has_room(&self) {
        let waker = self.desk().someone_queued();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes out what is idle, to be closed.
    pub(crate) fn clear(&self) -> Vec<Goodbye> {
        let idle = std::mem::take(&mut self.desk().idle);
        self.goodbyes(idle)
    }

    /// Lends nothing any more. What is in use goes on to its end; what is idle is to be closed, and those who waited
    /// are to be woken.
    pub(crate) fn retire(&self) -> (Vec<Goodbye>, Leftover) {
        let (idle, leftover) = self.desk().retire();
        (self.goodbyes(idle), leftover)
    }

    fn goodbyes(&self, idle: Vec<Idle>) -> Vec<Goodbye> {
        let goodbye = |idle: Idle| Goodbye { connection: idle.connection, host: Arc::clone(&self.host) };
        idle.into_iter().map(goodbye).collect()
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
