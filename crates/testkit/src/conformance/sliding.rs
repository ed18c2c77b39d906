//! A batch that comes bit by bit, and remembers all that is said of it.

use super::fixtures::{message, tracked};
use postrider_core::{Batch, Body, Envelope, Error, Receipt, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// Messages 1 to n of the suite. The third and each later one are only there when something is known of all that
/// were taken, and not at once then; so is the end. Whoever waits for a full window before it reads answers waits for
/// ever.
pub(super) struct Sliding {
    to: Vec<Envelope>,
    said: Vec<Vec<Result<Receipt>>>,
    read: Vec<Arc<AtomicBool>>,
    waits: usize,
    waker: Option<Waker>,
    /// The transport was told that there are no more.
    pub(super) ended: bool,
    /// The most that were taken at a time and not reported.
    pub(super) most_open: usize,
    /// What it said of a message that it had not taken.
    pub(super) stray: Option<usize>,
}

/// What became of a message, by the transport's word.
pub(super) enum Said<'b> {
    /// It was not taken.
    Untaken,
    /// Nothing was said of it.
    Nothing,
    /// Once.
    Outcome(&'b Result<Receipt>),
    /// More than once.
    Twice,
}

impl Sliding {
    pub(super) fn new(to: Vec<Envelope>) -> Self {
        Self {
            to,
            said: Vec::new(),
            read: Vec::new(),
            waits: 0,
            waker: None,
            ended: false,
            most_open: 0,
            stray: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.to.len()
    }

    pub(super) fn said(&self, at: usize) -> Said<'_> {
        match self.said.get(at).map(Vec::as_slice) {
            None => Said::Untaken,
            Some([]) => Said::Nothing,
            Some([outcome]) => Said::Outcome(outcome),
            Some(_) => Said::Twice,
        }
    }

    /// True if the end of this message's body was read.
    pub(super) fn is_read(&self, at: usize) -> bool {
        self.read.get(at).is_some_and(|read| read.load(Ordering::Relaxed))
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.said.iter().flatten().filter_map(|outcome| outcome.as_ref().err())
    }

    fn open(&self) -> usize {
        self.said.iter().filter(|said| said.is_empty()).count()
    }
}

impl Batch<'static> for Sliding {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        let taken = self.said.len();
        if taken >= 2 && self.open() > 0 {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if taken >= 2 && self.waits < 2 {
            self.waits += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waits = 0;
        let Some(envelope) = self.to.get(taken) else {
            self.ended = true;
            return Poll::Ready(None);
        };
        let (body, read) = tracked(message(taken + 1));
        self.read.push(read);
        self.said.push(Vec::new());
        self.most_open = self.most_open.max(self.open());
        Poll::Ready(Some((envelope.clone(), body)))
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        match self.said.get_mut(index) {
            Some(said) => said.push(outcome),
            None => self.stray = Some(index),
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
