//! Objects that cross: a pointer and a table of functions that only grows at its end.

use crate::guard::{guard, malformed};
use postrider_core::Error;
use std::mem::MaybeUninit;

/// What a table is of, so that one is not taken for another.
pub(crate) mod kind {
    pub(crate) const HOST: u32 = 1;
    pub(crate) const CONNECTION: u32 = 2;
    pub(crate) const BODY: u32 = 3;
    pub(crate) const SETTINGS: u32 = 4;
    pub(crate) const OUTGOING: u32 = 5;
    pub(crate) const INCOMING: u32 = 6;
    pub(crate) const BATCH: u32 = 7;
}

/// What each table begins with. Frozen.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Header {
    /// Bytes of the whole table as its maker knows it.
    pub(crate) size: usize,
    /// What it is of.
    pub(crate) kind: u32,
    /// Ends the object; not 0 if that panicked.
    pub(crate) drop: Option<unsafe extern "C" fn(*mut ()) -> u32>,
}

/// A table of functions.
///
/// # Safety
/// `repr(C)`, begins with a [`Header`], and all zeroes is a value: everything else is an `Option` of a function.
pub(crate) unsafe trait Table: Copy {
    const KIND: u32;
}

/// An object of the other side, or ours on its way there. Dropping it ends it where it was made.
#[repr(C)]
pub struct Object {
    data: *mut (),
    table: *const Header,
}

// SAFETY: what is behind is Send: `new` asks for it, and the rules of the boundary ask it of others.
unsafe impl Send for Object {}
// SAFETY: a shared Object gives its pointer only; who calls through it answers for how.
unsafe impl Sync for Object {}

impl Object {
    pub(crate) const fn none() -> Self {
        Self { data: std::ptr::null_mut(), table: std::ptr::null() }
    }

    /// An object of ours. `table` must be one for `T`, with [`end`] of `T` as its drop.
    pub(crate) fn new<T: Send, V: Table>(value: T, table: &'static V) -> Self {
        Self { data: Box::into_raw(Box::new(value)).cast(), table: std::ptr::from_ref(table).cast() }
    }

    pub(crate) fn data(&self) -> *mut () {
        self.data
    }

    /// The table, as far as both sides know it: functions that the other side does not have are `None`.
    pub(crate) fn table<V: Table>(&self) -> Result<V, Error> {
        if self.data.is_null() || self.table.is_null() {
            return Err(malformed("an object is missing"));
        }
        // SAFETY: not null, and the rules of the boundary promise a header that lives as long as the object.
        let header = unsafe { self.table.read() };
        if header.kind != V::KIND || !(size_of::<Header>()..=1 << 16).contains(&header.size) {
            return Err(malformed("an object is not of the kind it should be"));
        }
        let mut table = MaybeUninit::<V>::zeroed();
        // SAFETY: `size` bytes are readable by the header's word, no more than fit are copied, and a V may be
        // zero from any function on (`Table`).
        unsafe {
            let size = header.size.min(size_of::<V>());
            std::ptr::copy_nonoverlapping(self.table.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), size);
            Ok(table.assume_init())
        }
    }

    /// Gives the object away to a function that ends it.
    pub(crate) fn release(self) -> *mut () {
        std::mem::ManuallyDrop::new(self).data
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.data.is_null() || self.table.is_null() {
            return;
        }
        // SAFETY: as in `table`; the object is ended once.
        let failed = unsafe { self.table.read().drop.map(|drop| drop(self.data)) };
        if failed != Some(0) {
            tracing::warn!(target: "postrider::plugin", "an object across a plugin's boundary failed to end");
        }
    }
}

/// Ends an object made by [`Object::new`] of a `T`.
///
/// # Safety
/// `data` is that object's, and this is the last call about it.
pub(crate) unsafe extern "C" fn end<T>(data: *mut ()) -> u32 {
    // SAFETY: the caller's; it came from Box::into_raw.
    u32::from(guard(|| drop(unsafe { Box::from_raw(data.cast::<T>()) })).is_err())
}
