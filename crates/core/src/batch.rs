//! Messages on their way to a transport together, and their outcomes on their way back.

use crate::{Body, Envelope, Error, ErrorKind, Phase, Receipt, Result};
use std::fmt;
use std::task::{Context, Poll};
use std::vec::IntoIter;

/// Messages for one transport, and who hears what became of each.
///
/// A transport takes a message when it has room for one more in flight, and says what became of it as soon as
/// it knows: an outcome that was reported stays known whatever happens later.
pub trait Batch<'a>: Send {
    /// The next message with its envelope; `None` at the end, and then always. `Pending` while none is waiting
    /// but one may still come: a transport goes on with those in flight meanwhile.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>>;

    /// What became of a message: once for each that was taken, in any order. `index` counts them from 0 in the
    /// order in which they were taken.
    fn report(&mut self, index: usize, outcome: Result<Receipt>);
}

/// A [`Batch`] of messages that are all there already.
///
/// ```
/// # use postrider_core::*;
/// # async fn example(transport: &mut dyn OutgoingTransport, envelope: Envelope) {
/// let mut messages = Messages::new(vec![(envelope.clone(), "one".into()), (envelope, "two".into())]);
/// transport.send_all(&mut messages).await;
/// assert_eq!(messages.outcomes().len(), 2);
/// # }
/// ```
pub struct Messages<'a> {
    waiting: IntoIter<(Envelope, Body<'a>)>,
    outcomes: Vec<Option<Result<Receipt>>>,
}

impl<'a> Messages<'a> {
    /// To be sent in this order.
    pub fn new(messages: Vec<(Envelope, Body<'a>)>) -> Self {
        Self { outcomes: messages.iter().map(|_| None).collect(), waiting: messages.into_iter() }
    }

    /// What became of each, in order. A message that was taken and not reported is `Unsure`; one that was not
    /// taken, `NotSent`.
    pub fn outcomes(self) -> Vec<Result<Receipt>> {
        let taken = self.outcomes.len() - self.waiting.len();
        let told = self.outcomes.into_iter().enumerate();
        told.map(|(index, outcome)| {
            outcome.unwrap_or_else(|| Err(if index < taken { unreported() } else { untaken() }))
        })
        .collect()
    }
}

impl<'a> Batch<'a> for Messages<'a> {
    fn poll_message(&mut self, _: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>> {
        Poll::Ready(self.waiting.next())
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        // What is said twice does not change what was true before.
        if let Some(slot @ None) = self.outcomes.get_mut(index) {
            *slot = Some(outcome);
        }
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

fn unreported() -> Error {
    let what = "the transport did not say what became of this message";
    Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
        .with_advice("find out whether it arrived before you send it again")
}

fn untaken() -> Error {
    let what = "the transport gave up before it took this message";
    Error::new(ErrorKind::Plugin, Phase::Sender, what).with_advice("send it again")
}
