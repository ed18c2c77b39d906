//! Where a recipient of a message stands, and what is told about it.

use postrider_core::Reply;
use serde::Serialize;
use std::fmt;
use std::time::SystemTime;

/// Where a message stands for one recipient.
///
/// ```text
/// queued ─> claimed ─> sending ─> accepted | rejected | unsure
///    ^         │          │
///    └─────────┴──────────┴────── deferred ─> expired
/// ```
/// `held` and `dropped` come from people. What was `claimed` by a worker that died goes back to `queued`, for its
/// transport never had the end of the message; what was `sending` is `unsure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// Waits for its first try, or for the next after one that reached no server.
    Queued,
    /// A worker has it, and no transport can have had all of it.
    Claimed,
    /// Recorded before the transport is given the message: from here on it may have been accepted.
    Sending,
    /// The server has taken responsibility. An end.
    Accepted,
    /// Refused for good, by the server or by a sending rule. An end.
    Rejected,
    /// Refused for now, or no server was reached: tried again later.
    Deferred,
    /// It may have been accepted, and no answer came. Nothing happens until somebody decides.
    Unsure,
    /// Too old to be tried again. An end.
    Expired,
    /// Given up by a person. An end.
    Dropped,
    /// Kept back by a person.
    Held,
}

impl State {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Claimed,
        Self::Sending,
        Self::Accepted,
        Self::Rejected,
        Self::Deferred,
        Self::Unsure,
        Self::Expired,
        Self::Dropped,
        Self::Held,
    ];

    /// Its name, as it stands in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
            Self::Unsure => "unsure",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
            Self::Held => "held",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// True if nothing happens any more unless somebody wants it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Expired | Self::Dropped)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Number of a message in its outbox, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct LetterId(pub i64);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that became of a message for one recipient. Written in the same transaction as the state it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its number: later events have larger ones.
    pub number: i64,
    /// When, by the clock of the outbox.
    #[serde(serialize_with = "seconds")]
    pub at: SystemTime,
    /// Which message.
    pub letter: LetterId,
    /// The message's Message-ID, with its angle brackets.
    pub message_id: String,
    /// The recipient.
    pub address: String,
    /// The state it came to.
    pub state: State,
    /// How many tries there have been.
    pub tries: u32,
    /// The server's words, if it said any.
    pub reply: Option<Reply>,
    /// In other words: what happened, or who wanted it.
    pub why: Option<String>,
    /// The account it went by, or was to.
    pub via: Option<String>,
}

/// What [`Storage::list`](super::Storage::list) tells of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub id: LetterId,
    /// When it was put in, by the clock of the outbox.
    #[serde(serialize_with = "seconds")]
    pub enqueued: SystemTime,
    /// When it is given up; `None` if its worker's setting decides.
    #[serde(serialize_with = "maybe_seconds")]
    pub expires: Option<SystemTime>,
    /// The reverse path; `None` is `<>`.
    pub sender: Option<String>,
    /// Message-ID, with its angle brackets.
    pub message_id: String,
    /// Bytes of the message.
    pub size: u64,
    /// Its recipients, in the order of the envelope.
    pub recipients: Vec<Standing>,
}

/// One recipient as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Standing {
    /// The forward path.
    pub address: String,
    /// Where it stands.
    pub state: State,
    /// How many tries there have been.
    pub tries: u32,
    /// When it is tried next, if it is.
    #[serde(serialize_with = "maybe_seconds")]
    pub due: Option<SystemTime>,
    /// When it came to this state.
    #[serde(serialize_with = "seconds")]
    pub since: SystemTime,
    /// The server's last words.
    pub reply: Option<Reply>,
    /// What happened last, in words.
    pub why: Option<String>,
    /// The account it went by last.
    pub via: Option<String>,
}

/// How many recipients there are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// The state.
    pub state: State,
    /// How many recipients.
    pub recipients: u64,
}

/// Seconds since 1970, with milliseconds behind the point: what every other language can read.
fn seconds<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(super::sql::millis(*time) as f64 / 1000.0)
}

fn maybe_seconds<S: serde::Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_name_and_four_are_ends() {
        assert!(State::ALL.into_iter().all(|state| State::named(state.name()) == Some(state)));
        assert_eq!(State::named("sent"), None);
        assert_eq!(State::ALL.into_iter().filter(|s| s.is_final()).count(), 4);
    }
}
