//! What is to be fetched next, and in what portions it is asked for. Pure.
//!
//! Servers answer a `UID FETCH` of many in the order of the mailbox, whatever order they were asked in. So a portion
//! is of ascending UIDs only: what comes first is then what is wanted first.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;

/// A message whose size nobody has told is taken to be this long, until some have been seen.
const USUAL: u64 = 16 * 1024;
/// No key begins with a blank.
const NOTHING: &str = " ";
/// Longest set of UIDs in a command of a window.
pub(crate) const MAX_SET: usize = 2_000;

/// How much may be asked for ahead of what is read, on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Messages, 1 and up.
    pub(crate) messages: usize,
    /// While fewer bytes than this are due, more may be asked for.
    pub(crate) bytes: u64,
    /// Portions are smaller by this: 1, or more where several connections take turns.
    pub(crate) shared: usize,
}

impl Limits {
    /// What a reader that has taken so many may have asked for: half at first, for it may want something else soon, and
    /// all when it has taken as many as that is.
    pub(crate) fn after(self, taken: usize) -> Self {
        let (messages, bytes) = (self.messages.div_ceil(2), self.bytes.div_ceil(2));
        let each = (self.bytes - bytes) / (self.messages as u64).max(1);
        Self {
            messages: messages.saturating_add(taken / 2).min(self.messages),
            bytes: bytes.saturating_add(each.saturating_mul(taken as u64)).min(self.bytes),
            ..self
        }
    }

    /// A portion: a quarter of the whole, so that the next is asked for long before the last is used up.
    pub(crate) fn portion(self) -> Self {
        let parts = 4 * self.shared.max(1);
        let messages = (self.messages / parts).max(1);
        Self { messages, bytes: self.bytes / parts as u64, shared: self.shared }
    }
}

/// Messages that one command asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Portion {
    /// UIDs, ascending, and about how long each message is.
    pub(crate) uids: VecDeque<(u32, u32)>,
    /// The same as a sequence set.
    pub(crate) set: String,
}

/// The messages to be fetched, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    /// UIDVALIDITY of the mailbox they are in.
    pub(crate) validity: u32,
    /// How the keys of all of them begin; nothing begins like an empty plan's.
    pub(crate) prefix: String,
    entries: VecDeque<Entry>,
    // Before this one all have been asked for.
    cursor: usize,
    // Messages of a size that was seen, and their bytes.
    seen: (u64, u64),
}

#[derive(Debug)]
struct Entry {
    uid: u32,
    /// 0 if it is not known.
    size: u64,
    asked: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self::new(0, std::iter::empty())
    }
}

impl Plan {
    /// A plan of these messages and the sizes that are known; one that is named twice counts once.
    pub(crate) fn new(validity: u32, messages: impl Iterator<Item = (u32, Option<u64>)>) -> Self {
        let mut entries: VecDeque<Entry> = VecDeque::new();
        let (mut known, mut ascends) = (HashSet::new(), true);
        for (uid, size) in messages {
            let last = entries.back().map_or(0, |last| last.uid);
            if ascends && uid <= last {
                ascends = false;
                known.extend(entries.iter().map(|entry| entry.uid));
            }
            if ascends || known.insert(uid) {
                entries.push_back(Entry { uid, size: size.unwrap_or(0), asked: false });
            }
        }
        Self { validity, prefix: NOTHING.into(), entries, cursor: 0, seen: (0, 0) }
    }

    /// True if all has been asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.cursor >= self.entries.len()
    }

    pub(crate) fn has(&self, uid: u32) -> bool {
        self.position(uid).is_some()
    }

    /// Passes over everything before this message; gives what was passed over. Nothing happens if it is not there.
    pub(crate) fn reach(&mut self, uid: u32) -> Vec<u32> {
        match self.position(uid) {
            Some(0) | None => Vec::new(),
            Some(at) => {
                self.cursor = self.cursor.saturating_sub(at);
                self.entries.drain(..at).map(|entry| entry.uid).collect()
            }
        }
    }

    /// The first message is being taken.
    pub(crate) fn take(&mut self) {
        if self.entries.pop_front().is_some() {
            self.cursor = self.cursor.saturating_sub(1);
        }
    }

    /// A message turned out to be this long.
    pub(crate) fn saw(&mut self, size: u64) {
        self.guess_by((1, size));
    }

    /// So many messages of the mailbox have so many bytes together: others will be like them.
    pub(crate) fn guess_by(&mut self, (messages, bytes): (u64, u64)) {
        self.seen = (self.seen.0.saturating_add(messages), self.seen.1.saturating_add(bytes));
    }

    /// Only these are still asked for.
    pub(crate) fn asked_only(&mut self, asked: impl Fn(u32) -> bool) {
        for entry in &mut self.entries {
            entry.asked = asked(entry.uid);
        }
        self.cursor = 0;
        self.pass_asked();
    }

    /// The next portion to be asked for, within these limits but at least one message; `None` if there is nothing
    /// to ask for. A message known to be longer than `longest` is left out.
    pub(crate) fn portion(&mut self, limits: Limits, longest: u64) -> Option<Portion> {
        let usual = self.seen.1.checked_div(self.seen.0).unwrap_or(USUAL).max(1);
        let (mut uids, mut set, mut bytes) = (VecDeque::new(), Set::default(), 0u64);
        for entry in self.entries.iter_mut().skip(self.cursor) {
            let size = if entry.size == 0 { usual } else { entry.size };
            // What is guessed is not known.
            if entry.asked || entry.size > longest {
                continue;
            }
            let full = uids.len() >= limits.messages || bytes.saturating_add(size) > limits.bytes;
            if set.last >= entry.uid || (full && !uids.is_empty()) || !set.add(entry.uid) {
                break;
            }
            bytes = bytes.saturating_add(size);
            entry.asked = true;
            uids.push_back((entry.uid, u32::try_from(size).unwrap_or(u32::MAX)));
        }
        self.pass_asked();
        (!uids.is_empty()).then(|| Portion { uids, set: set.text() })
    }

    fn pass_asked(&mut self) {
        while self.entries.get(self.cursor).is_some_and(|entry| entry.asked) {
            self.cursor += 1;
        }
    }

    fn position(&self, uid: u32) -> Option<usize> {
        self.entries.iter().position(|entry| entry.uid == uid)
    }
}

/// An ascending sequence set that grows.
#[derive(Default)]
struct Set {
    done: String,
    first: u32,
    last: u32,
}

impl Set {
    /// False if it would get too long.
    fn add(&mut self, uid: u32) -> bool {
        if self.last > 0 && uid == self.last + 1 {
            self.last = uid;
            return true;
        }
        self.flush();
        // What is under way is of at most 22 octets.
        if self.done.len() + 44 > MAX_SET {
            return false;
        }
        (self.first, self.last) = (uid, uid);
        true
    }

    fn flush(&mut self) {
        if self.first == 0 {
            return;
        }
        let comma = if self.done.is_empty() { "" } else { "," };
        let _ = if self.first == self.last {
            write!(self.done, "{comma}{}", self.first)
        } else {
            write!(self.done, "{comma}{}:{}", self.first, self.last)
        };
        self.first = 0;
    }

    fn text(mut self) -> String {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(uids: &[u32]) -> Plan {
        Plan::new(7, uids.iter().map(|uid| (*uid, Some(10))))
    }

    fn sets(plan: &mut Plan, messages: usize, bytes: u64) -> Vec<String> {
        std::iter::from_fn(|| plan.portion(Limits { messages, bytes, shared: 1 }, 1000))
            .map(|p| p.set)
            .collect()
    }

    #[test]
    fn portions_are_ascending_and_within_their_limits() {
        assert_eq!(sets(&mut plan(&[1, 2, 3, 5, 6, 9]), 99, 9999), ["1:3,5:6,9"]);
        assert_eq!(sets(&mut plan(&[1, 2, 3, 5, 6, 9]), 2, 9999), ["1:2", "3,5", "6,9"]);
        assert_eq!(sets(&mut plan(&[1, 2, 3]), 99, 20), ["1:2", "3"]);
        assert_eq!(sets(&mut plan(&[1, 2]), 99, 1), ["1", "2"], "at least one message");
        assert_eq!(sets(&mut plan(&[9, 8, 10, 1]), 99, 9999), ["9", "8,10", "1"]);
        assert_eq!(sets(&mut plan(&[3, 3, 1, 3, 4]), 99, 9999), ["3", "1,4"], "once each");
        assert!(sets(&mut plan(&[]), 9, 9).is_empty());
        let long =
            sets(&mut plan(&(0..5000).map(|n| n * 2 + 1_000_000_000).collect::<Vec<_>>()), 5000, 1 << 40);
        assert!(long.iter().all(|set| set.len() <= MAX_SET) && long.len() > 20);
        assert_eq!(long.join(",").split(',').count(), 5000);
    }

    #[test]
    fn limits_grow_from_half_to_all() {
        let limits = |messages, bytes| Limits { messages, bytes, shared: 1 };
        let all = limits(2_000, 8 << 20);
        assert_eq!(all.after(0), limits(1_000, 4 << 20));
        assert_eq!(all.after(1_000), limits(1_500, (6 << 20) - 152));
        assert_eq!((all.after(2_000).messages, all.after(usize::MAX)), (2_000, all));
        assert_eq!(limits(1, 1).after(0), limits(1, 1));
        assert_eq!(limits(3, u64::MAX).after(usize::MAX), limits(3, u64::MAX));
    }

    #[test]
    fn a_message_too_long_to_be_read_is_left_out() {
        let mut plan = Plan::new(7, [(1, Some(5)), (2, Some(1001)), (3, None)].into_iter());
        plan.saw(600);
        assert_eq!(sets(&mut plan, 9, 9999), ["1,3"]);
        assert!(!plan.is_asked() && plan.has(2));
    }

    #[test]
    fn what_is_passed_over_or_lost_is_asked_for_no_more_or_again() {
        let mut plan = plan(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(plan.portion(Limits { messages: 4, bytes: 99, shared: 1 }, 1000).unwrap().set, "1:4");
        assert_eq!((plan.reach(9), plan.reach(1), plan.reach(3)), (vec![], vec![], vec![1, 2]));
        plan.take();
        plan.asked_only(|uid| uid == 4);
        assert_eq!(sets(&mut plan, 9, 99), ["5:6"]);
        plan.asked_only(|_| false);
        assert_eq!(sets(&mut plan, 9, 99), ["4:6"]);
        assert!(plan.is_asked());
    }
}
