//! Calls that cross: a future as a pointer with `poll` and `drop`, and what it gives.

use crate::buf::Buf;
use crate::guard::{guard, malformed, panicked};
use crate::object::Object;
use crate::value::{self, Value};
use crate::waker::FfiWaker;
use postrider_core::Error;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// How a call stands. Numbers, for the other side may say any.
pub(crate) mod status {
    pub(crate) const PENDING: u32 = 0;
    pub(crate) const READY: u32 = 1;
    pub(crate) const FAILED: u32 = 2;
    pub(crate) const PANICKED: u32 = 3;
}

/// What a call gives. Frozen.
#[repr(C)]
pub struct Answer {
    pub(crate) status: u32,
    /// The values of a success, an error of a failure, words of a panic.
    pub(crate) value: Buf,
    /// The object that a success gives, if any.
    pub(crate) object: Object,
}

/// What a success gives.
pub(crate) type Given = (Buf, Object);

impl Answer {
    pub(crate) fn pending() -> Self {
        Self { status: status::PENDING, value: Buf::empty(), object: Object::none() }
    }

    pub(crate) fn of(result: Result<Result<Given, Error>, String>) -> Self {
        match result {
            Ok(Ok((value, object))) => Self { status: status::READY, value, object },
            Ok(Err(error)) => {
                Self { status: status::FAILED, value: value::encode(&error), object: Object::none() }
            }
            Err(text) => Self { status: status::PANICKED, value: Buf::of(text), object: Object::none() },
        }
    }

    /// What it says, if it is no `PENDING`.
    pub(crate) fn read(self) -> Result<Given, Failure> {
        match self.status {
            status::READY => Ok((self.value, self.object)),
            status::FAILED => match value::decode::<Error>(&self.value) {
                Ok(error) => Err(Failure::Told(error)),
                Err(error) => Err(Failure::Broken(error)),
            },
            status::PANICKED => {
                let text = String::from_utf8_lossy(self.value.bytes());
                Err(Failure::Broken(panicked(&text)))
            }
            other => Err(Failure::Broken(malformed(&format!("an answer has the unknown status {other}")))),
        }
    }
}

/// Why a call across the boundary failed.
pub(crate) enum Failure {
    /// The other side gave an error.
    Told(Error),
    /// The other side panicked or broke the rules: the object can't be used again.
    Broken(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Told(error) | Failure::Broken(error) => error,
        }
    }
}

/// A future of the other side, or ours on its way there. Frozen.
#[repr(C)]
pub(crate) struct FfiFuture {
    data: *mut (),
    poll: Option<unsafe extern "C" fn(*mut (), *const FfiWaker) -> Answer>,
    drop: Option<unsafe extern "C" fn(*mut ()) -> u32>,
}

// SAFETY: `serve` asks for a Send future, and the rules of the boundary ask it of others.
unsafe impl Send for FfiFuture {}

impl FfiFuture {
    /// A future of ours.
    ///
    /// # Safety
    /// The other side keeps it no longer than what `F` borrows is there and unused by others.
    pub(crate) unsafe fn serve<F: Future<Output = Result<Given, Error>> + Send>(future: F) -> Self {
        unsafe extern "C" fn poll<F: Future<Output = Result<Given, Error>>>(
            data: *mut (),
            waker: *const FfiWaker,
        ) -> Answer {
            let polled = guard(|| {
                // SAFETY: `data` is the box made below; it is polled by one at a time and never moved.
                let future = unsafe { Pin::new_unchecked(&mut *data.cast::<F>()) };
                // SAFETY: the waker is lent for this call.
                unsafe { FfiWaker::borrow(waker, |waker| future.poll(&mut Context::from_waker(waker))) }
            });
            match polled {
                Ok(Poll::Pending) => Answer::pending(),
                Ok(Poll::Ready(result)) => {
                    guard(|| Answer::of(Ok(result))).unwrap_or_else(|e| Answer::of(Err(e)))
                }
                Err(text) => Answer::of(Err(text)),
            }
        }
        let data = Box::into_raw(Box::new(future)).cast();
        Self { data, poll: Some(poll::<F>), drop: Some(crate::object::end::<F>) }
    }

    /// A future that tells of a panic that came before there was one.
    pub(crate) fn failed(text: String) -> Self {
        // In `poll` it is caught and told as what it is.
        // SAFETY: it borrows nothing.
        unsafe { Self::serve(async move { std::panic::resume_unwind(Box::new(text)) }) }
    }

    fn end(&mut self) -> bool {
        let (data, drop) = (std::mem::replace(&mut self.data, std::ptr::null_mut()), self.drop.take());
        match drop {
            // SAFETY: both came together, and they are taken: it is called once.
            Some(drop) if !data.is_null() => unsafe { drop(data) == 0 },
            _ => true,
        }
    }
}

impl Drop for FfiFuture {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether an object of the other side has panicked or broken the rules.
#[derive(Default)]
pub(crate) struct Poison(AtomicBool);

impl Poison {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) { Err(crate::guard::poisoned()) } else { Ok(()) }
    }
}

/// Awaits a future of the other side. Dropping it ends it there.
pub(crate) struct Call<'a> {
    future: FfiFuture,
    poison: Option<&'a Poison>,
    // What the other side works on is in use meanwhile.
    lent: PhantomData<&'a mut ()>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(future: FfiFuture, poison: Option<&'a Poison>) -> Self {
        Self { future, poison, lent: PhantomData }
    }
}

impl Future for Call<'_> {
    type Output = Result<Given, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (Some(poll), false) = (self.future.poll, self.future.data.is_null()) else {
            return Poll::Ready(Err(Failure::Broken(malformed("a future is missing"))));
        };
        let waker = FfiWaker::lend(cx.waker());
        // SAFETY: the future is there, we have it alone, and the waker is lent for the call.
        let answer = unsafe { poll(self.future.data, &waker) };
        if answer.status == status::PENDING {
            return Poll::Pending;
        }
        let result = answer.read();
        // What was given stays given, even if the call ends badly: a receipt must not be lost.
        let ended = self.future.end();
        if let Some(poison) = self.poison
            && (!ended || matches!(result, Err(Failure::Broken(_))))
        {
            poison.set();
        }
        Poll::Ready(result)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.future.end()
            && let Some(poison) = self.poison
        {
            poison.set();
        }
    }
}

/// A success that gives a value and no object.
pub(crate) fn give(value: &impl Value) -> Given {
    (value::encode(value), Object::none())
}
