//! The contract over another transport, whose errors are told in Gmail's terms.

use crate::cause::explain;
use postrider_core::{
    Batch, Body, Envelope, IncomingTransport, Listing, MessageId, OutgoingTransport, Query, Receipt, Result,
    Settle, Wake, async_trait,
};
use std::task::{Context, Poll};
use std::time::Duration;

/// A transport to Gmail: `Smtp`, `Imap` or `Pop3` underneath. Does what that does; only errors differ, in that
/// they name Gmail's own causes and what to do about them.
///
/// ```
/// use postrider_core::{Host, Result};
/// use postrider_gmail::Gmail;
/// use postrider_smtp::Smtp;
/// use std::sync::Arc;
///
/// fn sender(host: Arc<dyn Host>) -> Result<Gmail<Smtp>> {
///     let config = postrider_gmail::smtp(|server| {
///         postrider_wire::Login::password(server, "me@gmail.com", "abcd efgh ijkl mnop")
///     })?;
///     Ok(Gmail::new(Smtp::new(config, host)))
/// }
/// ```
#[derive(Debug)]
pub struct Gmail<T> {
    inner: T,
}

impl<T> Gmail<T> {
    /// Wraps a transport. Which server it talks to is its own business: [`smtp`](crate::smtp),
    /// [`imap`](crate::imap) and [`pop3`](crate::pop3) make configurations for Google's, a test brings one of
    /// its own.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }

    /// The transport underneath, for what it has beyond the contract. Its errors are not explained.
    pub fn inner(&mut self) -> &mut T {
        &mut self.inner
    }
}

#[async_trait]
impl<T: OutgoingTransport> OutgoingTransport for Gmail<T> {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        self.inner.send(envelope, body).await.map_err(explain)
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        self.inner.send_all(&mut Explained(batch)).await;
    }

    async fn connect(&mut self) -> Result<()> {
        self.inner.connect().await.map_err(explain)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Box::new(self.inner).close().await.map_err(explain)
    }
}

/// A batch that hears of its errors in Gmail's terms.
struct Explained<'b, 'a>(&'b mut dyn Batch<'a>);

impl<'a> Batch<'a> for Explained<'_, 'a> {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>> {
        self.0.poll_message(cx)
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        self.0.report(index, outcome.map_err(explain));
    }
}

#[async_trait]
impl<T: IncomingTransport> IncomingTransport for Gmail<T> {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        self.inner.list(query).await.map_err(explain)
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        self.inner.fetch(id).await.map_err(explain)
    }

    fn prefetch(&mut self, ids: &[MessageId]) {
        self.inner.prefetch(ids);
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        self.inner.settle(ids, how).await.map_err(explain)
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.inner.wait(limit).await.map_err(explain)
    }

    async fn connect(&mut self) -> Result<()> {
        self.inner.connect().await.map_err(explain)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Box::new(self.inner).close().await.map_err(explain)
    }
}
