//! Messages on connections: one over a connection that others may use at the same time, and many by the rules.

use crate::mailer_sender::sender;
use crate::pool_connection::Lease;
use crate::pool_desk::Message;
use crate::pool_place::{Place, Sent};
use crate::route::Route;
use crate::rules::{Dispatch, Need, send_all, send_one};
use bytes::Bytes;
use postrider_core::{Body, Envelope, Receipt, Result};

/// Sends a message that is in memory, over a connection that others may use at the same time. `None` if the settings
/// changed before a connection took it: it is in `bytes` as before then.
pub(crate) async fn share(
    route: &Route,
    place: &mut Place<'_>,
    (envelope, by_headers): (&Envelope, bool),
    bytes: &mut Bytes,
) -> Option<Result<Receipt>> {
    if !route.config.rules.let_pass(envelope) {
        return Box::pin(share_by_rules(route, place, (envelope, by_headers), bytes)).await;
    }
    let envelope = sender(route, envelope, by_headers).into_owned();
    place.post(Message { envelope, bytes: std::mem::take(bytes) });
    match place.outcome().await {
        Sent::Outcome(outcome) => Some(outcome),
        Sent::Retired(message) => {
            *bytes = message.bytes;
            None
        }
    }
}

/// As [`share`], of a message that a rule changes, divides, copies or stops.
async fn share_by_rules(
    route: &Route,
    place: &mut Place<'_>,
    (envelope, by_headers): (&Envelope, bool),
    bytes: &Bytes,
) -> Option<Result<Receipt>> {
    let envelope = sender(route, envelope, by_headers);
    let body = Body::from_bytes(bytes.clone());
    let message = match Dispatch::new(&route.config.rules, &envelope, body).await {
        Ok(message) => message,
        Err(error) => return Some(Err(error)),
    };
    match message.into() {
        Need::Share(single) => {
            let fates = single.fates;
            place.post(Message { envelope: single.envelope.into_owned(), bytes: single.bytes });
            match place.outcome().await {
                Sent::Outcome(outcome) => Some(fates.outcome(outcome)),
                Sent::Retired(_) => None,
            }
        }
        Need::Alone(message) => match place.lease().await {
            Ok(lease) => {
                let mut lease = lease?;
                let (outcome, broken) = send_one(lease.transport(), message).await;
                lease.give_back(1, broken);
                Some(outcome)
            }
            Err(error) => Some(Err(error)),
        },
    }
}

/// Sends a batch of which the rules change, divide, copy or stop some messages.
pub(crate) async fn send_by_rules(
    route: &Route,
    mut lease: Lease,
    batch: Vec<(Envelope, Body<'_>)>,
) -> Vec<Result<Receipt>> {
    let (envelopes, bodies): (Vec<Envelope>, Vec<Body<'_>>) = batch.into_iter().unzip();
    let mut messages = Vec::with_capacity(envelopes.len());
    for (envelope, body) in envelopes.iter().zip(bodies) {
        messages.push(Dispatch::new(&route.config.rules, envelope, body).await);
    }
    let (outcomes, broken) = send_all(lease.transport(), messages).await;
    lease.give_back(outcomes.len(), broken);
    outcomes
}
