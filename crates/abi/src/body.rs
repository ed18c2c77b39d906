//! Bodies that cross, chunk by chunk and without a copy.

use crate::buf::Buf;
use crate::call::{Answer, Failure, Given, Poison, status};
use crate::guard::{guard, malformed};
use crate::object::{Header, Object, Table, end, kind};
use crate::waker::FfiWaker;
use bytes::Bytes;
use futures_core::Stream;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct BodyTable {
    header: Header,
    /// The next chunk; an empty one is the end.
    chunk: Option<unsafe extern "C" fn(*mut (), *const FfiWaker) -> Answer>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for BodyTable {
    const KIND: u32 = kind::BODY;
}

static TABLE: BodyTable = BodyTable {
    header: Header { size: size_of::<BodyTable>(), kind: kind::BODY, drop: Some(end::<Shared>) },
    chunk: Some(chunk),
};

type Shared = Arc<Mutex<Lent>>;

struct Lent {
    body: Option<Body<'static>>,
    size: Option<u64>,
    given: u64,
    ended: bool,
}

fn open(shared: &Shared) -> MutexGuard<'_, Lent> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body on loan to the other side: it is taken back when this is dropped, whatever the other side does.
pub(crate) struct Loan<'a>(Shared, PhantomData<&'a mut ()>);

impl<'a> Loan<'a> {
    /// Lends a body.
    pub(crate) fn new(body: Body<'a>) -> (Object, Self) {
        let size = body.size();
        // SAFETY: only the lifetime changes. The body is behind the lock and leaves it when this loan is dropped,
        // which is before 'a ends, unless the loan is leaked: then nothing is left to poll the call that has it.
        let body: Body<'static> = unsafe { std::mem::transmute(body) };
        let shared = Arc::new(Mutex::new(Lent { body: Some(body), size, given: 0, ended: false }));
        (Object::new(Arc::clone(&shared), &TABLE), Self(shared, PhantomData))
    }

    /// True if the other side has all of the body: the message may be on its way.
    pub(crate) fn is_spent(&self) -> bool {
        let lent = open(&self.0);
        lent.ended || lent.size.is_some_and(|size| lent.given >= size)
    }

    /// Leaves the body to the other side.
    ///
    /// # Safety
    /// The other side ends it before what it borrows is gone.
    pub(crate) unsafe fn keep(mut self) {
        // The loan's own share goes, the body stays with the other one.
        self.0 = Arc::new(Mutex::new(Lent { body: None, size: None, given: 0, ended: false }));
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let body = open(&self.0).body.take();
        drop(body);
    }
}

unsafe extern "C" fn chunk(data: *mut (), waker: *const FfiWaker) -> Answer {
    let polled = guard(|| {
        // SAFETY: `data` is what `Object::new` made of a Shared, and is not ended yet.
        let mut lent = open(unsafe { &*data.cast::<Shared>() });
        let Some(body) = &mut lent.body else {
            return Poll::Ready(Err(Error::new(ErrorKind::Body, Phase::Data, "the body was taken back")));
        };
        // SAFETY: the waker is lent for this call.
        let next = unsafe {
            FfiWaker::borrow(waker, |waker| Pin::new(body).poll_next(&mut Context::from_waker(waker)))
        };
        next.map(|next| match next {
            Some(Ok(bytes)) => {
                lent.given += bytes.len() as u64;
                Ok((Buf::of(bytes), Object::none()))
            }
            Some(Err(error)) => Err(error),
            None => {
                lent.ended = true;
                Ok((Buf::empty(), Object::none()))
            }
        })
    });
    match polled {
        Ok(Poll::Pending) => Answer::pending(),
        Ok(Poll::Ready(result)) => Answer::of(Ok(result)),
        Err(text) => Answer::of(Err(text)),
    }
}

/// A body of the other side.
struct Foreign<'a> {
    // None after the end.
    object: Option<Object>,
    table: BodyTable,
    poison: Option<&'a Poison>,
}

/// A body of the other side, as one of ours. `poison` is that of the transport it comes from.
pub(crate) fn foreign<'a>(object: Object, size: Option<u64>, poison: Option<&'a Poison>) -> Result<Body<'a>> {
    let table = object.table::<BodyTable>()?;
    let body = Body::from_stream(Foreign { object: Some(object), table, poison });
    Ok(match size {
        Some(size) => body.with_size(size),
        None => body,
    })
}

impl Stream for Foreign<'_> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(object) = &self.object else { return Poll::Ready(None) };
        let Some(chunk) = self.table.chunk else {
            self.object = None;
            return Poll::Ready(Some(Err(malformed("a body can't be read"))));
        };
        let waker = FfiWaker::lend(cx.waker());
        // SAFETY: the object is there, and we have it alone.
        let answer = unsafe { chunk(object.data(), &waker) };
        if answer.status == status::PENDING {
            return Poll::Pending;
        }
        let item = match answer.read() {
            Ok((bytes, _)) if !bytes.bytes().is_empty() => return Poll::Ready(Some(Ok(bytes.into_bytes()))),
            Ok::<Given, _>(_) => None,
            Err(failure) => {
                if let (Failure::Broken(_), Some(poison)) = (&failure, self.poison) {
                    poison.set();
                }
                Some(Err(failure.into()))
            }
        };
        self.object = None;
        Poll::Ready(item)
    }
}
