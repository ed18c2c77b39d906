//! Sending.

use crate::pool::Pool;
use lettre::Message;
use postrider_core::{
    Address, Batch, Body, Envelope, Host, Properties, Receipt, Registry, Result, session_property,
};
use std::fmt;
use std::sync::Arc;

/// Sends messages. Cheap to clone and safe to share between tasks: the clones share a pool of at most
/// `mail.mailer.connections` connections, and whoever finds none free waits for one.
#[derive(Clone)]
pub struct Mailer {
    name: Arc<str>,
    pool: Arc<Pool>,
}

impl Mailer {
    pub(crate) fn new(
        name: String,
        properties: Properties,
        registry: Arc<Registry>,
        host: Arc<dyn Host>,
    ) -> Result<Self> {
        let limit = properties.require(&session_property::MAILER_CONNECTIONS)?;
        let idle_timeout = properties.require(&session_property::MAILER_IDLE_TIMEOUT)?.0;
        let shared: Arc<str> = name.as_str().into();
        let lent = Arc::clone(&host);
        let make = move || registry.outgoing(&name, &properties, Arc::clone(&lent));
        // Made and dropped: every mistake in the settings shows now and not with the first message.
        drop(make()?);
        Ok(Self { name: shared, pool: Arc::new(Pool::new(Box::new(make), host, limit, idle_timeout)) })
    }

    /// Sends a message built by lettre's builder, to the envelope made of its headers.
    ///
    /// # Errors
    /// As [`send`](Self::send); `InvalidInput` if an address of it can't stand in an envelope.
    ///
    /// # Cancellation
    /// As [`send`](Self::send).
    pub async fn send_message(&self, message: &Message) -> Result<Receipt> {
        let headers = message.envelope();
        let from = headers.from().map(|a| Address::new(a.to_string())).transpose()?;
        let to = headers.to().iter().map(|a| Address::new(a.to_string())).collect::<Result<Vec<_>>>()?;
        let envelope = Envelope::new(from, to)?;
        self.send(&envelope, Body::from_bytes(message.formatted())).await
    }

    /// Sends a message given as bytes or as a stream, to this envelope.
    ///
    /// # Errors
    /// As [`OutgoingTransport::send`](postrider_core::OutgoingTransport::send).
    ///
    /// # Cancellation
    /// Costs the connection. The message is not sent if its end of data had not been written.
    pub async fn send(&self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut lease = self.pool.lease().await?;
        let outcome = lease.transport().send(envelope, body).await;
        lease.give_back();
        outcome
    }

    /// Sends several messages over one connection and gives each its own outcome, in order.
    ///
    /// # Errors
    /// If no connection can be leased, that error stands for the whole batch, and none of it was sent.
    ///
    /// # Cancellation
    /// As [`send`](Self::send) for each message that has no outcome yet.
    pub async fn send_all(&self, batch: Batch<'_>) -> Result<Vec<Result<Receipt>>> {
        let mut lease = self.pool.lease().await?;
        let outcomes = lease.transport().send_all(batch).await;
        lease.give_back();
        Ok(outcomes)
    }

    /// The name of its transport.
    pub fn transport(&self) -> &str {
        &self.name
    }

    /// Closes idle connections in good order. The mailer can go on: it dials anew.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("transport", &self.name).finish_non_exhaustive()
    }
}
