//! A connection at work: who polls it, what it takes and what it reports.
//!
//! There is no task in the background. Every task that waits polls the connections that have something to do, one
//! task a connection at a time, and whoever has its answer leaves the rest to those who still wait.

use crate::pool::Pool;
use crate::pool_connection::{Connection, Past, Transport};
use crate::pool_desk::{Drive, Key, Leftover, Settled, State, Work};
use crate::pool_plan::Asked;
use postrider_core::{Batch, Body, Envelope, Error, ErrorKind, Phase, Receipt, Result};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What a connection rings when it can go on. It serves all drives of the connection, one after the other.
pub(crate) struct Bell {
    pool: Weak<Pool>,
    drive: AtomicUsize,
}

impl Bell {
    pub(crate) fn new(pool: Weak<Pool>) -> Arc<Self> {
        Arc::new(Self { pool, drive: AtomicUsize::new(Key::MAX) })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(pool) = self.pool.upgrade() else { return };
        // At worst another drive that has this number by now is polled once too often.
        let wakers = pool.desk().ring(self.drive.load(Ordering::Acquire));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The messages of a drive: whatever comes into the queue while it is at work.
struct Taker {
    pool: Arc<Pool>,
    drive: Key,
    serial: u64,
}

impl Batch<'static> for Taker {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        let limits = &self.pool.limits;
        let now = if limits.age.is_some() { self.pool.host.now() } else { Duration::ZERO };
        let mut fresh = None;
        loop {
            let mut desk = self.pool.desk();
            match desk.ask(self.drive, self.serial, limits, now) {
                Asked::Message(message, waker) => {
                    drop(desk);
                    waker.into_iter().for_each(Waker::wake);
                    return Poll::Ready(Some((message.envelope, Body::from_bytes(message.bytes))));
                }
                Asked::End => return Poll::Ready(None),
                Asked::Wait => {}
            }
            let Some(drive) = desk.drives.get_mut(self.drive) else { return Poll::Ready(None) };
            if drive.ask.as_ref().is_some_and(|ask| ask.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(fresh) = fresh.take() {
                let old = drive.ask.replace(fresh);
                drop(desk);
                drop(old);
                return Poll::Pending;
            }
            drop(desk);
            fresh = Some(cx.waker().clone());
        }
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        let (waker, unwanted) = self.pool.desk().report((self.drive, self.serial), index, outcome);
        drop(unwanted);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Pool {
    /// Lets a connection take what waits. It is due from here on.
    pub(crate) fn start(self: &Arc<Self>, connection: Connection) {
        let Connection { mut transport, past } = connection;
        let mut desk = self.desk();
        let serial = desk.serial;
        desk.serial += 1;
        let entry = desk.drives.vacant_entry();
        let key = entry.key();
        past.bell.drive.store(key, Ordering::Release);
        let mut batch = Taker { pool: Arc::clone(self), drive: key, serial };
        let work: Work = Box::pin(async move {
            transport.send_all(&mut batch).await;
            transport
        });
        entry.insert(Drive {
            work: Some(work),
            past,
            serial,
            due: true,
            promised: None,
            left: 0,
            fed: 1,
            hungry: false,
            ask: None,
            ended: false,
            broken: false,
            taken: VecDeque::new(),
            first: 0,
            in_flight: 0,
            live: 0,
            driver: None,
        });
        if desk.retired
            && let Some(drive) = desk.drives.get_mut(key)
        {
            drive.ended = true;
        }
        // Before those that are at work already: they would take its message.
        desk.due.push_front(key);
    }

    /// Polls a drive, in the name of a task that waits.
    pub(crate) fn turn(self: &Arc<Self>, key: Key, work: Work, bell: Arc<Bell>) {
        let waker = Waker::from(bell);
        let mut polled = Polled { pool: self, key, work: Some(work) };
        while let Some(work) = &mut polled.work {
            if let Poll::Ready(transport) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return polled.end(transport);
            }
            let mut desk = self.desk();
            if let Some(ask) = desk.goes_on(key, &self.limits) {
                drop(desk);
                ask.wake();
                // It rang for the poll that comes now.
                self.desk().hush(key);
                continue;
            }
            match desk.drives.get_mut(key) {
                // Whoever waited for it went away meanwhile.
                Some(drive) if drive.in_flight > 0 && drive.live == 0 => {
                    let mut cut = desk.remove(key);
                    if let Some(cut) = &mut cut {
                        cut.work = polled.work.take();
                    }
                    drop(desk);
                    Leftover { drives: cut.into_iter().collect(), ..Leftover::default() }.settle();
                }
                Some(drive) => drive.work = polled.work.take(),
                None => {}
            }
            return;
        }
    }
}

/// What is left of a drive.
struct Ended {
    past: Past,
    broken: bool,
    // It ended by itself and had taken nothing.
    idle: bool,
}

/// A drive while it is polled. Dropped with its work in a panic of the transport.
struct Polled<'p> {
    pool: &'p Arc<Pool>,
    key: Key,
    work: Option<Work>,
}

impl Polled<'_> {
    /// The batch is at its end.
    fn end(mut self, transport: Transport) {
        let work = self.work.take();
        let ended = self.finish();
        drop(work);
        let Some(Ended { past, broken, idle }) = ended else { return };
        let connection = Connection { transport, past };
        if idle {
            // Started again it would do the same, and this thread would come to nothing else.
            drop(connection);
            let (wakers, message) = self.pool.desk().fail_first(untaken());
            drop(message);
            wakers.into_iter().flatten().for_each(Waker::wake);
        } else if !broken {
            self.pool.keep(connection);
        }
    }

    /// Takes the drive off the list; a message it did not speak of is unsure.
    fn finish(&self) -> Option<Ended> {
        let mut desk = self.pool.desk();
        let drive = desk.remove(self.key)?;
        let mut wakers = Vec::new();
        wakers.extend(drive.driver.and_then(|driver| desk.relieve(driver)));
        for slot in drive.taken.iter().flatten() {
            if matches!(desk.slots.get(*slot).map(|slot| &slot.state), Some(State::Taken(_))) {
                wakers.extend(desk.answer(*slot, Settled::Outcome(Err(unspoken()))));
            }
        }
        drop(desk);
        wakers.into_iter().for_each(Waker::wake);
        let idle = !drive.ended && drive.first == 0 && drive.taken.is_empty();
        let Drive { past, broken, .. } = drive;
        Some(Ended { past, broken, idle })
    }
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let ended = self.finish();
            drop(work);
            drop(ended);
        }
    }
}

fn untaken() -> Error {
    let what = "the transport takes no messages";
    Error::new(ErrorKind::Plugin, Phase::Sender, what).with_advice("send it again")
}

fn unspoken() -> Error {
    let what = "the transport did not say what became of this message";
    Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
        .with_advice("find out whether it arrived before you send it again")
}
