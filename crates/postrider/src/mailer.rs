//! Sending.

use crate::MailerConfig;
use crate::mailer_share::{is_by_headers, sender, share};
use crate::pool_connection::{Goodbye, close_all};
use crate::pool_desk::Leftover;
use crate::pool_place::Place;
use crate::route::{Blueprint, Route};
use crate::rules::{Dispatch, send_all, send_as_they_are, send_one};
use lettre::Message;
use lettre::message::Mailbox;
use postrider_core::{
    Address, Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Recipient, Result,
    session_property,
};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The longest message of lettre's builder that shares a connection, in bytes: those that wait are written out, a
/// bounded number of them. A longer one is written out when it has a connection to itself.
const SHARED: usize = 64 * 1024;

/// Sends messages. Cheap to clone and safe to share between tasks: the clones share at most `mail.mailer.connections`
/// connections, first come, first served.
///
/// Messages that tasks send at the same time share connections by themselves: where the transport can have many in
/// flight on one, they are sent without waiting for each other. That goes for messages in memory (built ones up to
/// 64 KiB, bytes of any length); one that comes as a stream, or goes out in several transactions by the
/// [`SendingRules`](crate::SendingRules), has a connection to itself meanwhile. A connection in use is opened beside
/// others as long as that is allowed and each of them has `mail.mailer.growat` messages in flight.
///
/// The mailer of a [`Session`](crate::Session) follows it: what [`Session::apply`](crate::Session::apply)
/// brings counts for every message that no connection has taken yet.
///
/// There is no task in the background: connections go on while one of the tasks that wait for them is polled. So a
/// send that was begun is to be awaited or dropped. A connection that is of no use any more is closed when a message is
/// sent after `mail.mailer.idletimeout`, or by [`close`](Self::close); with the last clone all are cut. A host app that
/// has nothing to send for a long while calls `close`.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

/// What the clones of a mailer share.
pub(crate) struct Inner {
    route: Mutex<Arc<Route>>,
}

impl Inner {
    /// From here on messages go by the new configuration. Gives what is left to be done about the old.
    pub(crate) fn swap(&self, blueprint: &Blueprint) -> (Vec<Goodbye>, Leftover) {
        let mut route = self.slot();
        let (next, goodbyes, leftover) = route.replace(blueprint);
        *route = next;
        (goodbyes, leftover)
    }

    fn route(&self) -> Arc<Route> {
        Arc::clone(&self.slot())
    }

    fn slot(&self) -> MutexGuard<'_, Arc<Route>> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailer {
    /// A mailer over transports that the host app makes itself, without a registry or properties: `make` is
    /// called for each connection of the pool, and once at the start to see that it can. `name` is for
    /// people.
    ///
    /// ```
    /// # use postrider::*; use std::sync::Arc;
    /// # struct Pigeon;
    /// # #[async_trait] impl OutgoingTransport for Pigeon {
    /// #     async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> { unimplemented!() }
    /// #     async fn close(self: Box<Self>) -> Result<()> { Ok(()) }
    /// # }
    /// # fn example(host: Arc<dyn Host>) -> Result<Mailer> {
    /// let mut config = MailerConfig::default();
    /// config.connections = 2;
    /// let mailer = Mailer::new("pigeon", &config, host, || Ok(Box::new(Pigeon)))?;
    /// # Ok(mailer) }
    /// ```
    ///
    /// # Errors
    /// `Configuration` for a limit of no connections; otherwise what `make` gives.
    pub fn new(
        name: impl Into<String>,
        config: &MailerConfig,
        host: Arc<dyn Host>,
        make: impl Fn() -> Result<Box<dyn OutgoingTransport>> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (name, config, make) = (name.into(), config.clone(), Arc::new(make));
        let blueprint = Blueprint { name, server: String::new(), config, host, make };
        blueprint.check()?;
        Ok(Self::of(&blueprint))
    }

    /// A mailer of a configuration that was checked.
    pub(crate) fn of(blueprint: &Blueprint) -> Self {
        Self(Arc::new(Inner { route: Mutex::new(Route::new(blueprint)) }))
    }

    /// How a session tells it of new settings, as long as anybody has it.
    pub(crate) fn follow(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    /// Sends a message built by lettre's builder to the envelope made of its headers, as
    /// [`envelope_of`](Self::envelope_of) tells it. `mail.<transport>.from` is the sender then, as Jakarta Mail has
    /// it, unless the message was given an envelope with a sender other than its headers'.
    ///
    /// # Errors
    /// As [`send`](Self::send); `InvalidInput` if an address of it can't stand in an envelope.
    ///
    /// # Cancellation
    /// As [`send`](Self::send).
    pub async fn send_message(&self, message: &Message) -> Result<Receipt> {
        let envelope = Self::envelope_of(message)?;
        let by_headers = is_by_headers(message);
        loop {
            let route = self.0.route();
            // None: retired meanwhile. Written out only when it is inside: of ten thousand waiting messages there are few second copies.
            let Some(place) = Place::enter(&route.pool).await? else { continue };
            let text = message.formatted();
            if text.len() > SHARED {
                drop((place, text));
                let body = || Body::from_bytes(message.formatted());
                return self.send_alone(&envelope, by_headers, body).await;
            }
            if let Ok(outcome) =
                share(&route, place, sender(&route, &envelope, by_headers), text.into()).await
            {
                return outcome;
            }
        }
    }

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
        let sender = self.0.route().config.envelope_from.clone().or_else(|| self.from());
        Envelope::new(Some(sender.ok_or_else(no_sender)?), to)
    }

    /// The address of `mail.from`, or else of `mail.<transport>.from`: a default sender for the host app's messages. It is never put in by
    /// itself: an envelope without a sender has the null reverse path `<>`, which automatic messages must
    /// have (RFC 5321 §4.5.5).
    pub fn from(&self) -> Option<Address> {
        self.0.route().config.from.clone()
    }

    /// The mailbox of `mail.from` and `mail.from.name`, for a From header.
    ///
    /// # Errors
    /// `Configuration` if `mail.from` is not set or lettre's builder can't take it.
    pub fn mailbox(&self) -> Result<Mailbox> {
        let route = self.0.route();
        let from = route.config.from.as_ref().ok_or_else(no_sender)?;
        let address = from.as_str().parse().map_err(|e| {
            let what = format!("{from} can't stand in a From header: {e}");
            Error::new(ErrorKind::Configuration, Phase::Configure, what).with_property(from_key(), None)
        })?;
        Ok(Mailbox::new(route.config.from_name.clone(), address))
    }

    /// Sends a message given as bytes or as a stream, to this envelope as it is but for the
    /// [`SendingRules`](crate::SendingRules) (docs/sending.md).
    ///
    /// A stream has a connection to itself until the outcome is known, also while it waits for its source.
    ///
    /// # Errors
    /// As [`OutgoingTransport::send`]; `InvalidInput` naming the rule that does not let it pass, before
    /// any server is asked; and `Timeout` in the phase `Connect` after `mail.mailer.waittimeout`.
    ///
    /// # Cancellation
    /// A message that no connection has taken is withdrawn. One that was taken may be sent or not: a connection it
    /// shares with others that somebody waits for goes on with it, any other is cut.
    pub async fn send(&self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut bytes = match body.into_bytes() {
            Ok(bytes) => bytes,
            Err(body) => return self.send_alone(envelope, false, || body).await,
        };
        loop {
            let route = self.0.route();
            let Some(place) = Place::enter(&route.pool).await? else { continue };
            match share(&route, place, Cow::Borrowed(envelope), bytes).await {
                Ok(outcome) => return outcome,
                Err(back) => bytes = back,
            }
        }
    }

    /// Sends a message over a connection that nothing else uses meanwhile.
    async fn send_alone<'a>(
        &self,
        envelope: &Envelope,
        by_headers: bool,
        body: impl FnOnce() -> Body<'a> + Send,
    ) -> Result<Receipt> {
        loop {
            let route = self.0.route();
            let Some(mut lease) = route.pool.lease().await? else { continue };
            let envelope = sender(&route, envelope, by_headers);
            let message = match Dispatch::new(&route.config.rules, &envelope, body()).await {
                Ok(message) => message,
                Err(error) => {
                    lease.give_back(0, false);
                    return Err(error);
                }
            };
            let (outcome, broken) = send_one(lease.transport(), message).await;
            lease.give_back(1, broken);
            return outcome;
        }
    }

    /// Sends several messages over one connection and gives each its own outcome, in order.
    ///
    /// # Errors
    /// If no connection can be leased, that error stands for the whole batch, and none of it was sent.
    ///
    /// # Cancellation
    /// As [`send`](Self::send) for each message that has no outcome yet.
    pub async fn send_all(&self, batch: Vec<(Envelope, Body<'_>)>) -> Result<Vec<Result<Receipt>>> {
        let (route, mut lease) = loop {
            let route = self.0.route();
            if let Some(lease) = route.pool.lease().await? {
                break (route, lease);
            }
        };
        if batch.iter().all(|(envelope, _)| route.config.rules.let_pass(envelope)) {
            let (outcomes, broken) = send_as_they_are(lease.transport(), batch).await;
            lease.give_back(outcomes.len(), broken);
            return Ok(outcomes);
        }
        let (envelopes, bodies): (Vec<Envelope>, Vec<Body<'_>>) = batch.into_iter().unzip();
        let mut messages = Vec::with_capacity(envelopes.len());
        for (envelope, body) in envelopes.iter().zip(bodies) {
            messages.push(Dispatch::new(&route.config.rules, envelope, body).await);
        }
        let (outcomes, broken) = send_all(lease.transport(), messages).await;
        lease.give_back(outcomes.len(), broken);
        Ok(outcomes)
    }

    /// Opens connections ahead of need and signs in, all at once, until there are so many: the first messages need not
    /// wait for that then. Never more than `mail.mailer.connections`. They are kept as any that nobody uses.
    ///
    /// # Errors
    /// What the first of them failed by; `Unsupported` in the phase `Configure` from a transport that can't connect
    /// without sending.
    ///
    /// # Cancellation
    /// Cuts those that are not ready yet.
    pub async fn connect(&self, connections: usize) -> Result<()> {
        self.0.route().pool.connect(connections).await
    }

    /// The name of its transport.
    pub fn transport(&self) -> String {
        self.0.route().name.clone()
    }

    /// Closes idle connections in good order, within 5 s. The mailer can go on: it dials anew.
    ///
    /// # Cancellation
    /// Those not yet closed are cut.
    pub async fn close(&self) {
        close_all(self.0.route().pool.clear()).await;
    }
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

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("transport", &self.transport()).finish_non_exhaustive()
    }
}
