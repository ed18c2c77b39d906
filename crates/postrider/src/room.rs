//! Room for so many connections.

use crate::pool::Pool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// As many permits as there may be connections to one server. Each connection holds one until it is gone. The
/// limit can change while permits are out.
pub(crate) struct Room {
    size: Mutex<Size>,
}

struct Size {
    limit: usize,
    // May be more than the limit for a while, after that was lowered.
    out: usize,
    // Who hears of room that is free again. Only the newest of the pools that share it opens connections.
    user: Weak<Pool>,
}

/// Room for one connection, given back when it is dropped.
pub(crate) struct Permit(Arc<Room>);

impl Room {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { size: Mutex::new(Size { limit, out: 0, user: Weak::new() }) })
    }

    /// From here on this pool hears of room that is free again.
    pub(crate) fn serve(&self, user: Weak<Pool>) {
        self.size().user = user;
    }

    /// Room if there is some now.
    pub(crate) fn permit_now(self: &Arc<Self>) -> Option<Permit> {
        let mut size = self.size();
        if size.out >= size.limit {
            return None;
        }
        size.out += 1;
        Some(Permit(Arc::clone(self)))
    }

    /// How many permits are out.
    pub(crate) fn out(&self) -> usize {
        self.size().out
    }

    /// Changes the limit. Connections beyond a lower one go on until they are given back.
    pub(crate) fn resize(&self, limit: usize) {
        self.size().limit = limit;
    }

    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let user = {
            let mut size = self.0.size();
            size.out -= 1;
            if size.out < size.limit { size.user.upgrade() } else { None }
        };
        // Told when the lock is free: it will want the permit.
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
