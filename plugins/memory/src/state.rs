//! What a test and the transports share.

use crate::{Call, SendFault};
use bytes::Bytes;
use postrider_core::{Address, Envelope, Error, Flags, Verdict};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The envelope as the program gave it.
    pub envelope: Envelope,
    /// Those of its recipients that were not refused.
    pub accepted: Vec<Address>,
    /// The message, byte by byte as the program gave it.
    pub message: Bytes,
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The message.
    pub message: Bytes,
    /// Its flags.
    pub flags: Flags,
}

/// A memory: everything that handles and transports of one name share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) sent: Vec<Sent>,
    pub(crate) sends: VecDeque<SendFault>,
    pub(crate) verdicts: HashMap<Address, Verdict>,
    /// Each mailbox, its messages by their number, oldest first.
    pub(crate) folders: BTreeMap<String, BTreeMap<u64, Stored>>,
    pub(crate) errors: VecDeque<(Call, Error)>,
    pub(crate) cuts: VecDeque<usize>,
    /// Transports that wait for a message.
    pub(crate) waiting: Vec<Waker>,
}

impl State {
    /// One that no name leads to.
    pub(crate) fn unnamed() -> Arc<Self> {
        Arc::new(Self::new(format!("unnamed-{}", number())))
    }

    /// The one of this name, made if nobody has it.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        static NAMED: Mutex<BTreeMap<String, Weak<State>>> = Mutex::new(BTreeMap::new());
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|_, state| state.strong_count() > 0);
        if let Some(state) = named.get(name).and_then(Weak::upgrade) {
            return state;
        }
        let state = Arc::new(Self::new(name.to_owned()));
        named.insert(name.to_owned(), Arc::downgrade(&state));
        state
    }

    fn new(name: String) -> Self {
        let mut shared = Shared::default();
        shared.folders.insert("INBOX".into(), BTreeMap::new());
        Self { name, shared: Mutex::new(shared) }
    }

    /// Nothing of what is done under this lock can leave it half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Puts a message behind the others and wakes who waits for it.
    pub(crate) fn store(&mut self, folder: &str, stored: Stored) -> u64 {
        let number = number();
        self.folders.entry(folder.to_owned()).or_default().insert(number, stored);
        self.waiting.drain(..).for_each(Waker::wake);
        number
    }

    /// The first error that is meant for this call.
    pub(crate) fn error(&mut self, call: Call) -> Result<(), Error> {
        let at = self.errors.iter().position(|(meant, _)| *meant == call);
        match at.and_then(|at| self.errors.remove(at)) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// The number of the newest message that a mailbox holds.
    pub(crate) fn newest(&self, folder: &str) -> u64 {
        self.folders.get(folder).and_then(|f| f.last_key_value()).map_or(0, |(number, _)| *number)
    }
}

/// `INBOX` is one mailbox, whatever its case (RFC 9051 §5.1).
pub(crate) fn canonical(folder: &str) -> &str {
    if folder.eq_ignore_ascii_case("INBOX") { "INBOX" } else { folder }
}

/// A number that no other message of this process has, also not in a memory of the same name that was forgotten.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
