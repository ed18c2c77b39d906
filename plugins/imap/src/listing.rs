//! What a page of a listing is made of. Pure.

use crate::codec::{Response, UidSet};
use crate::session_search::Search;
use postrider_core::{Error, ErrorKind, Flags, Phase, Result};
use std::collections::BTreeMap;

/// Most bytes of keywords that are told of the messages of a page.
const MAX_KEYWORDS: usize = 32 * 1024 * 1024;

/// A page that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The UID before its first.
    pub(crate) after: u32,
    /// Only messages without `\Seen`.
    pub(crate) unseen: bool,
    /// At most so many.
    pub(crate) limit: usize,
}

/// What a listing tells of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) size: Option<u64>,
    pub(crate) flags: Option<Flags>,
}

/// Messages and what the server tells of them.
#[derive(Debug, Default)]
pub(crate) struct Described {
    of: UidSet,
    entries: BTreeMap<u32, Entry>,
    keywords: usize,
    /// The server has told something of messages that nobody asked for: their flags have changed.
    pub(crate) changed: bool,
}

/// A page of a listing.
pub(crate) struct Page {
    pub(crate) entries: BTreeMap<u32, Entry>,
    pub(crate) more: bool,
}

impl Wanted {
    /// The search for it that can be sent before it is known how large the mailbox is.
    pub(crate) fn search(self) -> Option<Search> {
        Search::first(self.after, self.unseen)
    }

    /// The search for it in a mailbox that is small.
    pub(crate) fn search_all(self) -> Option<Search> {
        Search::all(self.after, self.unseen)
    }

    /// The UIDs it has if none is missing: so the answer is never longer than the page itself may be. Not where only
    /// some of the messages are wanted: what the others are is much work for some servers.
    pub(crate) fn likely(self) -> Option<UidSet> {
        let lowest = self.after.checked_add(1).filter(|_| !self.unseen && self.limit > 0)?;
        let more = u32::try_from(self.limit - 1).unwrap_or(u32::MAX);
        Some(UidSet::of(vec![(lowest, lowest.saturating_add(more))]))
    }
}

impl Described {
    /// Of these messages, which are few, nothing is told yet.
    pub(crate) fn of(messages: UidSet) -> Self {
        Self { of: messages, ..Self::default() }
    }

    /// A response to the command that asks for it. Only those that were asked for: what else is said may be of any
    /// number of messages.
    ///
    /// # Errors
    /// `Limit` if there are too many keywords.
    pub(crate) fn take(&mut self, response: Response) -> Result<()> {
        let Response::Fetch(fetch) = response else { return Ok(()) };
        self.changed |= fetch.size.is_none();
        let Some(uid) = fetch.uid.filter(|uid| self.of.contains(*uid)) else { return Ok(()) };
        let entry = self.entries.entry(uid).or_default();
        entry.size = fetch.size.or(entry.size);
        if let Some(flags) = fetch.flags {
            self.keywords += flags.keywords.iter().map(|k| k.len() + size_of::<String>()).sum::<usize>();
            if self.keywords > MAX_KEYWORDS {
                let what = "the server tells too many keywords of its messages";
                return Err(Error::new(ErrorKind::Limit, Phase::List, what)
                    .with_advice("list fewer messages at a time"));
            }
            entry.flags = Some(flags);
        }
        Ok(())
    }

    /// True once anything of them was told.
    pub(crate) fn has_begun(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Begins with what was told in full already, if it is of these.
    pub(crate) fn adopt(&mut self, told: Self) {
        let is_whole = |entry: &Entry| entry.size.is_some() && entry.flags.is_some();
        self.entries = told.entries;
        self.entries.retain(|uid, entry| is_whole(entry) && self.of.contains(*uid));
        // As if all of it were of these.
        self.keywords = told.keywords;
    }

    /// Those of which nothing has been told.
    pub(crate) fn rest(&self) -> UidSet {
        self.of.without(self.entries.keys().copied())
    }

    pub(crate) fn into_entries(self) -> BTreeMap<u32, Entry> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::parse;

    fn set(text: &str) -> UidSet {
        UidSet::parse(text.as_bytes()).unwrap()
    }

    fn told(of: &str, lines: &[&str]) -> Described {
        let mut described = Described::of(set(of));
        for line in lines {
            described.take(parse(line.as_bytes()).unwrap()).unwrap();
        }
        described
    }

    #[test]
    fn what_is_likely_is_as_long_as_the_page_and_nothing_where_only_some_are_wanted() {
        let likely = |after, unseen, limit| Wanted { after, unseen, limit }.likely().map(|set| set.texts(99));
        assert_eq!(likely(0, false, 100), Some(vec!["1:100".into()]));
        assert_eq!(likely(4, false, 1), Some(vec!["5".into()]));
        assert_eq!(likely(u32::MAX - 1, false, 100), Some(vec![u32::MAX.to_string()]));
        assert_eq!((likely(u32::MAX, false, 100), likely(0, true, 100)), (None, None));
    }

    #[test]
    fn only_what_was_told_in_full_of_messages_that_are_there_is_adopted() {
        let early = [
            "* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 10)",
            "* 2 FETCH (UID 2 FLAGS ())",
            "* 3 FETCH (UID 3 RFC822.SIZE 30)",
            "* 5 FETCH (UID 5 FLAGS () RFC822.SIZE 50)",
            "* 9 FETCH (UID 9 FLAGS () RFC822.SIZE 90)",
            "* 4 FETCH (FLAGS () RFC822.SIZE 40)",
        ];
        let mut described = Described::of(set("1:4,6"));
        described.adopt(told("1:6", &early));
        assert_eq!(described.rest().texts(99), ["2:4,6"]);
        described.take(parse(b"* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 20)").unwrap()).unwrap();
        let entries = described.into_entries();
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(entries[&1].flags.as_ref().unwrap().seen && entries[&2].size == Some(20));
    }
}
