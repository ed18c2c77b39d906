//! Who handles messages.

use super::Arrival;
use postrider_core::async_trait;
use std::error::Error as StdError;
use std::future::Future;

/// What went wrong in a handler; its text is kept as the reason.
pub type HandlerError = Box<dyn StdError + Send + Sync>;

/// What becomes of a message that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It was handled: never again.
    Done,
    /// Not now: hand it over again after `mail.watch.retry`. That is no failure, however often it is said.
    Later,
    /// It is not wanted, for this reason: it is put aside at once, as `mail.watch.quarantine` says.
    Refuse(String),
}

/// Handles messages, one after the other.
///
/// A message whose handler fails, panics or takes longer than `mail.watch.deadline` is handed over again later, and
/// put aside after `mail.watch.failures`; the others go on meanwhile. A process that ends in between hands it over
/// again when it is back: what a handler does has to bear that, or be done in one transaction with the
/// [key](Arrival::key) of the message.
///
/// Every `async` closure of an [`Arrival`] is one.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles a message.
    ///
    /// # Errors
    /// Whatever keeps it from being handled now.
    ///
    /// # Cancellation
    /// It is dropped when its deadline is over, which counts as a failure.
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError>;
}

#[async_trait]
impl<F, Handling> Handler for F
where
    F: Fn(Arrival) -> Handling + Send + Sync,
    Handling: Future<Output = Result<Answer, HandlerError>> + Send,
{
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        self(arrival).await
    }
}
