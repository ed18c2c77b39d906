//! What SMTP took, and whom it was told to refuse.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MOST_ACCEPTED: usize = 1_000;

/// A message that SMTP accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Who had logged in.
    pub user: Option<String>,
    /// The return path; empty for `<>`.
    pub from: String,
    /// The parameters of MAIL as sent, such as `SIZE=10` or `ENVID=x`.
    pub mail_parameters: Vec<String>,
    /// The accepted recipients, each with the parameters of its RCPT.
    pub recipients: Vec<(String, Vec<String>)>,
    /// The bytes of the message.
    pub size: usize,
    /// Whether BDAT brought it rather than DATA.
    pub chunked: bool,
    /// Whether it came through TLS.
    pub tls: bool,
}

/// Shared by all SMTP sessions.
#[derive(Default)]
pub(crate) struct Journal {
    accepted: Mutex<VecDeque<Accepted>>,
    refused: Mutex<BTreeMap<String, (u16, String)>>,
}

impl Journal {
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        lock(&self.accepted).iter().cloned().collect()
    }

    pub(crate) fn accept(&self, accepted: Accepted) {
        let mut all = lock(&self.accepted);
        if all.len() >= MOST_ACCEPTED {
            all.pop_front();
        }
        all.push_back(accepted);
    }

    pub(crate) fn refuse(&self, address: &str, code: u16, text: &str) {
        lock(&self.refused).insert(address.to_lowercase(), (code, text.to_owned()));
    }

    pub(crate) fn allow(&self, address: &str) {
        lock(&self.refused).remove(&address.to_lowercase());
    }

    /// The refusal for an address, if there is one.
    pub(crate) fn refusal(&self, address: &str) -> Option<(u16, String)> {
        lock(&self.refused).get(&address.to_lowercase()).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
