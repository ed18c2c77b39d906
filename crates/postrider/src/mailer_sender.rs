//! Whom messages are from, and the envelopes that follow from it.

use crate::Mailer;
use crate::route::Route;
use lettre::Message;
use lettre::message::{Mailbox, Mailboxes, header};
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, Recipient, Result, session_property};
use std::borrow::Cow;

impl Mailer {
    /// The envelope of a message built by lettre's builder: from Sender or the one From, to everyone in To,
    /// Cc and Bcc, or as its own `envelope(…)` was told. The builder takes Bcc out of the bytes unless
    /// `keep_bcc` forbids it.
    ///
    /// # Errors
    /// `InvalidInput` if an address of it can't stand in an envelope.
    pub fn envelope_of(message: &Message) -> Result<Envelope> {
        let headers = message.envelope();
        let address = |a: &lettre::Address| Address::new(a.to_string());
        let to = headers.to().iter().map(address).collect::<Result<Vec<_>>>()?;
        Envelope::new(headers.from().map(address).transpose()?, to)
    }

    /// An envelope from `mail.<transport>.from` or else `mail.from`, for a message given as bytes or as a stream.
    ///
    /// # Errors
    /// `Configuration` if neither is set, `InvalidInput` without recipients.
    pub fn envelope<R: Into<Recipient>>(&self, to: impl IntoIterator<Item = R>) -> Result<Envelope> {
        let sender = self.route().config.envelope_from.clone().or_else(|| self.from());
        Envelope::new(Some(sender.ok_or_else(no_sender)?), to)
    }

    /// The address of `mail.from`, or else of `mail.<transport>.from`: a default sender for the host app's messages. It is never put in by
    /// itself: an envelope without a sender has the null reverse path `<>`, which automatic messages must
    /// have (RFC 5321 §4.5.5).
    pub fn from(&self) -> Option<Address> {
        self.route().config.from.clone()
    }

    /// The mailbox of `mail.from` and `mail.from.name`, for a From header.
    ///
    /// # Errors
    /// `Configuration` if `mail.from` is not set or lettre's builder can't take it.
    pub fn mailbox(&self) -> Result<Mailbox> {
        let route = self.route();
        let from = route.config.from.as_ref().ok_or_else(no_sender)?;
        let address = from.as_str().parse().map_err(|e| {
            let what = format!("{from} can't stand in a From header: {e}");
            Error::new(ErrorKind::Configuration, Phase::Configure, what).with_property(from_key(), None)
        })?;
        Ok(Mailbox::new(route.config.from_name.clone(), address))
    }
}

/// The envelope by these settings.
pub(crate) fn sender<'a>(route: &Route, envelope: &'a Envelope, by_headers: bool) -> Cow<'a, Envelope> {
    let mut envelope = Cow::Borrowed(envelope);
    if let (true, Some(sender)) = (by_headers, &route.config.envelope_from) {
        envelope.to_mut().from = Some(sender.clone());
    }
    envelope
}

/// True if the message's envelope is from whom its headers name, as the builder makes it.
pub(crate) fn is_by_headers(message: &lettre::Message) -> bool {
    let headers = message.headers();
    let sender = headers.get::<header::Sender>().map(Mailbox::from);
    let from = || headers.get::<header::From>().and_then(|from| Mailboxes::from(from).into_iter().next());
    let named = sender.or_else(from);
    named.is_some_and(|named| message.envelope().from() == Some(&named.email))
}

fn from_key() -> String {
    format!("mail.{}", session_property::FROM.name())
}

fn no_sender() -> Error {
    let key = from_key();
    Error::new(ErrorKind::Configuration, Phase::Configure, "the settings name no sender")
        .with_property(key.clone(), None)
        .with_advice(format!("set {key}, or name a sender of the message's own"))
}
