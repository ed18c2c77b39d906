//! A look after all who wait, should the one that was woken for a connection not be polled.
//!
//! Whoever waits polls, and a connection wakes one or two of them. They may lie in a `select` or a set of futures whose
//! owner awaits something else, perhaps another send of this very mailer. So that this one comes to its end, every so
//! often all who wait are woken, and whoever is really polled does what there is to do.

use crate::pool::Pool;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// As long as that a send may be held up by those that lie.
const PERIOD: Duration = Duration::from_millis(500);

/// One timer for all who wait.
#[derive(Default)]
pub(crate) struct Watch {
    set: AtomicBool,
    timer: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

/// A look that is to come.
struct Round {
    pool: Weak<Pool>,
    is_over: AtomicBool,
}

impl Pool {
    /// Somebody goes on waiting.
    pub(crate) fn keep_watch(self: &Arc<Self>) {
        if self.watch.set.load(Ordering::Relaxed) || self.watch.set.swap(true, Ordering::AcqRel) {
            return;
        }
        let round = Arc::new(Round { pool: Arc::downgrade(self), is_over: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&round));
        let mut timer = self.host.sleep(PERIOD);
        // One that is ready at once is of a host that knows no time: there is nothing to be had of it.
        let timer = timer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending().then_some(timer);
        let mut known = self.watch.timer.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is over by now does not take the place of the next, which may have been set already.
        let is_over = round.is_over.load(Ordering::Acquire);
        let old = if is_over { timer } else { std::mem::replace(&mut *known, timer) };
        drop(known);
        drop(old);
    }
}

impl Wake for Round {
    fn wake(self: Arc<Self>) {
        // What wakes more than once does it for this round only.
        if self.is_over.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(pool) = self.pool.upgrade() else { return };
        // The first of them to go on waiting sets the timer anew.
        pool.watch.set.store(false, Ordering::Release);
        let wakers = pool.desk().rouse();
        wakers.into_iter().for_each(Waker::wake);
    }
}
