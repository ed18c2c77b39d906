//! Connections shared by everyone who sends, at most so many.

use crate::room::{Permit, Room};
use postrider_core::{Host, OutgoingTransport, Phase, Result, within};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Transport = Box<dyn OutgoingTransport>;
pub(crate) type Make = Arc<dyn Fn() -> Result<Transport> + Send + Sync>;

/// Longest time for a goodbye that is waited for.
const GOODBYE: Duration = Duration::from_secs(5);

/// A bounded pool of transports, all of the same settings.
///
/// Whoever uses a transport holds a permit, and there are as many permits as there may be connections. A
/// transport is made only by who holds a permit and finds none idle, so those in use and those idle are
/// together never more than the limit.
pub(crate) struct Pool {
    make: Make,
    host: Arc<dyn Host>,
    shelf: Mutex<Shelf>,
    room: Arc<Room>,
    idle_timeout: Duration,
}

#[derive(Default)]
struct Shelf {
    // The one used last comes last, and is the first to be used again: the others can go stale.
    idle: Vec<Idle>,
    // New settings have taken the place of this pool: nothing is lent or kept any more.
    retired: bool,
}

struct Idle {
    transport: Transport,
    since: Duration,
}

/// A transport taken out of the pool. Dropped, it takes its connection with it: a cancelled send leaves
/// nothing half-said behind.
pub(crate) struct Lease {
    // Declared first, dropped first: the connection is gone before the room is free.
    transport: Transport,
    pool: Arc<Pool>,
    _permit: Permit,
}

/// A connection to be closed in good order. It counts until it is gone.
pub(crate) struct Goodbye {
    transport: Transport,
    host: Arc<dyn Host>,
    _permit: Permit,
}

/// What there is for who holds a permit.
enum Found {
    Fresh(Transport),
    Nothing,
    Retired,
}

impl Pool {
    pub(crate) fn new(make: Make, host: Arc<dyn Host>, room: Arc<Room>, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self { make, host, shelf: Mutex::default(), room, idle_timeout })
    }

    /// Waits for room and gives the transport that was used last, or a new one. First come, first served.
    /// `None` if the pool was retired meanwhile.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Option<Lease>> {
        let Some(permit) = self.room.permit().await else { return Ok(None) };
        let transport = match poll_fn(|cx| Poll::Ready(self.take_fresh(cx))).await {
            Found::Retired => return Ok(None),
            Found::Fresh(transport) => transport,
            Found::Nothing => (self.make)()?,
        };
        Ok(Some(Lease { transport, pool: Arc::clone(self), _permit: permit }))
    }

    /// Takes out what is idle, to be closed.
    pub(crate) fn clear(&self) -> Vec<Goodbye> {
        let mut goodbyes = Vec::new();
        // Without a permit somebody is about to use them.
        while let Some(permit) = self.room.permit_now() {
            let Some(Idle { transport, .. }) = self.shelf().idle.pop() else { break };
            goodbyes.push(Goodbye { transport, host: Arc::clone(&self.host), _permit: permit });
        }
        goodbyes
    }

    /// Lends nothing any more. What is in use goes on to its end; what is idle is to be closed.
    pub(crate) fn retire(&self) -> Vec<Goodbye> {
        let mut shelf = self.shelf();
        shelf.retired = true;
        let mut goodbyes = Vec::new();
        for Idle { transport, .. } in shelf.idle.drain(..) {
            match self.room.permit_now() {
                Some(permit) => {
                    goodbyes.push(Goodbye { transport, host: Arc::clone(&self.host), _permit: permit });
                }
                // Somebody has the room for it already, and may connect in its place at any moment.
                None => part_with(transport, &mut Context::from_waker(Waker::noop())),
            }
        }
        goodbyes
    }

    /// The transport used last, if it is fresh enough. All that have been idle for too long are parted with
    /// before anybody else can look, so that nobody dials while they are still connected.
    fn take_fresh(&self, cx: &mut Context<'_>) -> Found {
        let now = self.host.now();
        let mut shelf = self.shelf();
        if shelf.retired {
            return Found::Retired;
        }
        while shelf.idle.first().is_some_and(|oldest| now.saturating_sub(oldest.since) >= self.idle_timeout) {
            part_with(shelf.idle.remove(0).transport, cx);
        }
        shelf.idle.pop().map_or(Found::Nothing, |idle| Found::Fresh(idle.transport))
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections in good order, all at the same time, each within 5 s.
pub(crate) async fn close_all(goodbyes: Vec<Goodbye>) {
    let mut closing: Vec<_> = goodbyes
        .into_iter()
        .map(|Goodbye { transport, host, _permit }| {
            Box::pin(async move {
                let _ = goodbye(host.as_ref(), transport.close()).await;
                drop(_permit);
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
fn part_with(transport: Transport, cx: &mut Context<'_>) {
    let mut goodbye: Pin<Box<dyn Future<Output = Result<()>> + Send>> = transport.close();
    let _ = goodbye.as_mut().poll(cx);
}

impl Lease {
    pub(crate) fn transport(&mut self) -> &mut dyn OutgoingTransport {
        self.transport.as_mut()
    }

    /// Gives the transport back for the next one, whatever became of the message: a transport knows by
    /// itself whether its connection is still good. Only one that failed as it never should is dropped, and
    /// one of a retired pool is parted with.
    pub(crate) async fn give_back(self, broken: bool) {
        if broken {
            // As a whole, so that the connection is gone before the room is free.
            drop(self);
            return;
        }
        let Self { transport, pool, _permit } = self;
        let mut transport = Some(transport);
        poll_fn(|cx| {
            let mut shelf = pool.shelf();
            match transport.take() {
                Some(transport) if shelf.retired => part_with(transport, cx),
                Some(transport) => {
                    // Read under the lock: the order in which they lie is that of their times.
                    let since = pool.host.now();
                    shelf.idle.push(Idle { transport, since });
                }
                None => {}
            }
            Poll::Ready(())
        })
        .await;
    }
}
