//! What became of each recipient, and what that makes of the message. Pure.

use postrider_core::{Envelope, Error, ErrorKind, Phase, Receipt, RecipientOutcome, Reply, Result, Verdict};

/// The verdicts of one message so far, in the order of the envelope.
pub(crate) struct Transaction {
    outcomes: Vec<RecipientOutcome>,
    last: Option<Reply>,
}

impl Transaction {
    pub(crate) fn new(envelope: &Envelope) -> Self {
        let unsent =
            |to: &postrider_core::Recipient| RecipientOutcome::new(to.address.clone(), Verdict::NotSent);
        Self { outcomes: envelope.to.iter().map(unsent).collect(), last: None }
    }

    /// RCPT for this recipient was refused.
    pub(crate) fn refused(&mut self, at: usize, verdict: Verdict) {
        self.set(at, verdict);
    }

    /// The recipients that RCPT accepted: the server owes an answer for each, in this order (RFC 2033 §4.2).
    pub(crate) fn accepted(&self) -> Vec<usize> {
        let open = self.outcomes.iter().enumerate().filter(|(_, o)| o.verdict == Verdict::NotSent);
        open.map(|(at, _)| at).collect()
    }

    /// What came for this recipient after the message.
    pub(crate) fn answered(&mut self, at: usize, reply: Reply) {
        self.last = Some(reply.clone());
        self.set(at, crate::reply::verdict(reply));
    }

    fn set(&mut self, at: usize, verdict: Verdict) {
        if let Some(outcome) = self.outcomes.get_mut(at) {
            outcome.verdict = verdict;
        }
    }

    /// The message can't have been accepted: whoever has no verdict did not get it.
    pub(crate) fn not_sent(self, error: Error) -> Error {
        error.with_recipients(self.outcomes)
    }

    // docs: outcome
    /// The whole message was out when this happened: whoever has no answer may have it.
    pub(crate) fn unsure(mut self, error: Error) -> Error {
        for at in self.accepted() {
            self.set(at, Verdict::Unsure);
        }
        let what = format!("the whole message went out, and not every answer came ({})", error.message());
        Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
            .with_advice("find out whether it arrived before you send it again to those who have no answer")
            .with_recipients(self.outcomes)
            .with_source(error)
    }

    /// Every recipient has a verdict: one that accepted makes it a receipt.
    pub(crate) fn finished(self, phase: Phase) -> Result<Receipt> {
        let first = |wanted: fn(&Verdict) -> bool| {
            let verdicts = self.outcomes.iter().map(|outcome| &outcome.verdict);
            verdicts.filter(|verdict| wanted(verdict)).find_map(Verdict::reply).cloned()
        };
        if let (Some(_), Some(reply)) = (first(Verdict::is_accepted), &self.last) {
            return Ok(Receipt::new(reply.clone(), self.outcomes));
        }
        // A later try may work for those who were deferred.
        let reply = first(|v| matches!(v, Verdict::Deferred(_))).or_else(|| first(|_| true));
        let what = "no recipient was accepted";
        Err(match reply {
            Some(reply) => crate::reply::refusal(phase, reply, what),
            None => Error::new(ErrorKind::InvalidInput, Phase::Recipient, "the envelope has no recipient"),
        }
        .with_recipients(self.outcomes))
    }
    // docs: end
}
