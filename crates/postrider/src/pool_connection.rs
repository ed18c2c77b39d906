//! Connections of a pool: in use, kept, and on their way out.

use crate::pool::Pool;
use crate::pool_drive::Bell;
use crate::room::Permit;
use postrider_core::{Host, OutgoingTransport, Phase, Result, within};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) type Transport = Box<dyn OutgoingTransport>;

/// Longest time for a goodbye that is waited for.
const GOODBYE: Duration = Duration::from_secs(5);

/// A transport and what is known of its past. It counts as a connection until it is gone.
pub(crate) struct Connection {
    // Declared first, dropped first: the connection is gone before the room is free.
    pub(crate) transport: Transport,
    pub(crate) past: Past,
}

/// What stays of a connection while its transport is at work.
pub(crate) struct Past {
    /// When it was made.
    pub(crate) made: Duration,
    /// How many messages it has taken.
    pub(crate) messages: usize,
    pub(crate) bell: Arc<Bell>,
    pub(crate) _permit: Permit,
}

/// A connection that nobody uses.
pub(crate) struct Idle {
    pub(crate) connection: Connection,
    pub(crate) since: Duration,
}

/// A connection taken out of the pool. Dropped, it is gone: a cancelled send leaves nothing half-said behind.
pub(crate) struct Lease {
    connection: Connection,
    pool: Arc<Pool>,
}

impl Lease {
    pub(crate) fn new(connection: Connection, pool: Arc<Pool>) -> Self {
        Self { connection, pool }
    }

    pub(crate) fn transport(&mut self) -> &mut dyn OutgoingTransport {
        self.connection.transport.as_mut()
    }

    /// Gives the transport back for the next one, whatever became of the `messages` it was used for: a transport
    /// knows by itself whether its connection is still good. Only one that failed as it never should is dropped.
    pub(crate) fn give_back(self, messages: usize, broken: bool) {
        let Self { mut connection, pool } = self;
        if !broken {
            connection.past.messages += messages;
            pool.keep(connection);
        }
    }
}

/// A connection to be closed in good order.
pub(crate) struct Goodbye {
    pub(crate) connection: Connection,
    pub(crate) host: Arc<dyn Host>,
}

/// Closes connections in good order, all at the same time, each within 5 s.
pub(crate) async fn close_all(goodbyes: Vec<Goodbye>) {
    let mut closing: Vec<_> = goodbyes
        .into_iter()
        .map(|Goodbye { connection: Connection { transport, past }, host }| {
            Box::pin(async move {
                let _ = goodbye(host.as_ref(), transport.close()).await;
                drop(past);
            })
        })
        .collect();
    poll_fn(|cx| {
        closing.retain_mut(|goodbye| goodbye.as_mut().poll(cx).is_pending());
        if closing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Waits for a goodbye, at most 5 s.
pub(crate) async fn goodbye(host: &dyn Host, close: impl Future<Output = Result<()>>) -> Result<()> {
    within(host, GOODBYE, Phase::Close, close).await
}

/// Says goodbye and hangs up without waiting for an answer, which a dead connection would never give: a
/// QUIT is written, as far as that goes without waiting.
pub(crate) fn part_with(connection: Connection) {
    let Connection { transport, past } = connection;
    let mut goodbye: Pin<Box<dyn Future<Output = Result<()>> + Send>> = transport.close();
    let _ = goodbye.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(goodbye);
    drop(past);
}
