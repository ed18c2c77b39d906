//! The contract of a transport that messages come in by.

use crate::{Body, Listing, MessageId, Query, Result, Settle, Wake, async_trait};
use std::time::Duration;

/// One mailbox of one account. It connects when it is first needed and again after a failure.
///
/// `&mut self`: one mail session does one thing at a time. Dropping any future, or a half-read [`Body`],
/// costs at most the connection, never a message; the next call dials anew.
#[async_trait]
pub trait IncomingTransport: Send {
    /// The next page of messages, oldest first.
    ///
    /// # Errors
    /// `Unsupported` for a filter that this transport does not have; anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection; nothing changes in the mailbox.
    async fn list(&mut self, query: &Query) -> Result<Listing>;

    /// One message, streamed: memory stays bounded whatever its size. Does not mark it as seen.
    ///
    /// # Errors
    /// `NotFound` if the message is gone or the mailbox was rebuilt; `Limit` if it is larger than allowed;
    /// anything a connection can fail by, also from the body while it is read.
    ///
    /// # Cancellation
    /// Costs the connection; the message stays.
    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>>;

    /// Says that the next calls of [`fetch`](Self::fetch) will be for these, in this order, so that a transport
    /// can ask for several at a time. A hint: nothing but the speed depends on it, any other call may come
    /// instead, and the next hint takes its place. Transports that have no use for it leave it out.
    fn prefetch(&mut self, ids: &[MessageId]) {
        let _ = ids;
    }

    /// Does `how` with handled messages. A message that is gone already counts as settled.
    ///
    /// # Errors
    /// `Unsupported` if this transport can't do it; `Rejected` with the server's words. After an error some
    /// of the messages may be settled: asking again is safe.
    ///
    /// # Cancellation
    /// Some of the messages may be settled; asking again is safe.
    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()>;

    /// Waits for news, at most for `limit`: by the server's word (IDLE) or by a timed poll. A message that
    /// came between the last listing and the start of the wait ends it at once or is found by the next one.
    ///
    /// # Errors
    /// Anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs at most the connection.
    async fn wait(&mut self, limit: Duration) -> Result<Wake>;

    /// Connects and signs in, unless that has been done: a check of the settings that changes nothing.
    ///
    /// # Errors
    /// `Unsupported` in the phase `Configure` from a transport that can't tell, which is what this does if it
    /// is not overridden; otherwise anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    async fn connect(&mut self) -> Result<()> {
        Err(crate::outgoing::untried())
    }

    /// Ends the session in good order. Over POP3 this is what deletes.
    ///
    /// # Errors
    /// If settled messages may not have been deleted; the error says how many.
    ///
    /// # Cancellation
    /// As if the connection had been cut.
    async fn close(self: Box<Self>) -> Result<()>;
}
