//! One configuration of a mailer, from its rules to its connections.

use crate::MailerConfig;
use crate::pool::{Make, Pool};
use crate::pool_connection::Goodbye;
use crate::pool_desk::Leftover;
use crate::room::Room;
use postrider_core::{Host, Result};
use std::sync::Arc;

/// All that is needed to send by a configuration.
#[derive(Clone)]
pub(crate) struct Blueprint {
    /// The transport's name.
    pub(crate) name: String,
    /// Tells servers apart: two configurations of the same server share its room for connections.
    pub(crate) server: String,
    pub(crate) config: MailerConfig,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) make: Make,
}

impl Blueprint {
    /// Sees whether it can be carried out: every mistake in the settings shows now and not with the first
    /// message. No I/O happens.
    pub(crate) fn check(&self) -> Result<()> {
        self.config.check()?;
        (self.make)().map(drop)
    }
}

/// A configuration in use. Messages that were begun on one end on it, whatever comes after.
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) config: MailerConfig,
    pub(crate) pool: Arc<Pool>,
    server: String,
    room: Arc<Room>,
}

impl Route {
    pub(crate) fn new(blueprint: &Blueprint) -> Arc<Self> {
        Self::in_room(blueprint, Room::new(blueprint.config.connections))
    }

    /// The next route, with what is left to be done about this one, in whose stead it is: connections to be closed,
    /// and those who waited to be woken when nobody holds a lock. They find it retired and go on to the next.
    ///
    /// The limit holds across the change where the server stays the same: connections of both together are
    /// never more, for the server may refuse those beyond.
    pub(crate) fn replace(&self, blueprint: &Blueprint) -> (Arc<Self>, Vec<Goodbye>, Leftover) {
        let (goodbyes, leftover) = self.pool.retire();
        if self.server != blueprint.server {
            return (Self::new(blueprint), goodbyes, leftover);
        }
        self.room.resize(blueprint.config.connections);
        (Self::in_room(blueprint, Arc::clone(&self.room)), goodbyes, leftover)
    }

    fn in_room(blueprint: &Blueprint, room: Arc<Room>) -> Arc<Self> {
        let Blueprint { name, server, config, host, make } = blueprint;
        let pool = Pool::new(Arc::clone(make), Arc::clone(host), Arc::clone(&room), config);
        Arc::new(Self { name: name.clone(), server: server.clone(), config: config.clone(), pool, room })
    }
}
