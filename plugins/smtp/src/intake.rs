//! Where the messages come from: a batch, and those that are to be sent again. No I/O.

use bytes::Bytes;
use postrider_core::{Batch, Body, Envelope, Receipt, Result};
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// A message that is to be sent.
pub(crate) struct Letter<'a> {
    /// Its number in the batch.
    pub(crate) index: usize,
    pub(crate) envelope: Envelope,
    pub(crate) body: Body<'a>,
}

/// The messages of a batch, in order; those that come back go first.
pub(crate) struct Intake<'b, 'a> {
    batch: &'b mut dyn Batch<'a>,
    taken: usize,
    again: VecDeque<Letter<'a>>,
    ended: bool,
}

impl<'b, 'a> Intake<'b, 'a> {
    pub(crate) fn new(batch: &'b mut dyn Batch<'a>) -> Self {
        Self { batch, taken: 0, again: VecDeque::new(), ended: false }
    }

    /// The next message; `None` at the end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Letter<'a>>> {
        if let Some(letter) = self.again.pop_front() {
            return Poll::Ready(Some(letter));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        self.batch.poll_message(cx).map(|message| {
            let Some((envelope, body)) = message else {
                self.ended = true;
                return None;
            };
            self.taken += 1;
            Some(Letter { index: self.taken - 1, envelope, body })
        })
    }

    /// Takes a message back: the one with the lowest number goes first.
    pub(crate) fn again(&mut self, letter: Letter<'a>) {
        let at = self.again.partition_point(|other| other.index < letter.index);
        self.again.insert(at, letter);
    }

    pub(crate) fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        self.batch.report(index, outcome);
    }
}

/// A batch of one.
pub(crate) struct One<'a> {
    message: Option<(Envelope, Body<'a>)>,
    pub(crate) outcome: Option<Result<Receipt>>,
}

impl<'a> One<'a> {
    pub(crate) fn new(envelope: Envelope, body: Body<'a>) -> Self {
        Self { message: Some((envelope, body)), outcome: None }
    }
}

impl<'a> Batch<'a> for One<'a> {
    fn poll_message(&mut self, _: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>> {
        Poll::Ready(self.message.take())
    }

    fn report(&mut self, _: usize, outcome: Result<Receipt>) {
        self.outcome = Some(outcome);
    }
}

/// The body of the message that is sent now, as far as it is not on its way.
pub(crate) struct Feed<'a> {
    pub(crate) body: Body<'a>,
    /// What of it is read and not encoded.
    pub(crate) rest: Bytes,
    /// Bytes read so far.
    pub(crate) length: u64,
    /// Its plain end has been seen.
    pub(crate) ended: bool,
    /// Something of it has been read.
    pub(crate) begun: bool,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(body: Body<'a>) -> Self {
        Self { body, rest: Bytes::new(), length: 0, ended: false, begun: false }
    }

    /// One that is in memory.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self { body: Body::from_bytes(Bytes::new()), rest: bytes, length, ended: true, begun: true }
    }
}
