//! A mailbox is one process's at a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What became of a [claim](super::Ledger::claim).
#[derive(Debug)]
#[non_exhaustive]
pub enum Claim {
    /// The mailbox is ours.
    Held(Lease),
    /// Another process has it.
    Elsewhere {
        /// Who that is, for people.
        holder: String,
        /// When to ask again.
        again_in: Duration,
    },
}

/// A mailbox that this process has. Given back when it is dropped.
pub struct Lease {
    mailbox: String,
    token: i64,
    end: Arc<dyn LeaseEnd>,
}

/// What a ledger keeps behind a lease.
pub trait LeaseEnd: Send + Sync {
    /// True while no other process can have it.
    fn is_held(&self) -> bool;

    /// It is not used any more.
    fn release(&self);
}

impl Lease {
    /// A lease of this mailbox and number.
    pub fn new(mailbox: impl Into<String>, token: i64, end: Arc<dyn LeaseEnd>) -> Self {
        Self { mailbox: mailbox.into(), token, end }
    }

    /// A lease that nobody can take away: of a ledger that no other process has.
    pub fn of_process(mailbox: impl Into<String>, token: i64) -> Self {
        Self::new(mailbox, token, Arc::new(Forever))
    }

    /// The name of the mailbox.
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// Grows with each holder: what an earlier one writes is refused (a fencing token).
    pub fn token(&self) -> i64 {
        self.token
    }

    /// True while no other process can have it. Over PostgreSQL it is renewed behind the scenes; when that fails for
    /// as long as it lasts, it is gone.
    pub fn is_held(&self) -> bool {
        self.end.is_held()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end.release();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("mailbox", &self.mailbox)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

struct Forever;

impl LeaseEnd for Forever {
    fn is_held(&self) -> bool {
        true
    }

    fn release(&self) {}
}
