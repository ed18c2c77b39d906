//! Memory that crosses: owned, with the function that frees it, or lent for one call.

use crate::guard::guard;
use bytes::Bytes;
use postrider_core::Secret;
use std::ops::Deref;
use zeroize::Zeroizing;

/// Bytes that belong to whoever holds them and are freed by whoever made them.
#[repr(C)]
pub(crate) struct Buf {
    ptr: *const u8,
    len: usize,
    owner: *mut (),
    free: Option<unsafe extern "C" fn(*mut ())>,
}

// SAFETY: the bytes are not changed while a Buf is there, and its maker promises that `free` may be called on any
// thread: here all owners are Send and Sync.
unsafe impl Send for Buf {}
// SAFETY: as above; through a shared Buf the bytes are only read.
unsafe impl Sync for Buf {}

impl Buf {
    /// No bytes.
    pub(crate) const fn empty() -> Self {
        Self { ptr: std::ptr::null(), len: 0, owner: std::ptr::null_mut(), free: None }
    }

    /// Bytes, not copied.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self::owned(bytes.into())
    }

    /// Bytes in a vector, not copied.
    pub(crate) fn of_vec(bytes: Vec<u8>) -> Self {
        Self::owned(bytes)
    }

    /// A secret's text; its memory is overwritten when it is freed.
    pub(crate) fn of_secret(secret: &Secret) -> Self {
        Self::of_sensitive(secret.expose().as_bytes().to_vec())
    }

    /// Bytes that are overwritten when they are freed.
    pub(crate) fn of_sensitive(bytes: Vec<u8>) -> Self {
        Self::owned(Zeroizing::new(bytes))
    }

    fn owned<T: Deref<Target: AsRef<[u8]>> + Send + Sync + 'static>(owner: T) -> Self {
        unsafe extern "C" fn free<T>(owner: *mut ()) {
            // SAFETY: `owner` came from Box::into_raw of a Box<T> below, and Buf calls this once.
            let _ = guard(|| drop(unsafe { Box::from_raw(owner.cast::<T>()) }));
        }
        // Boxed first: the bytes of an owner may lie inside of it.
        let owner = Box::new(owner);
        let bytes: &[u8] = (**owner).as_ref();
        let (ptr, len) = (bytes.as_ptr(), bytes.len());
        if len == 0 {
            return Self::empty();
        }
        Self { ptr, len, owner: Box::into_raw(owner).cast(), free: Some(free::<T>) }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the maker promises `len` readable bytes at `ptr` until `free`.
        unsafe { Text { ptr: self.ptr, len: self.len }.bytes() }
    }

    /// The bytes, not copied; freed when the last part of them is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.len == 0 { Bytes::new() } else { Bytes::from_owner(self) }
    }
}

impl AsRef<[u8]> for Buf {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        if let Some(free) = self.free.take() {
            // SAFETY: the maker gave this function for this owner, and it is taken: it is called once.
            unsafe { free(self.owner) }
        }
    }
}

/// Bytes of somebody else: of a constant, or lent for the time of one call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    ptr: *const u8,
    len: usize,
}

// SAFETY: it is a pointer to bytes nobody changes; reading them is unsafe and has its own condition.
unsafe impl Send for Text {}
// SAFETY: as above.
unsafe impl Sync for Text {}

impl Text {
    /// These bytes.
    pub const fn new(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes; none where the other side gave a length that can't be.
    ///
    /// # Safety
    /// The bytes must be readable and unchanged for `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 || self.len > isize::MAX as usize {
            return &[];
        }
        // SAFETY: not null, not too long, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }

    /// The text, with what is not UTF-8 replaced.
    ///
    /// # Safety
    /// As [`bytes`](Self::bytes), for the time of the call.
    pub unsafe fn text(self) -> String {
        // SAFETY: the caller's.
        String::from_utf8_lossy(unsafe { self.bytes() }).into_owned()
    }
}
