//! One mailbox: messages in UID order, and what changed about them.

use std::sync::Arc;

const MOST_FLAGS: usize = 32;

/// A mailbox.
pub(crate) struct Mailbox {
    pub(crate) validity: u32,
    pub(crate) next_uid: u32,
    pub(crate) messages: Vec<Message>,
    pub(crate) special_use: Option<&'static str>,
}

/// A message. The bytes are what came over the wire and never change.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) flags: Vec<String>,
    pub(crate) date: i64,
    /// No IMAP session has seen it yet.
    pub(crate) recent: bool,
    /// Counts changes of flags, so that other sessions hear of them.
    pub(crate) revision: u64,
}

/// Flags and keywords have no case.
fn flag_eq(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl Mailbox {
    pub(crate) fn new(validity: u32) -> Self {
        Self { validity, next_uid: 1, messages: Vec::new(), special_use: None }
    }

    /// Adds a message at the end and returns its UID.
    pub(crate) fn add(&mut self, bytes: Arc<[u8]>, flags: Vec<String>, date: i64) -> u32 {
        let uid = self.next_uid;
        self.next_uid = uid.saturating_add(1);
        let mut message = Message { uid, bytes, flags: Vec::new(), date, recent: true, revision: 0 };
        message.add_flags(&flags);
        self.messages.push(message);
        uid
    }

    pub(crate) fn by_uid(&mut self, uid: u32) -> Option<&mut Message> {
        let at = self.messages.binary_search_by_key(&uid, |m| m.uid).ok()?;
        self.messages.get_mut(at)
    }

    pub(crate) fn unseen(&self) -> usize {
        self.messages.iter().filter(|m| !m.has("\\Seen")).count()
    }

    pub(crate) fn size(&self) -> usize {
        self.messages.iter().map(|m| m.bytes.len()).fold(0, usize::saturating_add)
    }

    /// The keywords in use, for FLAGS.
    pub(crate) fn keywords(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for flag in self.messages.iter().flat_map(|m| &m.flags).filter(|f| !f.starts_with('\\')) {
            if all.len() < MOST_FLAGS && !all.iter().any(|known| flag_eq(known, flag)) {
                all.push(flag.clone());
            }
        }
        all
    }
}

impl Message {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| flag_eq(f, flag))
    }

    /// Adds flags up to a bound; beyond it they are dropped, as a server may.
    pub(crate) fn add_flags(&mut self, flags: &[String]) {
        for flag in flags {
            if !self.has(flag) && self.flags.len() < MOST_FLAGS {
                self.flags.push(flag.clone());
                self.revision += 1;
            }
        }
    }

    pub(crate) fn remove_flags(&mut self, flags: &[String]) {
        let before = self.flags.len();
        self.flags.retain(|f| !flags.iter().any(|gone| flag_eq(f, gone)));
        if self.flags.len() != before {
            self.revision += 1;
        }
    }
}
