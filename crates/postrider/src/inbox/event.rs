//! What happens to messages, as it happens.

use postrider_core::{MessageId, Settle};

/// What has just happened. Told in the task of the watch, which goes on when the observer returns.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message has arrived whole.
    Fetched(&'a MessageId),
    /// It is handed over now.
    Handing(&'a MessageId),
    /// Its handler is done, and nothing is written down yet.
    Answered(&'a MessageId),
    /// What became of it is written down, and it is not settled yet.
    Recorded(&'a MessageId),
    /// Its handler wants it later.
    Postponed(&'a MessageId),
    /// Its handler failed, for this reason.
    Failed(&'a MessageId, &'a str),
    /// It was put aside, for this reason.
    Quarantined(&'a MessageId, &'a str),
    /// It was handled before, and is not handed over.
    Known(&'a MessageId),
    /// These were settled so.
    Settled(&'a [MessageId], &'a Settle),
    /// Something failed that is tried again.
    Trouble(&'a str),
}

/// Who is told.
pub(super) type Observer = std::sync::Arc<dyn Fn(&Event<'_>) + Send + Sync>;
