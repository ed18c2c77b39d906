//! Room for so many connections.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many permits as there may be connections to one server. Whoever uses a connection holds one, first
/// come, first served. The limit can change while permits are out.
pub(crate) struct Room {
    permits: Arc<Semaphore>,
    size: Mutex<Size>,
}

struct Size {
    limit: usize,
    // How many permits that are out won't be given back, because the limit was lowered under them.
    debt: usize,
}

/// Room for one connection, given back when it is dropped.
pub(crate) struct Permit {
    room: Arc<Room>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let size = Mutex::new(Size { limit, debt: 0 });
        Arc::new(Self { permits: Arc::new(Semaphore::new(limit)), size })
    }

    /// Waits for room; `None` once it is closed.
    pub(crate) async fn permit(self: &Arc<Self>) -> Option<Permit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(Permit { room: Arc::clone(self), permit: Some(permit) })
    }

    /// Room if there is some now.
    pub(crate) fn permit_now(self: &Arc<Self>) -> Option<Permit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(Permit { room: Arc::clone(self), permit: Some(permit) })
    }

    /// Sends everybody away who waits, now and later.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    /// Changes the limit. Connections beyond a lower one go on until they are given back.
    pub(crate) fn resize(&self, limit: usize) {
        let mut size = self.size();
        if let Some(more) = limit.checked_sub(size.limit) {
            let forgiven = more.min(size.debt);
            size.debt -= forgiven;
            self.permits.add_permits(more - forgiven);
        } else {
            let fewer = size.limit - limit;
            size.debt += fewer - self.permits.forget_permits(fewer);
        }
        size.limit = limit;
    }

    fn size(&self) -> std::sync::MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut size = self.room.size();
        if size.debt > 0 {
            size.debt -= 1;
            permit.forget();
        } else {
            // Given back under the lock: nobody lowers the limit between the look and this.
            drop(permit);
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
        room.close();
        assert_eq!(free(&room), 0);
    }
}
