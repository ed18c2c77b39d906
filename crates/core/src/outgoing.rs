//! The contract of a transport that messages go out by.

use crate::{Batch, Body, Envelope, Error, ErrorKind, Phase, Receipt, Result, async_trait};
use std::future::poll_fn;

/// A way out for messages. It connects when it is first needed and again after a failure.
///
/// Dropping any future costs at most the connection; the next call dials anew. Whether the message of a
/// dropped `send` was accepted is unknown from the moment its end of data could leave.
#[async_trait]
pub trait OutgoingTransport: Send {
    /// Sends one message. `Ok` means that the server has taken responsibility for it, for the recipients
    /// the receipt says.
    ///
    /// # Errors
    /// Each error tells its [`outcome`](crate::Error::outcome): `Rejected`, `Deferred`, `NotSent` (nothing
    /// can have been accepted) or `Unsure` (the end of data may have reached the server and no reply came).
    ///
    /// # Cancellation
    /// The message is not sent if its end of data had not been written; otherwise it may have been.
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt>;

    /// Sends the messages of a batch until it is at its end and each that was taken has been reported. One
    /// after the other, unless a transport that can have many in flight overrides it.
    ///
    /// # Cancellation
    /// As [`send`](Self::send) for each message that was taken and not yet reported.
    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let mut index = 0;
        while let Some((envelope, body)) = poll_fn(|cx| batch.poll_message(cx)).await {
            let outcome = self.send(&envelope, body).await;
            batch.report(index, outcome);
            index += 1;
        }
    }

    /// Connects and signs in, unless that has been done: a check of the settings that sends nothing.
    ///
    /// # Errors
    /// `Unsupported` in the phase `Configure` from a transport that can't tell without sending, which is what
    /// this does if it is not overridden; otherwise anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    async fn connect(&mut self) -> Result<()> {
        Err(untried())
    }

    /// Ends the session in good order.
    ///
    /// # Errors
    /// Never because of a message: what was accepted stays accepted.
    ///
    /// # Cancellation
    /// As if the connection had been cut.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// What `connect` of a transport says that has none of its own.
pub(crate) fn untried() -> Error {
    let what = "this transport can't be tried without sending or receiving";
    // The phase tells it from a server that can't do what the settings ask: nothing was tried.
    Error::new(ErrorKind::Unsupported, Phase::Configure, what)
}
