//! What is known of a message.

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It was handed over and has not been dealt with: it is to be handed over again.
    Begun,
    /// It was handled.
    Done,
    /// The handler did not want it, for good.
    Refused,
    /// It failed too often and was put aside.
    Quarantined,
}

impl State {
    /// The number it is stored as.
    pub fn number(self) -> i32 {
        match self {
            Self::Begun => 0,
            Self::Done => 1,
            Self::Refused => 2,
            Self::Quarantined => 3,
        }
    }

    /// The state of a stored number. One of a later version counts as handled: to hand over again could do harm.
    pub fn of_number(number: i32) -> Self {
        match number {
            0 => Self::Begun,
            2 => Self::Refused,
            3 => Self::Quarantined,
            _ => Self::Done,
        }
    }
}

/// What a ledger knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// How far it has come.
    pub state: State,
    /// How often it was handed over.
    pub attempts: u32,
    /// How many of these ended in a failure that the handler or its deadline told. The others were cut short, by the
    /// end of the process for instance.
    pub failures: u32,
    /// Why, for people.
    pub reason: String,
}

impl Entry {
    /// An entry of these parts.
    pub fn new(state: State, attempts: u32, failures: u32, reason: impl Into<String>) -> Self {
        Self { state, attempts, failures, reason: reason.into() }
    }

    /// Attempts that nobody told the end of.
    pub fn interruptions(&self) -> u32 {
        self.attempts.saturating_sub(self.failures)
    }
}

/// Whether a key was written down now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was there already was handled by somebody else: a transaction of the host's must not commit"]
pub enum Recorded {
    /// Now.
    New,
    /// It was there already.
    Already,
}
