//! Connections shared by everyone who sends, at most so many.

use postrider_core::{Host, OutgoingTransport, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

type Transport = Box<dyn OutgoingTransport>;
type Make = Box<dyn Fn() -> Result<Transport> + Send + Sync>;

/// A bounded pool of transports. A transport exists only while it holds or has left behind a permit's worth
/// of room, so there are never more than the limit.
pub(crate) struct Pool {
    make: Make,
    host: Arc<dyn Host>,
    idle: Mutex<Vec<(Transport, Duration)>>,
    permits: Semaphore,
    idle_timeout: Duration,
}

/// A transport taken out of the pool. Dropped, it takes its connection with it: a cancelled send leaves
/// nothing half-said behind.
pub(crate) struct Lease<'a> {
    // Declared first, dropped first: the connection is gone before the room is free.
    transport: Transport,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(crate) fn new(make: Make, host: Arc<dyn Host>, limit: usize, idle_timeout: Duration) -> Self {
        let permits = Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS));
        Self { make, host, idle: Mutex::default(), permits, idle_timeout }
    }

    /// Waits for room and gives the transport that was used last, or a new one.
    pub(crate) async fn lease(&self) -> Result<Lease<'_>> {
        let Ok(permit) = self.permits.acquire().await else {
            // The semaphore is never closed.
            return Err(postrider_core::Error::new(
                postrider_core::ErrorKind::Closed,
                postrider_core::Phase::Connect,
                "the mailer is closed",
            ));
        };
        let (fresh, stale) = self.take_idle();
        for transport in stale {
            let _ = transport.close().await;
        }
        let transport = match fresh {
            Some(transport) => transport,
            None => (self.make)()?,
        };
        Ok(Lease { transport, pool: self, _permit: permit })
    }

    /// Closes what is idle, in good order.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for (transport, _) in idle {
            let _ = transport.close().await;
        }
    }

    /// The transport used last if it is fresh enough, and all that have been idle for too long.
    fn take_idle(&self) -> (Option<Transport>, Vec<Transport>) {
        let now = self.host.now();
        let mut idle = self.idle();
        let is_stale = |since: Duration| now.saturating_sub(since) > self.idle_timeout;
        let stale: Vec<Transport> = match idle.iter().rposition(|(_, since)| is_stale(*since)) {
            Some(last) => idle.drain(..=last).map(|(transport, _)| transport).collect(),
            None => Vec::new(),
        };
        (idle.pop().map(|(transport, _)| transport), stale)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Transport, Duration)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    pub(crate) fn transport(&mut self) -> &mut dyn OutgoingTransport {
        self.transport.as_mut()
    }

    /// Gives the transport back for the next one.
    pub(crate) fn give_back(self) {
        let Self { transport, pool, _permit } = self;
        let now = pool.host.now();
        pool.idle().push((transport, now));
    }
}
