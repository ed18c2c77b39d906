//! A message on its way out as both ways of sending have it, and what is said of one that a plugin failed over.

use crate::body::Loan;
use crate::buf::Buf;
use crate::value;
use postrider_core::{Body, Envelope, Error, ErrorKind, Phase};

/// An envelope and how long its body is, if known.
pub(crate) type Letter = (Envelope, Option<u64>);

/// The bytes of a [`Letter`], without a copy of the envelope.
pub(crate) fn written(envelope: &Envelope, body: &Body<'_>) -> Buf {
    value::encode_by(|w| {
        w.put(envelope).put(&body.size());
    })
}

/// What a message's outcome is when the plugin failed over it. If it had all of it, it may have been sent.
pub(crate) fn doubted(broken: &Error, loan: &Loan<'_>) -> Error {
    if !loan.is_spent() {
        return again(broken);
    }
    let message = format!("{}, after it had all of the message", broken.message());
    Error::new(ErrorKind::Unsure, Phase::EndOfData, message)
        .with_advice("find out whether the message arrived before it is sent again")
}

/// The same error once more, for another message.
pub(crate) fn again(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.phase(), error.message()).with_repeat(error.repeat());
    match error.advice() {
        Some(advice) => copy.with_advice(advice),
        None => copy,
    }
}
