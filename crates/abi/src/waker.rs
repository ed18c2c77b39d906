//! Wakers that cross.

use crate::guard::guard;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// A waker of the other side. Lent for one poll, or owned after `clone`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FfiWaker {
    data: *const (),
    clone: Option<unsafe extern "C" fn(*const ()) -> FfiWaker>,
    wake: Option<unsafe extern "C" fn(*const ())>,
    drop: Option<unsafe extern "C" fn(*const ())>,
}

/// A waker of the other side that is ours to drop.
struct Owned(FfiWaker);

// SAFETY: a Waker is Send and Sync, and this is one of the other side's.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: it was made by `clone`, and is dropped once.
            unsafe { drop(self.0.data) }
        }
    }
}

impl FfiWaker {
    /// Lends ours for the time of one poll.
    pub(crate) fn lend(waker: &Waker) -> Self {
        Self {
            data: std::ptr::from_ref(waker).cast(),
            clone: Some(ours::clone),
            wake: Some(ours::wake),
            drop: Some(ours::drop),
        }
    }

    /// Calls `with` with theirs as a waker of ours.
    ///
    /// # Safety
    /// `waker` is null or lent for the time of the call.
    pub(crate) unsafe fn borrow<T>(waker: *const Self, with: impl FnOnce(&Waker) -> T) -> T {
        if waker.is_null() {
            return with(Waker::noop());
        }
        // SAFETY: BORROWED's functions only use the FfiWaker behind, which is there during this call, and what
        // they clone stands on its own. It is not dropped, which would be without effect anyway.
        let waker = unsafe { Waker::from_raw(RawWaker::new(waker.cast(), &BORROWED)) };
        with(&waker)
    }

    unsafe fn to_owned(self) -> RawWaker {
        match self.clone {
            // SAFETY: `data` is a waker of the other side that is still there, by the caller's word.
            Some(clone) => {
                let owned = Arc::new(Owned(unsafe { clone(self.data) }));
                RawWaker::new(Arc::into_raw(owned).cast(), &OWNED)
            }
            None => {
                let nobody = Waker::noop();
                RawWaker::new(nobody.data(), nobody.vtable())
            }
        }
    }

    unsafe fn wake(self) {
        if let Some(wake) = self.wake {
            // SAFETY: as in `to_owned`.
            unsafe { wake(self.data) }
        }
    }
}

// SAFETY of both tables: `data` is what `borrow` and `to_owned` put there: a lent FfiWaker, or an Arc<Owned>.
static BORROWED: RawWakerVTable = RawWakerVTable::new(
    |data| unsafe { (*data.cast::<FfiWaker>()).to_owned() },
    |data| unsafe { (*data.cast::<FfiWaker>()).wake() },
    |data| unsafe { (*data.cast::<FfiWaker>()).wake() },
    |_| {},
);
static OWNED: RawWakerVTable = RawWakerVTable::new(
    |data| unsafe {
        Arc::increment_strong_count(data.cast::<Owned>());
        RawWaker::new(data, &OWNED)
    },
    |data| unsafe { Arc::from_raw(data.cast::<Owned>()).0.wake() },
    |data| unsafe { (*data.cast::<Owned>()).0.wake() },
    |data| unsafe { drop(Arc::from_raw(data.cast::<Owned>())) },
);

/// What the other side calls on wakers of ours: `data` is a `Waker`, lent or in a box of its own.
mod ours {
    use super::{FfiWaker, Waker, guard};

    pub(super) unsafe extern "C" fn clone(data: *const ()) -> FfiWaker {
        // SAFETY: `data` is a Waker that is there, by the rules of the boundary.
        let waker = guard(|| unsafe { (*data.cast::<Waker>()).clone() });
        let waker = waker.unwrap_or_else(|_| Waker::noop().clone());
        let data: *const Waker = Box::into_raw(Box::new(waker));
        FfiWaker { data: data.cast(), clone: Some(clone), wake: Some(wake), drop: Some(drop) }
    }

    pub(super) unsafe extern "C" fn wake(data: *const ()) {
        // SAFETY: as above.
        let _ = guard(|| unsafe { (*data.cast::<Waker>()).wake_by_ref() });
    }

    pub(super) unsafe extern "C" fn drop(data: *const ()) {
        // SAFETY: called once, on what `clone` boxed.
        let _ = guard(|| std::mem::drop(unsafe { Box::from_raw(data.cast::<Waker>().cast_mut()) }));
    }
}
