//! What a test can let go wrong.

use postrider_core::{Error, ErrorKind, Phase, Reply};

/// How a send ends that does not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFault {
    /// The whole message is refused for good, in these words.
    Rejected(Reply),
    /// The whole message is refused for now, in these words.
    Deferred(Reply),
    /// Nothing is sent, for there is no connection: the body is not even asked for.
    NotSent,
    /// The message is out and no answer comes.
    Unsure {
        /// Whether it was accepted all the same: it is among the sent ones then, and only the test knows.
        accepted: bool,
    },
    /// No answer comes, ever. Only a deadline of the program's own ends it.
    Silence,
}

impl SendFault {
    /// The error that the sender sees; `None` if it sees nothing.
    pub(crate) fn error(self) -> Option<Error> {
        let data = Phase::EndOfData;
        Some(match self {
            Self::Rejected(reply) => Error::new(ErrorKind::Rejected, data, "the test rejects the message")
                .with_advice("see what the test said")
                .with_reply(reply),
            Self::Deferred(reply) => Error::new(ErrorKind::Deferred, data, "the test defers the message")
                .with_advice("try again later")
                .with_reply(reply),
            Self::NotSent => not_sent(),
            Self::Unsure { .. } => Error::new(ErrorKind::Unsure, data, "the test does not answer")
                .with_advice("find out whether it has arrived before sending it again"),
            Self::Silence => return None,
        })
    }
}

pub(crate) fn not_sent() -> Error {
    Error::new(ErrorKind::Connect, Phase::Connect, "the test lets nobody connect")
        .with_advice("try again later")
}

/// A call of the contract that a test can let fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `connect` of either direction.
    Connect,
    /// `list`
    List,
    /// `fetch`, before a byte of the message
    Fetch,
    /// `settle`, before anything is settled
    Settle,
    /// `wait`
    Wait,
    /// `close` of either direction.
    Close,
}
