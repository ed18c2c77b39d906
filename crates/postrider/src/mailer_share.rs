//! One message over a connection that others may use at the same time.

use crate::pool_desk::Message;
use crate::pool_place::{Place, Sent};
use crate::route::Route;
use crate::rules::{Dispatch, Need, send_one};
use bytes::Bytes;
use lettre::message::{Mailbox, Mailboxes, header};
use postrider_core::{Body, Envelope, Receipt, Result};
use std::borrow::Cow;

/// The envelope by these settings.
pub(crate) fn sender<'a>(route: &Route, envelope: &'a Envelope, by_headers: bool) -> Cow<'a, Envelope> {
    let mut envelope = Cow::Borrowed(envelope);
    if let (true, Some(sender)) = (by_headers, &route.config.envelope_from) {
        envelope.to_mut().from = Some(sender.clone());
    }
    envelope
}

/// Sends a message that is in memory, over a connection that others may use at the same time. Gives it back if the
/// settings changed before a connection took it.
pub(crate) async fn share(
    route: &Route,
    place: Place<'_>,
    envelope: Cow<'_, Envelope>,
    bytes: Bytes,
) -> Result<Result<Receipt>, Bytes> {
    let rules = &route.config.rules;
    if rules.let_pass(&envelope) {
        return match place.send(Message { envelope: envelope.into_owned(), bytes }).await {
            Sent::Outcome(outcome) => Ok(outcome),
            Sent::Retired(message) => Err(message.bytes),
        };
    }
    let message = match Dispatch::new(rules, &envelope, Body::from_bytes(bytes.clone())).await {
        Ok(message) => message,
        Err(error) => return Ok(Err(error)),
    };
    match message.into() {
        Need::Share(single) => {
            let fates = single.fates;
            let message = Message { envelope: single.envelope.into_owned(), bytes: single.bytes };
            match place.send(message).await {
                Sent::Outcome(outcome) => Ok(fates.outcome(outcome)),
                Sent::Retired(_) => Err(bytes),
            }
        }
        Need::Alone(message) => match place.lease().await {
            Ok(Some(mut lease)) => {
                let (outcome, broken) = send_one(lease.transport(), message).await;
                lease.give_back(1, broken);
                Ok(outcome)
            }
            Ok(None) => Err(bytes),
            Err(error) => Ok(Err(error)),
        },
    }
}

/// True if the message's envelope is from whom its headers name, as the builder makes it.
pub(crate) fn is_by_headers(message: &lettre::Message) -> bool {
    let headers = message.headers();
    let sender = headers.get::<header::Sender>().map(Mailbox::from);
    let from = || headers.get::<header::From>().and_then(|from| Mailboxes::from(from).into_iter().next());
    let named = sender.or_else(from);
    named.is_some_and(|named| message.envelope().from() == Some(&named.email))
}
