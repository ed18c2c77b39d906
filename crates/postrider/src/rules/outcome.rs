//! What became of a message that went out in several transactions, recipient by recipient.

use postrider_core::{Address, Error, ErrorKind, Receipt, RecipientOutcome, Result, Verdict};
use std::collections::HashMap;

/// What was done about one recipient.
pub(super) struct Fate {
    address: Address,
    instead: Option<Address>,
    way: Way,
}

enum Way {
    Suppressed(String),
    Part(usize),
}

impl Fate {
    /// The message went to them in this transaction.
    pub(super) fn sent(address: &Address, part: usize) -> Self {
        Self { address: address.clone(), instead: None, way: Way::Part(part) }
    }

    /// A rule left them out.
    pub(super) fn suppressed(address: &Address, rule: String) -> Self {
        Self { address: address.clone(), instead: None, way: Way::Suppressed(rule) }
    }

    /// The message went there instead.
    pub(super) fn instead(mut self, other: &Address) -> Self {
        self.instead = Some(other.clone());
        self
    }
}

/// One outcome of all transactions; `None` stands for one that was not begun.
///
/// It is unsure if one of them is. Otherwise it is a receipt if anybody's was accepted, and the first error if
/// nobody's was. Each recipient has the verdict of their own transaction in any case.
pub(super) fn merge(fates: Option<Vec<Fate>>, mut outcomes: Vec<Option<Result<Receipt>>>) -> Result<Receipt> {
    let Some(fates) = fates else {
        // One transaction with everybody in it.
        return outcomes.pop().flatten().unwrap_or_else(|| Err(super::dispatch::no_outcome()));
    };
    let recipients = verdicts(fates, &outcomes);
    let (mut reply, mut error): (_, Option<Error>) = (None, None);
    for outcome in outcomes.into_iter().flatten() {
        match outcome {
            Ok(receipt) => reply = reply.or(Some(receipt.reply)),
            Err(next) if error.is_none() || next.kind() == ErrorKind::Unsure => {
                let settled = error.as_ref().is_some_and(|e| e.kind() == ErrorKind::Unsure);
                error = if settled { error } else { Some(next) };
            }
            Err(_) => {}
        }
    }
    match (reply, error) {
        (Some(reply), error) if error.as_ref().is_none_or(|e| e.kind() != ErrorKind::Unsure) => {
            Ok(Receipt::new(reply, recipients))
        }
        (_, Some(error)) => Err(error.with_recipients(recipients)),
        (_, None) => Err(super::dispatch::no_outcome().with_recipients(recipients)),
    }
}

/// Each recipient's verdict.
pub(super) fn verdicts(fates: Vec<Fate>, outcomes: &[Option<Result<Receipt>>]) -> Vec<RecipientOutcome> {
    // A list may have tens of thousands: each is looked up once.
    let said: Vec<HashMap<&Address, &Verdict>> = outcomes.iter().map(|o| said(o.as_ref())).collect();
    let of = |fate: Fate| {
        let verdict = match fate.way {
            Way::Suppressed(rule) => Verdict::Suppressed(rule),
            Way::Part(part) => {
                let asked = fate.instead.as_ref().unwrap_or(&fate.address);
                let own = said.get(part).and_then(|s| s.get(asked)).copied();
                verdict(own, outcomes.get(part).and_then(Option::as_ref))
            }
        };
        let outcome = RecipientOutcome::new(fate.address, verdict);
        match fate.instead {
            Some(other) => outcome.with_instead(other),
            None => outcome,
        }
    };
    fates.into_iter().map(of).collect()
}

fn said(outcome: Option<&Result<Receipt>>) -> HashMap<&Address, &Verdict> {
    let recipients = match outcome {
        Some(Ok(receipt)) => receipt.recipients.as_slice(),
        Some(Err(error)) => error.recipients(),
        None => &[],
    };
    recipients.iter().map(|r| (&r.address, &r.verdict)).collect()
}

/// What a transaction says of one recipient: `own` if it says something of them, and never more than its
/// outcome allows.
fn verdict(own: Option<&Verdict>, outcome: Option<&Result<Receipt>>) -> Verdict {
    let final_word = own.filter(|v| matches!(v, Verdict::Refused(_) | Verdict::Deferred(_)));
    match outcome {
        None => Verdict::NotSent,
        // Nobody knows of one that a receipt does not name.
        Some(Ok(_)) => own.cloned().unwrap_or(Verdict::Unsure),
        Some(Err(error)) => match (error.kind(), error.reply(), final_word) {
            (_, _, Some(word)) => word.clone(),
            (ErrorKind::Unsure, ..) => Verdict::Unsure,
            // Of those it names, it says itself that the message was not sent.
            (ErrorKind::Rejected, Some(reply), _) if own.is_none() => Verdict::Refused(reply.clone()),
            (ErrorKind::Deferred, Some(reply), _) if own.is_none() => Verdict::Deferred(reply.clone()),
            _ => Verdict::NotSent,
        },
    }
}
