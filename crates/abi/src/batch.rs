//! A batch of the host's, lent to a plugin: it takes messages and tells what became of each.

use crate::body::{self, Loan};
use crate::buf::Buf;
use crate::call::{Answer, Failure, Given, Poison, status};
use crate::guard::{guard, malformed};
use crate::letter::{self, Letter};
use crate::object::{Header, Object, Table, end, kind};
use crate::value;
use crate::waker::FfiWaker;
use postrider_core::{Batch, Body, Envelope, Error, Receipt, Result};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct BatchTable {
    header: Header,
    /// The next message: its letter and its body; an empty value is the end.
    next: Option<unsafe extern "C" fn(*mut (), *const FfiWaker) -> Answer>,
    /// What became of the message of this number: a receipt or an error.
    report: Option<unsafe extern "C" fn(*mut (), u64, Answer)>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for BatchTable {
    const KIND: u32 = kind::BATCH;
}

static TABLE: BatchTable = BatchTable {
    header: Header { size: size_of::<BatchTable>(), kind: kind::BATCH, drop: Some(end::<Shared>) },
    next: Some(next),
    report: Some(report),
};

type Shared = Arc<Mutex<Lent>>;

struct Lent {
    /// None when the call is over.
    batch: Option<&'static mut dyn Batch<'static>>,
    /// Those that were taken and of which nothing is known yet.
    open: BTreeMap<u64, Taken>,
    taken: u64,
    /// Nothing more is given out.
    ended: bool,
    /// How the plugin broke the rules of the batch.
    broken: Option<Error>,
}

struct Taken {
    envelope: Envelope,
    loan: Loan<'static>,
}

fn open(shared: &Shared) -> MutexGuard<'_, Lent> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A batch on loan to the other side: it is taken back when this is dropped, whatever the other side does.
pub(crate) struct BatchLoan<'a>(Shared, PhantomData<&'a mut ()>);

impl<'a> BatchLoan<'a> {
    /// Lends a batch.
    pub(crate) fn new<'b: 'a>(batch: &'a mut dyn Batch<'b>) -> (Object, Self) {
        // SAFETY: only lifetimes change. The batch and the bodies that come of it are behind the lock and leave it when
        // this loan is dropped, which is before 'a ends, unless the loan is leaked: then nothing is left to poll the
        // call that has it.
        let batch =
            unsafe { std::mem::transmute::<&'a mut dyn Batch<'b>, &'static mut dyn Batch<'static>>(batch) };
        let lent = Lent { batch: Some(batch), open: BTreeMap::new(), taken: 0, ended: false, broken: None };
        let shared = Arc::new(Mutex::new(lent));
        (Object::new(Arc::clone(&shared), &TABLE), Self(shared, PhantomData))
    }

    /// After a call that came to its end, or failed: every message that was taken gets an outcome, if it has none
    /// yet. One of which the plugin said nothing may have been sent if it was read to its end.
    pub(crate) async fn conclude(&self, ended: std::result::Result<(), Error>, poison: &Poison) {
        let why = {
            let mut lent = open(&self.0);
            let left = !lent.ended && lent.taken == 0;
            let why = match (ended, lent.broken.take()) {
                (Err(error), _) | (Ok(()), Some(error)) => Some(error),
                (Ok(()), None) if !lent.open.is_empty() => {
                    Some(malformed("it did not say what became of a message"))
                }
                (Ok(()), None) if left => {
                    Some(malformed("it took nothing of a batch that was not at its end"))
                }
                (Ok(()), None) => None,
            };
            let Some(why) = why else { return };
            for (index, taken) in std::mem::take(&mut lent.open) {
                let outcome = Err(letter::doubted(&why, &taken.loan));
                drop(taken);
                lent.tell(index, outcome);
            }
            (lent.taken == 0).then_some(why)
        };
        poison.set();
        // Whoever asks again and again must hear why nothing goes out.
        if let Some(why) = why {
            self.refuse_one(&why).await;
        }
    }

    /// Takes a message and says that it was not sent, and why.
    pub(crate) async fn refuse_one(&self, why: &Error) {
        let taken = poll_fn(|cx| open(&self.0).take(cx)).await;
        if taken.is_some() {
            let mut lent = open(&self.0);
            let index = lent.taken;
            lent.taken += 1;
            lent.tell(index, Err(letter::again(why)));
        }
    }
}

impl Drop for BatchLoan<'_> {
    fn drop(&mut self) {
        let (batch, kept) = {
            let mut lent = open(&self.0);
            (lent.batch.take(), std::mem::take(&mut lent.open))
        };
        drop((batch, kept));
    }
}

impl Lent {
    /// The host's next message. Its panic is the end of the batch.
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        let (Some(batch), false) = (&mut self.batch, self.ended) else { return Poll::Ready(None) };
        let polled = guard(|| batch.poll_message(cx)).unwrap_or_else(|text| {
            tracing::error!(target: "postrider::plugin", "the host's batch panicked: {text}");
            Poll::Ready(None)
        });
        if matches!(polled, Poll::Ready(None)) {
            self.ended = true;
        }
        polled
    }

    fn tell(&mut self, index: u64, outcome: Result<Receipt>) {
        let (Some(batch), Ok(index)) = (&mut self.batch, usize::try_from(index)) else { return };
        if let Err(text) = guard(|| batch.report(index, outcome)) {
            tracing::error!(target: "postrider::plugin", "the host's batch panicked: {text}");
        }
    }

    /// The plugin broke a rule: what it said so far stays, what it says of the rest is still heard, and it gets no more
    /// messages.
    fn breaks(&mut self, error: Error) {
        self.ended = true;
        self.broken.get_or_insert(error);
    }
}

unsafe extern "C" fn next(data: *mut (), waker: *const FfiWaker) -> Answer {
    let polled = guard(|| {
        // SAFETY: `data` is what `Object::new` made of a Shared, and is not ended yet.
        let mut lent = open(unsafe { &*data.cast::<Shared>() });
        // SAFETY: the waker is lent for this call.
        let polled = unsafe { FfiWaker::borrow(waker, |waker| lent.take(&mut Context::from_waker(waker))) };
        polled.map(|message| {
            let Some((envelope, body)) = message else { return (Buf::empty(), Object::none()) };
            let letter = letter::written(&envelope, &body);
            let (object, loan) = Loan::new(body);
            let index = lent.taken;
            lent.taken += 1;
            lent.open.insert(index, Taken { envelope, loan });
            (letter, object)
        })
    });
    match polled {
        Ok(Poll::Pending) => Answer::pending(),
        Ok(Poll::Ready(given)) => Answer::of(Ok(Ok(given))),
        Err(text) => Answer::of(Err(text)),
    }
}

unsafe extern "C" fn report(data: *mut (), index: u64, outcome: Answer) {
    let told = guard(|| {
        // SAFETY: as in `next`.
        let mut lent = open(unsafe { &*data.cast::<Shared>() });
        let Some(taken) = lent.open.remove(&index) else {
            let what = if index < lent.taken { "twice" } else { "before it took it" };
            lent.breaks(malformed(&format!("it said {what} what became of message {index}")));
            return;
        };
        let receipt =
            |(bytes, _): Given| value::decode_about(&bytes, &taken.envelope.to).map_err(Failure::Broken);
        let outcome = match outcome.read().and_then(receipt) {
            Ok(receipt) => Ok(receipt),
            Err(Failure::Told(error)) => Err(error),
            Err(Failure::Broken(error)) => {
                let doubt = letter::doubted(&error, &taken.loan);
                lent.breaks(error);
                Err(doubt)
            }
        };
        // Its body is of no use to anybody now.
        drop(taken);
        lent.tell(index, outcome);
    });
    if let Err(text) = told {
        tracing::error!(target: "postrider::plugin", "what became of a message could not be told: {text}");
    }
}

/// A batch of the host's, in a plugin.
struct Foreign {
    // None after the end.
    object: Option<Object>,
    table: BatchTable,
}

/// The batch behind an object.
pub(crate) fn foreign(object: Object) -> Result<impl Batch<'static>> {
    let table = object.table::<BatchTable>()?;
    Ok(Foreign { object: Some(object), table })
}

impl Batch<'static> for Foreign {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        let (Some(object), Some(next)) = (&self.object, self.table.next) else { return Poll::Ready(None) };
        let waker = FfiWaker::lend(cx.waker());
        // SAFETY: the object is there, and the waker is lent for the call.
        let answer = unsafe { next(object.data(), &waker) };
        if answer.status == status::PENDING {
            return Poll::Pending;
        }
        // What can't be read is the end: of a message that was taken and not reported, the host says so itself.
        let message = answer.read().ok().and_then(|(bytes, object)| {
            let (envelope, size) = value::decode::<Letter>(&bytes).ok()?;
            Some((envelope, body::foreign(object, size, None).ok()?))
        });
        Poll::Ready(message)
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        if let (Some(object), Some(report)) = (&self.object, self.table.report) {
            let answer = Answer::of(Ok(outcome.map(|receipt| crate::call::give(&receipt))));
            // SAFETY: the object is there.
            unsafe { report(object.data(), index as u64, answer) }
        }
    }
}
