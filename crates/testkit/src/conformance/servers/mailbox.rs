//! The mailbox that the incoming servers show, and that outlives their connections.

use crate::conformance::{Condition, Remaining};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A mailbox; clones are the same one.
#[derive(Clone, Default)]
pub(in crate::conformance) struct Mailbox(Arc<Mutex<Mail>>);

/// What is in it.
#[derive(Default)]
pub(in crate::conformance) struct Mail {
    pub(super) held: Vec<Held>,
    last: u32,
    pub(in crate::conformance) archive: Vec<Vec<u8>>,
    pub(in crate::conformance) conditions: Vec<Condition>,
}

#[derive(Clone)]
pub(super) struct Held {
    pub(super) uid: u32,
    pub(super) content: Content,
    pub(super) seen: bool,
    pub(super) deleted: bool,
}

/// A message that is there, or that is made while it is read.
#[derive(Clone)]
pub(super) enum Content {
    Text(Arc<[u8]>),
    Large(u64),
}

const LINE: &[u8] = b"a line of a large message, of which there are as many as it takes\r\n";

impl Content {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            // Whole lines, and an empty one first: a header without fields.
            Self::Large(size) => 2 + size / LINE.len() as u64 * LINE.len() as u64,
        }
    }

    pub(super) fn part(&self, at: u64, count: u64) -> Vec<u8> {
        let end = (at.saturating_add(count)).min(self.size());
        let byte = |n: u64| match self {
            Self::Text(text) => text[n as usize],
            Self::Large(_) if n < 2 => b"\r\n"[n as usize],
            Self::Large(_) => LINE[((n - 2) % LINE.len() as u64) as usize],
        };
        (at.min(end)..end).map(byte).collect()
    }
}

impl Mailbox {
    pub(in crate::conformance) fn mail(&self) -> MutexGuard<'_, Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, condition: &Condition) -> bool {
        self.mail().conditions.contains(condition)
    }
}

impl Mail {
    pub(in crate::conformance) fn deliver(&mut self, text: &[u8]) {
        self.add(Content::Text(text.into()));
    }

    pub(in crate::conformance) fn deliver_large(&mut self, size: u64) {
        self.add(Content::Large(size));
    }

    fn add(&mut self, content: Content) {
        self.last += 1;
        // Identifiers go up, not by one, as on a server that has seen some life.
        self.held.push(Held { uid: self.last * 3 + 1, content, seen: false, deleted: false });
    }

    pub(super) fn next_uid(&self) -> u32 {
        self.last * 3 + 4
    }

    pub(in crate::conformance) fn remove(&mut self, at: usize) -> bool {
        let there = at < self.held.len();
        if there {
            self.held.remove(at);
        }
        there
    }

    pub(in crate::conformance) fn remaining(&self) -> Vec<Remaining> {
        let show = |held: &Held| Remaining {
            bytes: if let Content::Text(text) = &held.content { text.to_vec() } else { Vec::new() },
            seen: held.seen,
        };
        self.held.iter().map(show).collect()
    }
}
