//! Room for so many connections.

use crate::pool::Pool;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// As many permits as there may be connections to one server. Each connection holds one until it is gone. The
/// limit can change while permits are out.
pub(crate) struct Room {
    limit: AtomicUsize,
    // May be more than the limit for a while, after that was lowered.
    out: AtomicUsize,
    // Who hears of room that is free again. Only the newest of the pools that share it opens connections.
    user: Mutex<Weak<Pool>>,
}

/// Room for one connection, given back when it is dropped.
pub(crate) struct Permit(Arc<Room>);

impl Room {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let (limit, out) = (AtomicUsize::new(limit), AtomicUsize::new(0));
        Arc::new(Self { limit, out, user: Mutex::default() })
    }

    /// From here on this pool hears of room that is free again.
    pub(crate) fn serve(&self, user: Weak<Pool>) {
        *self.user() = user;
    }

    /// Room if there is some now.
    pub(crate) fn permit_now(self: &Arc<Self>) -> Option<Permit> {
        let taken = |out| if out < self.limit.load(SeqCst) { Some(out + 1) } else { None };
        self.out.fetch_update(SeqCst, SeqCst, taken).ok()?;
        Some(Permit(Arc::clone(self)))
    }

    /// True if there is no room now: asked more often than there is any.
    pub(crate) fn is_full(&self) -> bool {
        self.out() >= self.limit.load(SeqCst)
    }

    /// How many permits are out.
    pub(crate) fn out(&self) -> usize {
        self.out.load(SeqCst)
    }

    /// Changes the limit. Connections beyond a lower one go on until they are given back.
    pub(crate) fn resize(&self, limit: usize) {
        self.limit.store(limit, SeqCst);
    }

    fn user(&self) -> MutexGuard<'_, Weak<Pool>> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.out.fetch_sub(1, SeqCst);
        // Told when the lock is free: it will want the permit.
        let user = if self.0.is_full() { None } else { self.0.user().upgrade() };
        if let Some(user) = user {
            user.has_room();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_changes_under_permits_that_are_out_and_is_exact_afterwards() {
        let room = Room::new(3);
        let free = |room: &Arc<Room>| {
            let all: Vec<Permit> = std::iter::from_fn(|| room.permit_now()).collect();
            all.len()
        };
        let mut out: Vec<Permit> = std::iter::from_fn(|| room.permit_now()).collect();
        assert_eq!(out.len(), 3);
        room.resize(1);
        out.truncate(2);
        assert_eq!(free(&room), 0);
        room.resize(4);
        assert_eq!(free(&room), 2);
        out.clear();
        assert_eq!(free(&room), 4);
        room.resize(2);
        assert_eq!(free(&room), 2);
    }
}
