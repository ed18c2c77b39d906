//! How much and for how long a server may say in answer to one command. Pure.

use std::time::Duration;

/// Most untagged responses to one command.
const MAX_UNTAGGED: u32 = 1_000_000;
/// Longest time for all answers to one command but a body, however lively the server is.
const MAX_TIME: Duration = Duration::from_secs(600);

/// Bounds on the answers to one command.
pub(crate) struct Bounds {
    end: Duration,
    left: u32,
}

impl Bounds {
    /// Those of a command that begins now and whose answers may be so far apart.
    pub(crate) fn new(now: Duration, silence: Duration) -> Self {
        Self { end: now.saturating_add(MAX_TIME.max(silence)), left: MAX_UNTAGGED }
    }

    /// How long to wait for the next of them, `None` if the time is up.
    pub(crate) fn wait(&self, silence: Duration, now: Duration) -> Option<Duration> {
        Some(silence.min(self.end.saturating_sub(now))).filter(|wait| !wait.is_zero())
    }

    /// One more was heard; false if it is one too many.
    pub(crate) fn count(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}
