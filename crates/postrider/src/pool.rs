//! Connections shared by everyone who sends, at most so many.

use crate::MailerConfig;
use postrider_core::{Error, ErrorKind, Host, OutgoingTransport, Phase, Result, within};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

type Transport = Box<dyn OutgoingTransport>;
pub(crate) type Make = Box<dyn Fn() -> Result<Transport> + Send + Sync>;

/// Longest time for a goodbye that is waited for.
const GOODBYE: Duration = Duration::from_secs(5);

/// A bounded pool of transports.
///
/// Whoever uses a transport holds a permit, and there are as many permits as there may be connections. A
/// transport is made only by who holds a permit and finds none idle, so those in use and those idle are
/// together never more than the limit.
pub(crate) struct Pool {
    make: Make,
    host: Arc<dyn Host>,
    // The one used last comes last, and is the first to be used again: the others can go stale.
    idle: Mutex<Vec<Idle>>,
    permits: Semaphore,
    idle_timeout: Duration,
}

struct Idle {
    transport: Transport,
    since: Duration,
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
    pub(crate) fn new(make: Make, host: Arc<dyn Host>, config: &MailerConfig) -> Self {
        let permits = Semaphore::new(config.connections);
        Self { make, host, idle: Mutex::default(), permits, idle_timeout: config.idle_timeout }
    }

    /// Waits for room and gives the transport that was used last, or a new one. First come, first served.
    pub(crate) async fn lease(&self) -> Result<Lease<'_>> {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.map_err(|_| closed())?;
        let fresh = poll_fn(|cx| Poll::Ready(self.take_fresh(cx))).await;
        let transport = fresh.map_or_else(&self.make, Ok)?;
        Ok(Lease { transport, pool: self, _permit: permit })
    }

    /// Closes what is idle in good order, all at the same time.
    pub(crate) async fn close(&self) {
        let mut closing = Vec::new();
        // Without a permit somebody is about to use them. With one, a connection that is being closed
        // counts until it is gone.
        while let Ok(permit) = self.permits.try_acquire() {
            let Some(Idle { transport, .. }) = self.idle().pop() else { break };
            closing.push(Box::pin(async move {
                let _ = within(self.host.as_ref(), GOODBYE, Phase::Close, transport.close()).await;
                drop(permit);
            }));
        }
        poll_fn(|cx| {
            closing.retain_mut(|goodbye| goodbye.as_mut().poll(cx).is_pending());
            if closing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The transport used last, if it is fresh enough. All that have been idle for too long are parted with
    /// before anybody else can look, so that nobody dials while they are still connected.
    fn take_fresh(&self, cx: &mut Context<'_>) -> Option<Transport> {
        let now = self.host.now();
        let mut idle = self.idle();
        while idle.first().is_some_and(|oldest| now.saturating_sub(oldest.since) >= self.idle_timeout) {
            part_with(idle.remove(0).transport, cx);
        }
        idle.pop().map(|idle| idle.transport)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says goodbye and hangs up without waiting for an answer, which a dead connection would never give: a
/// QUIT is written, as far as that goes without waiting.
fn part_with(transport: Transport, cx: &mut Context<'_>) {
    let mut goodbye: Pin<Box<dyn Future<Output = Result<()>> + Send>> = transport.close();
    let _ = goodbye.as_mut().poll(cx);
}

impl Lease<'_> {
    pub(crate) fn transport(&mut self) -> &mut dyn OutgoingTransport {
        self.transport.as_mut()
    }

    /// Gives the transport back for the next one, whatever became of the message: a transport knows by
    /// itself whether its connection is still good. Only one that failed as it never should is dropped.
    pub(crate) fn give_back(self, broken: bool) {
        let Self { transport, pool, _permit } = self;
        if broken {
            return;
        }
        let mut idle = pool.idle();
        // Read under the lock: the order in which they lie is that of their times.
        let since = pool.host.now();
        idle.push(Idle { transport, since });
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, Phase::Connect, "the mailer is closed")
}
