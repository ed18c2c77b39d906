//! One message by the rules, in one transaction or several.

use super::SendingRules;
use super::head::{Head, with_fields};
use super::outcome::{Fate, merge};
use super::recipients::original_to;
use crate::Spool;
use bytes::Bytes;
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Messages, OutgoingTransport, Phase, Receipt, Recipient,
    RecipientOutcome, Result, Verdict,
};
use std::borrow::Cow;

/// A message ready to be sent.
pub(crate) struct Dispatch<'a> {
    parts: Vec<(Cow<'a, Envelope>, Body<'a>)>,
    // What becomes of each recipient of the envelope; `None` if the only part says it all.
    fates: Option<Vec<Fate>>,
    copy: Option<(Envelope, Spool)>,
}

impl<'a> Dispatch<'a> {
    /// Holds a message to the rules. No server is asked.
    pub(crate) async fn new(rules: &SendingRules, envelope: &'a Envelope, body: Body<'a>) -> Result<Self> {
        let mut body = body;
        let mut fields = String::new();
        if rules.needs_head() {
            let (head, whole) = Head::read(body).await?;
            rules.check_senders(envelope, &head)?;
            fields = notices(rules, &head);
            if rules.redirect.is_some() {
                fields.push_str(&original_to(envelope, &head));
            }
            body = whole;
        }
        let body = with_fields(fields, body);
        if let Some(redirect) = &rules.redirect {
            // ORCPT and NOTIFY are about those who don't get it.
            let mut elsewhere = Envelope::new(envelope.from.clone(), [redirect.clone()])?;
            elsewhere.id = envelope.id.clone();
            elsewhere.returned = envelope.returned;
            let fates = envelope.to.iter();
            let fates = fates.map(|r| Fate::sent(&r.address, 0).instead(redirect)).collect();
            return Ok(Self { parts: vec![(Cow::Owned(elsewhere), body)], fates: Some(fates), copy: None });
        }
        let verdicts: Vec<Option<String>> =
            envelope.to.iter().map(|r| rules.suppressed(&r.address)).collect();
        let left = verdicts.iter().filter(|v| v.is_none()).count();
        let most = rules.recipients_per_transaction.map_or(usize::MAX, Into::into);
        let copy = rules.copy(envelope)?;
        if left == 0 {
            let outcome = |(r, v): (&Recipient, Option<String>)| {
                RecipientOutcome::new(r.address.clone(), Verdict::Suppressed(v.unwrap_or_default()))
            };
            return Err(rules.nobody_left(envelope.to.iter().zip(verdicts).map(outcome).collect()));
        }
        if left == envelope.to.len() && left <= most && copy.is_none() {
            return Ok(Self { parts: vec![(Cow::Borrowed(envelope), body)], fates: None, copy: None });
        }
        let mut to: Vec<Vec<Recipient>> = Vec::new();
        let mut fates = Vec::with_capacity(envelope.to.len());
        for (recipient, rule) in envelope.to.iter().zip(verdicts) {
            if let Some(rule) = rule {
                fates.push(Fate::suppressed(&recipient.address, rule));
                continue;
            }
            match to.last_mut() {
                Some(part) if part.len() < most => part.push(recipient.clone()),
                _ => to.push(vec![recipient.clone()]),
            }
            fates.push(Fate::sent(&recipient.address, to.len() - 1));
        }
        // The list may be long, and the parts as many: it is copied once.
        let mut without = envelope.clone();
        without.to.clear();
        let part = |to| {
            let mut part = without.clone();
            part.to = to;
            Cow::Owned(part)
        };
        if to.len() == 1 && copy.is_none() {
            let parts = to.into_iter().map(part).zip([body]).collect();
            return Ok(Self { parts, fates: Some(fates), copy: None });
        }
        // It goes out more than once: it has to be whole, and here, before it goes out at all.
        let spool = Spool::read(body).await?;
        let parts = to.into_iter().map(|to| (part(to), spool.body())).collect();
        Ok(Self { parts, fates: Some(fates), copy: copy.map(|envelope| (envelope, spool)) })
    }
}

/// A message that goes out in one transaction and is in memory.
pub(crate) struct Single<'a> {
    pub(crate) envelope: Cow<'a, Envelope>,
    pub(crate) bytes: Bytes,
    pub(crate) fates: Fates,
}

/// What is left to be said of a [`Single`] when its transaction is over.
pub(crate) struct Fates(Option<Vec<Fate>>);

/// A message by what it needs of a connection.
pub(crate) enum Need<'a> {
    /// One transaction among others.
    Share(Single<'a>),
    /// The connection to itself.
    Alone(Dispatch<'a>),
}

impl<'a> From<Dispatch<'a>> for Need<'a> {
    fn from(mut message: Dispatch<'a>) -> Self {
        if message.parts.len() != 1 || message.copy.is_some() {
            return Self::Alone(message);
        }
        let Some((envelope, body)) = message.parts.pop() else { return Self::Alone(message) };
        match body.into_bytes() {
            Ok(bytes) => Self::Share(Single { envelope, bytes, fates: Fates(message.fates) }),
            Err(body) => {
                message.parts.push((envelope, body));
                Self::Alone(message)
            }
        }
    }
}

impl Fates {
    /// What the outcome of the transaction says of every recipient.
    pub(crate) fn outcome(self, outcome: Result<Receipt>) -> Result<Receipt> {
        merge(self.0, vec![Some(outcome)])
    }
}

/// Header fields that the message lacks.
fn notices(rules: &SendingRules, head: &Head) -> String {
    let mut fields = String::new();
    if let Some(value) = rules.auto_submitted.filter(|_| !head.has("auto-submitted")) {
        fields.push_str(&format!("Auto-Submitted: {}\r\n", value.as_str()));
    }
    if let Some(value) =
        rules.auto_response_suppress.as_ref().filter(|_| !head.has("x-auto-response-suppress"))
    {
        fields.push_str(&format!("X-Auto-Response-Suppress: {value}\r\n"));
    }
    fields
}

/// Sends one message; true if the transport failed as it never should.
pub(crate) async fn send_one(
    transport: &mut dyn OutgoingTransport,
    message: Dispatch<'_>,
) -> (Result<Receipt>, bool) {
    let Dispatch { parts, fates, copy } = message;
    let mut outcomes = Vec::with_capacity(parts.len());
    let (mut broken, mut goes_on) = (false, true);
    for (envelope, body) in parts {
        if !goes_on {
            outcomes.push(None);
            continue;
        }
        let outcome = transport.send(&envelope, body).await;
        broken |= is_broken(&outcome);
        // What is wrong with these recipients need not be wrong with the next; anything else is.
        goes_on = outcome.as_ref().map_or_else(|e| e.phase() == Phase::Recipient, |_| true);
        outcomes.push(Some(outcome));
    }
    let outcome = copied(transport, merge(fates, outcomes), copy, &mut broken).await;
    (outcome, broken)
}

/// Sends messages of which some may have been refused already; true if the transport failed as it never
/// should.
pub(crate) async fn send_all(
    transport: &mut dyn OutgoingTransport,
    messages: Vec<Result<Dispatch<'_>>>,
) -> (Vec<Result<Receipt>>, bool) {
    let mut batch: Vec<(Envelope, Body<'_>)> = Vec::new();
    let mut plans = Vec::with_capacity(messages.len());
    for message in messages {
        plans.push(message.map(|Dispatch { parts, fates, copy }| {
            let count = parts.len();
            batch.extend(parts.into_iter().map(|(envelope, body)| (envelope.into_owned(), body)));
            (count, fates, copy)
        }));
    }
    let mut batch = Messages::new(batch);
    transport.send_all(&mut batch).await;
    let answers = batch.outcomes();
    let mut broken = answers.iter().any(is_broken);
    let mut answers = answers.into_iter();
    let mut outcomes = Vec::with_capacity(plans.len());
    for plan in plans {
        let (count, fates, copy) = match plan {
            Ok(plan) => plan,
            Err(error) => {
                outcomes.push(Err(error));
                continue;
            }
        };
        let outcome = merge(fates, answers.by_ref().take(count).map(Some).collect());
        outcomes.push(copied(transport, outcome, copy, &mut broken).await);
    }
    (outcomes, broken)
}

/// True if somebody has the message, or may have it.
fn is_out(outcome: &Result<Receipt>) -> bool {
    outcome.as_ref().map_or_else(|e| e.kind() == ErrorKind::Unsure, |_| true)
}

/// Sends the copy of a message that is out, unless the transport is broken, and says in its receipt what became of it.
async fn copied(
    transport: &mut dyn OutgoingTransport,
    outcome: Result<Receipt>,
    copy: Option<(Envelope, Spool)>,
    broken: &mut bool,
) -> Result<Receipt> {
    let Some((envelope, spool)) = copy.filter(|_| is_out(&outcome)) else { return outcome };
    let copied = if *broken { None } else { Some(transport.send(&envelope, spool.body()).await) };
    *broken |= copied.as_ref().is_some_and(is_broken);
    let fates: Vec<Fate> = envelope.to.iter().map(|r| Fate::sent(&r.address, 0)).collect();
    outcome.map(|receipt| receipt.with_copies(super::outcome::verdicts(fates, &[copied])))
}

/// True if the transport failed as it never should.
#[inline]
pub(crate) fn is_broken(outcome: &Result<Receipt>) -> bool {
    outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::Plugin)
}

pub(super) fn no_outcome() -> Error {
    let what = "the transport did not say what became of this message";
    Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
        .with_advice("find out whether it arrived before you send it again")
}
