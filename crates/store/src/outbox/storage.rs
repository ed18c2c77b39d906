//! The contract of a place that an outbox is kept in.

use super::{Count, Entry, Event, Letter, LetterId, State};
use async_trait::async_trait;
use bytes::Bytes;
use postrider_core::{Envelope, Reply, Result};
use std::time::Duration;

/// Where messages wait, durably. All workers of one outbox share the place, its rules and its clock.
///
/// Whatever returns `Ok` is on disk. Every error says what failed, where, and what to do; nothing has changed then.
///
/// # Cancellation
/// A call whose future is dropped may take effect all the same, as a whole.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Puts a message in, in a transaction of its own. For one of the host's there are `enqueue_in` functions.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn enqueue(&self, letter: &Letter) -> Result<LetterId>;

    /// Takes messages that are due, at most so many, the one that has waited longest first. They are this worker's
    /// until they are settled, or until it has not said for its lease that it [lives](Self::stay).
    ///
    /// # Errors
    /// What the place can fail by.
    async fn claim(&self, worker: &Worker, most: usize) -> Result<Claims>;

    /// Records that a transport is given the message from now on, and only then gives it out. Again for the same
    /// attempt, if nobody else has it by now: another account is to be given it.
    ///
    /// # Errors
    /// `Closed` if the claim is somebody else's by now; what the place can fail by. Then it must not be sent.
    async fn begin(&self, attempt: &Attempt) -> Result<Bytes>;

    /// Records what became of an attempt. What comes too late to count, because the claim had passed to somebody
    /// else, is told as an event and changes nothing; one that ends a doubt always counts.
    ///
    /// # Errors
    /// What the place can fail by: then it has to be tried again, for the next one who looks will be unsure.
    async fn settle(&self, attempt: &Attempt, results: &[Settled], terms: &Terms) -> Result<Vec<Event>>;

    /// Says that the worker lives. False if it was taken for dead meanwhile: what it had has passed on.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn stay(&self, worker: &Worker) -> Result<bool>;

    /// Gives back all that the worker has claimed and not begun. If it has begun something, that is in doubt with the
    /// next sweep.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn leave(&self, worker: &Worker) -> Result<()>;

    /// What time does: messages of dead workers go back or are unsure, old ones expire, ended ones are forgotten.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn sweep(&self, terms: &Terms) -> Result<Vec<Event>>;

    /// What a person wants done about a message, for all its recipients or one of them. Gives an event for each it was
    /// done for: those in another state than the action is for stay as they are.
    ///
    /// # Errors
    /// `NotFound` without such a message or recipient; what the place can fail by.
    async fn act(&self, action: Action, letter: LetterId, address: Option<&str>) -> Result<Vec<Event>>;

    /// Messages by their number, from the one after `after` on; only those with a recipient in `state`, if that is
    /// given.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn list(&self, state: Option<State>, after: LetterId, most: usize) -> Result<Vec<Entry>>;

    /// One message, if it is there.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn entry(&self, letter: LetterId) -> Result<Option<Entry>>;

    /// The message itself, if it is there.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn message(&self, letter: LetterId) -> Result<Option<Bytes>>;

    /// How many recipients are in each state; states that nobody is in are left out.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn counts(&self) -> Result<Vec<Count>>;

    /// What has happened after the event of this number (0: from the start), in order; of one message, or of all.
    ///
    /// Of several machines on one database an event may become visible after one with a larger number: who must not
    /// miss one looks back a little.
    ///
    /// # Errors
    /// What the place can fail by.
    async fn events(&self, letter: Option<LetterId>, after: i64, most: usize) -> Result<Vec<Event>>;
}

/// One who claims messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    id: String,
    lease: Duration,
}

impl Worker {
    /// A new one, with a name that no other has. It counts as dead when it has not said for so long that it lives.
    ///
    /// # Errors
    /// `Plugin` if the machine has no random numbers.
    pub fn new(lease: Duration) -> Result<Self> {
        Ok(Self { id: super::letter::word()?, lease })
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// After how long it counts as dead.
    pub fn lease(&self) -> Duration {
        self.lease
    }
}

/// What a worker got.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claims {
    /// Messages to be tried.
    pub attempts: Vec<Attempt>,
    /// When the next one is due that nobody has; `None` if there is none.
    pub next: Option<Duration>,
}

/// A message to be tried, for those of its recipients that are due.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number.
    pub letter: LetterId,
    /// The envelope, with the recipients of this try.
    pub envelope: Envelope,
    /// How many tries each of them has had, in the same order.
    pub tries: Vec<u32>,
    /// Bytes of the message.
    pub size: u64,
    /// Message-ID.
    pub message_id: String,
    pub(super) numbers: Vec<i64>,
    pub(super) claim: i64,
}

impl Attempt {
    /// Divides it into the recipients of these places (from 0) and the others. Each part is begun and settled by itself.
    pub fn split(self, goes: impl Fn(usize) -> bool) -> (Option<Self>, Option<Self>) {
        let count = self.numbers.len();
        let part = |wanted: bool| {
            let mut part =
                Self { envelope: self.envelope.clone(), message_id: self.message_id.clone(), ..self.empty() };
            let mut places = (0..count).map(|n| goes(n) == wanted);
            part.envelope.to.retain(|_| places.next().unwrap_or(false));
            let places = (0..count).filter(|n| goes(*n) == wanted);
            (part.tries, part.numbers) =
                places.filter_map(|n| Some((*self.tries.get(n)?, *self.numbers.get(n)?))).unzip();
            (!part.numbers.is_empty()).then_some(part)
        };
        let going = (0..count).filter(|n| goes(*n)).count();
        match going {
            0 => (None, Some(self)),
            _ if going == count => (Some(self), None),
            _ => (part(true), part(false)),
        }
    }

    /// The same without recipients of its own.
    fn empty(&self) -> Self {
        Self { tries: Vec::new(), numbers: Vec::new(), ..self.clone() }
    }
}

/// What became of an attempt for one of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// Which recipient of the attempt, from 0.
    pub recipient: usize,
    /// What it comes to.
    pub next: Next,
    /// The server's words.
    pub reply: Option<Reply>,
    /// In other words.
    pub why: Option<String>,
    /// The account it went by, or was to.
    pub via: Option<String>,
}

impl Settled {
    /// This for that recipient of the attempt.
    pub fn new(recipient: usize, next: Next) -> Self {
        Self { recipient, next, reply: None, why: None, via: None }
    }

    /// Adds the server's words.
    pub fn with_reply(mut self, reply: Option<Reply>) -> Self {
        self.reply = reply;
        self
    }

    /// Adds other words.
    pub fn with_why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds the account.
    pub fn with_via(mut self, via: impl Into<String>) -> Self {
        self.via = Some(via.into());
        self
    }
}

/// What comes next for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The server has taken responsibility.
    Accepted,
    /// Refused for good.
    Rejected,
    /// Tried again after so long, unless it expires before.
    Later(Duration),
    /// It was not its turn, and that was no try: it waits for so long.
    Postponed(Duration),
    /// It may have been accepted.
    Unsure,
}

/// What is done with a message that may have been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnUnsure {
    /// It is told, and stays as it is until somebody decides.
    #[default]
    Report,
    /// It is told and tried again after so long: somebody may get it twice.
    Repeat(Duration),
    /// It is told and taken as accepted: somebody may get it never.
    Sent,
}

/// What holds for all messages of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// How old a message gets that says nothing of it itself.
    pub expire: Duration,
    /// What is done with those in doubt.
    pub on_unsure: OnUnsure,
    /// How long a message and its events are kept when nothing is to be done about it any more.
    pub keep: Duration,
}

impl Default for Terms {
    /// 5 days (RFC 5321 §4.5.4.1), report, 7 days.
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { expire: 5 * day, on_unsure: OnUnsure::Report, keep: 7 * day }
    }
}

/// What a person can want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Try now: those that wait, are held, or have ended without being accepted. Who did not wait gets a day at least,
    /// however old the message is.
    Retry,
    /// The same for those in doubt: somebody may get it twice.
    Repeat,
    /// Those in doubt have arrived.
    Sent,
    /// Keep back those that wait, until a retry.
    Hold,
    /// Give up those that wait, are held, or are in doubt.
    Drop,
}
