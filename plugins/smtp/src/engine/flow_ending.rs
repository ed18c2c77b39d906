//! What becomes of the messages under way when the connection ends, or a body. Pure.

use super::flow::Flow;
use super::flow_state::{Flight, Kept, News, Stage};
use super::refusal::repeated;
use bytes::BytesMut;
use postrider_core::{Error, ErrorKind, Phase};
use postrider_wire::Redactor;

impl Flow {
    /// The connection can't be used any more. Every message under way gets its outcome: those whose end of data
    /// may have arrived are unsure, and the others were not sent.
    pub(crate) fn lost(&mut self, cause: Error, redactor: &Redactor) {
        self.over = true;
        self.stage = Stage::Idle;
        // Answers that don't fit say nothing for sure, also where they refuse.
        let fitting = cause.kind() != ErrorKind::Protocol;
        let cause = match self.parting.take() {
            Some(goodbye) if self.hung_up => goodbye,
            Some(goodbye) => went_on(&goodbye),
            None => cause,
        };
        self.expected.clear();
        self.out_of_step |= self.shows_no_pipelining(&cause);
        let mut first = Some(cause);
        for at in 0..self.flights.len() {
            let Some(flight) = self.flights.get(at).filter(|f| f.transaction.is_some()) else { continue };
            // What stands behind a goodbye was not heard.
            let whole = !self.hung_up && flight.end.is_some_and(|end| end <= self.written);
            let cause = first.as_ref().map_or(ErrorKind::Closed, Error::kind);
            if !whole && self.may_repeat(flight, cause) && self.again(at) {
                continue;
            }
            let Some(cause) = first.take() else { continue };
            first = Some(repeated(&cause));
            let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) else {
                continue;
            };
            let refused = fitting && transaction.is_refused() && !transaction.is_out_of_step(None);
            let error = match whole {
                // Nobody was to get it, and the server has said so: its word on the end can't change that.
                true if refused => transaction.refused(redactor),
                false if transaction.is_lost() => transaction.refused(redactor),
                true => unsure(cause).with_recipients(transaction.unsure_outcomes(redactor)),
                false => cause.with_recipients(transaction.outcomes(redactor, false)),
            };
            self.tell(at, Err(error), false);
        }
        self.flights.clear();
    }

    /// True if the server's answers, or their absence, say that it does not do what PIPELINING means.
    fn shows_no_pipelining(&self, cause: &Error) -> bool {
        let partly = || self.flights.iter().any(|f| f.transaction.is_some() && f.touched);
        self.plan.pipelined
            && match cause.kind() {
                ErrorKind::Protocol => true,
                // It answered some of the first group it ever got, and then nothing.
                ErrorKind::Timeout => !self.plan.proven && partly(),
                _ => false,
            }
    }

    /// True if a message that was not sent may quietly go over the next connection: this one ended for
    /// reasons of its own before it came to the message, or did not do what PIPELINING means.
    fn may_repeat(&self, flight: &Flight, cause: ErrorKind) -> bool {
        let gone = cause == ErrorKind::Closed && self.plan.served && !flight.touched;
        gone || self.out_of_step || self.no_chunking
    }

    /// Hands a message back to be sent again; false if its body can't be.
    pub(super) fn again(&mut self, at: usize) -> bool {
        let Some(flight) = self.flights.get_mut(at) else { return false };
        let body = match std::mem::take(&mut flight.body) {
            Kept::Untouched => None,
            Kept::Whole(body) => Some(body),
            Kept::Gone => {
                flight.body = Kept::Gone;
                return false;
            }
        };
        let Some(transaction) = flight.transaction.take() else { return false };
        self.open = self.open.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(flight.size);
        self.news.push_back(News::Again(flight.index, transaction.into_envelope(), body));
        true
    }

    /// True once the server has said goodbye and only the answers to what has left are waited for.
    pub(crate) fn is_parting(&self) -> bool {
        self.parting.is_some()
    }

    /// The server neither closed the connection nor went on: what stands behind its goodbye may have been heard.
    pub(crate) fn doubt_goodbye(&mut self) {
        self.hung_up = false;
    }

    /// The body of the last message failed: its end of data is never sent.
    pub(crate) fn fail(&mut self, error: Error, out: &mut BytesMut, redactor: &Redactor) {
        let Some(at) = self.flights.len().checked_sub(1) else { return };
        let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) else { return };
        let recipients = transaction.outcomes(redactor, false);
        self.tell(at, Err(error.with_recipients(recipients)), false);
        if self.plan.chunking {
            // No BDAT said it was the last one: the server forgets the parts it has.
            self.stage = Stage::Idle;
            self.reset(out);
            self.tidy();
        } else {
            let what = "the connection was given up in the middle of a message";
            self.lost(Error::new(ErrorKind::Closed, Phase::Data, what), redactor);
        }
    }

    /// True if pipelined commands were not answered as they should be.
    pub(crate) fn is_out_of_step(&self) -> bool {
        self.out_of_step
    }

    /// True if the server complains of the sequence also where each command waited for its turn.
    pub(crate) fn is_acquitted(&self) -> bool {
        self.acquitted
    }

    /// True if pipelined commands were answered as they should be.
    pub(crate) fn is_proven(&self) -> bool {
        self.plan.proven && !self.out_of_step
    }

    /// True if BDAT was offered and is not there.
    pub(crate) fn has_no_chunking(&self) -> bool {
        self.no_chunking
    }
}

/// The error behind a goodbye that was none.
fn went_on(goodbye: &Error) -> Error {
    let what = "the server said that it closes the connection, and went on for a while";
    let error = Error::new(ErrorKind::Closed, goodbye.phase(), what);
    match goodbye.reply() {
        Some(reply) => error.with_reply(reply.clone()),
        None => error,
    }
}

/// The error of a message whose end of data may have reached the server.
fn unsure(cause: Error) -> Error {
    let what = format!("the whole message went out, and no answer came ({})", cause.message());
    let mut unsure = Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
        .with_advice("find out whether it arrived before you send it again");
    if let Some(reply) = cause.reply() {
        unsure = unsure.with_reply(reply.clone());
    }
    unsure.with_source(cause)
}
