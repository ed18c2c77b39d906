//! Sending.

use crate::MailerConfig;
use crate::mailer_sender::{is_by_headers, sender};
use crate::mailer_share::{send_by_rules, share};
use crate::pool_connection::{Goodbye, close_all};
use crate::pool_desk::Leftover;
use crate::pool_place::Place;
use crate::route::{Blueprint, Route};
use crate::rules::{Dispatch, is_broken, send_one};
use lettre::Message;
use postrider_core::{Body, Envelope, Host, Messages, OutgoingTransport, Receipt, Result};
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

    pub(crate) fn route(&self) -> Arc<Route> {
        self.0.route()
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
            let route = self.route();
            // None, false: retired meanwhile.
            let Some(mut place) = Place::stand(&route.pool) else { continue };
            if !place.come_in().await? {
                continue;
            }
            // Written out only when it is inside: of ten thousand waiting messages there are few second copies.
            let text = message.formatted();
            if text.len() > SHARED {
                drop((place, text));
                let body = || Body::from_bytes(message.formatted());
                return Box::pin(self.send_alone(&envelope, by_headers, body)).await;
            }
            if let Some(outcome) = share(&route, &mut place, (&envelope, by_headers), &mut text.into()).await
            {
                return outcome;
            }
        }
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
            // What few messages need does not make the futures of all larger.
            Err(body) => return Box::pin(self.send_alone(envelope, false, || body)).await,
        };
        loop {
            let route = self.route();
            let Some(mut place) = Place::stand(&route.pool) else { continue };
            if place.come_in().await?
                && let Some(outcome) = share(&route, &mut place, (envelope, false), &mut bytes).await
            {
                return outcome;
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
            let route = self.route();
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
            let route = self.route();
            if let Some(lease) = route.pool.lease().await? {
                break (route, lease);
            }
        };
        if !route.config.rules.let_all_pass(batch.iter().map(|(envelope, _)| envelope)) {
            return Ok(Box::pin(send_by_rules(&route, lease, batch)).await);
        }
        // The transport has them as they are, and nothing of the mailer's stands between: what is done here is done
        // once a batch.
        let mut messages = Messages::new(batch);
        lease.transport().send_all(&mut messages).await;
        let outcomes = messages.outcomes();
        lease.give_back(outcomes.len(), outcomes.iter().any(is_broken));
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
        self.route().pool.connect(connections).await
    }

    /// The name of its transport.
    pub fn transport(&self) -> String {
        self.route().name.clone()
    }

    /// Closes idle connections in good order, within 5 s. The mailer can go on: it dials anew.
    ///
    /// # Cancellation
    /// Those not yet closed are cut.
    pub async fn close(&self) {
        close_all(self.route().pool.clear()).await;
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("transport", &self.transport()).finish_non_exhaustive()
    }
}
