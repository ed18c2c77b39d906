//! The driver of searching: the UIDs of messages, in portions where the mailbox is large.

use crate::codec::{Code, Command, Response, UidSet};
use crate::session::Session;
use crate::session_listing::{RESTARTS, stuck};
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::time::Duration;

/// So many messages may be searched at once: their UIDs fit a line, whatever they are.
const WINDOW: u32 = 50_000;
/// A mailbox of so many will not have grown beyond that between two looks, or only to an error that the next call
/// mends.
pub(crate) const SMALL: u32 = WINDOW / 2;
/// Into so many responses a server may split the result of a search.
const MAX_ANSWERS: usize = 200;
/// In so many portions a mailbox is searched, 50 million messages, and for so long; then in one go after all.
const MAX_WINDOWS: u32 = 1_000;
const MAX_SEARCH: Duration = Duration::from_secs(600);

const NO_SEARCH: &str = "the server does not search the mailbox";

/// A search that is sent along with another command: of the first UIDs only, for it is not known yet how many
/// messages there are, or of all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    lowest: u32,
    highest: Option<u32>,
    unseen: bool,
}

/// Its result.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    search: Search,
    uids: UidSet,
}

/// What a server answers to a search.
#[derive(Default)]
pub(crate) struct Answers {
    found: UidSet,
    count: usize,
}

impl Search {
    /// For messages above `after`: at most as many as an answer has room for.
    pub(crate) fn first(after: u32, unseen: bool) -> Option<Self> {
        let lowest = after.checked_add(1)?;
        Some(Self { lowest, highest: Some(lowest.saturating_add(WINDOW - 1)), unseen })
    }

    /// For all messages above `after`.
    pub(crate) fn all(after: u32, unseen: bool) -> Option<Self> {
        Some(Self { lowest: after.checked_add(1)?, highest: None, unseen })
    }

    pub(crate) fn key(&self) -> String {
        let highest = self.highest.map_or_else(|| "*".to_owned(), |uid| uid.to_string());
        format!("UID {}:{highest}{}", self.lowest, if self.unseen { " UNSEEN" } else { "" })
    }

    pub(crate) fn found(self, uids: UidSet) -> Found {
        Found { uids: uids.starting_at(self.lowest), search: self }
    }
}

impl Found {
    /// What was found, if it was what is wanted now, and there is nothing else to be found. `next` is the UID that the
    /// mailbox gives next.
    fn answer(self, lowest: u32, unseen: bool, wanted: u64, next: Option<u32>) -> Option<UidSet> {
        let Search { lowest: from, highest, unseen: was_unseen } = self.search;
        let is_all = highest.is_none_or(|highest| next.is_some_and(|next| next <= highest));
        let fits = (from, was_unseen) == (lowest, unseen) && (is_all || self.uids.count() >= wanted);
        fits.then_some(self.uids)
    }
}

impl Answers {
    /// A response to the search.
    pub(crate) fn take(&mut self, response: Response) -> Result<()> {
        let set = match response {
            Response::Search(set) => set,
            Response::Esearch(result) => result.all,
            _ => return Ok(()),
        };
        self.count += 1;
        if self.count > MAX_ANSWERS {
            let what = "the server answers a search in too many pieces";
            return Err(Error::new(ErrorKind::Limit, Phase::List, what));
        }
        self.found.add(&set).map_err(|f| f.at(Phase::List))
    }

    /// True once anything was answered.
    pub(crate) fn has_begun(&self) -> bool {
        self.count > 0
    }

    /// All that was found; `None` if there was no answer to be read.
    pub(crate) fn found(self) -> Option<UidSet> {
        (self.count > 0).then_some(self.found)
    }
}

impl Session {
    /// The lowest UIDs above `after`, at least `wanted` if there are so many.
    pub(crate) async fn find(&mut self, after: u32, unseen: bool, wanted: u64) -> Result<UidSet> {
        let Some(lowest) = after.checked_add(1) else { return Ok(UidSet::default()) };
        let next = self.selected()?.uid_next;
        if let Some(found) = self.found.take().and_then(|found| found.answer(lowest, unseen, wanted, next)) {
            return Ok(found);
        }
        let key = if unseen { " UNSEEN" } else { "" };
        let end = self.channel.host().now().saturating_add(MAX_SEARCH);
        let mut windows = 0;
        for _ in 0..RESTARTS {
            let (exists, expunged) = (self.selected()?.exists, self.selected()?.expunged);
            if exists <= WINDOW || windows >= MAX_WINDOWS {
                break;
            }
            // Too many for one answer: in portions by number, oldest first.
            let mut first = if lowest > 1 { self.number_of(lowest).await? } else { 1 };
            let mut found = UidSet::default();
            while first <= exists && found.count() < wanted && self.selected()?.expunged == expunged {
                windows += 1;
                if windows > MAX_WINDOWS || self.channel.host().now() >= end {
                    windows = MAX_WINDOWS;
                    break;
                }
                let last = first.saturating_add(WINDOW - 1).min(exists);
                let part = self.search(&format!("{first}:{last}{key}")).await?.starting_at(lowest);
                found.add(&part).map_err(|f| f.at(Phase::List))?;
                first = last.saturating_add(1);
            }
            // Numbers shift when a message goes: one could have been passed over.
            if windows < MAX_WINDOWS && self.selected()?.expunged == expunged {
                return Ok(found);
            }
        }
        Ok(self.search(&format!("UID {lowest}:*{key}")).await?.starting_at(lowest))
    }

    /// The number of the first message whose UID is at least this: counted by the server where it has ESEARCH,
    /// else by halving.
    async fn number_of(&mut self, uid: u32) -> Result<u32> {
        if self.state.caps.has("ESEARCH") {
            let mut below = None;
            let mut each = |response: Response| {
                if let Response::Esearch(result) = response {
                    below = result.count;
                }
                Ok(())
            };
            let key = format!("1:{}", uid.saturating_sub(1).max(1));
            let command = self.command("UID SEARCH RETURN (COUNT) UID").words(&key);
            self.ask(command, Phase::List, NO_SEARCH, &mut each).await?;
            if let Some(below) = below.and_then(|n| u32::try_from(n).ok()) {
                return Ok(below.saturating_add(1));
            }
        }
        let exists = self.selected()?.exists;
        let (mut low, mut high) = (1u32, exists.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let here = self.search(&middle.to_string()).await?.last();
            if here.is_some_and(|here| here < uid) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// UID SEARCH, with ranges in the answer where the server has ESEARCH (RFC 4731).
    pub(crate) async fn search(&mut self, key: &str) -> Result<UidSet> {
        Ok(self.answered_search(key).await?.unwrap_or_default())
    }

    /// As [`search`](Self::search); `None` if there is no answer to be read in what the server says: some say nothing
    /// where they find nothing.
    pub(crate) async fn answered_search(&mut self, key: &str) -> Result<Option<UidSet>> {
        let mut all: Option<UidSet> = None;
        let mut highest = None;
        let end = self.channel.host().now().saturating_add(MAX_SEARCH);
        for _ in 0..MAX_WINDOWS {
            let below = highest.map(|uid: u32| format!("{key} UID 1:{uid}"));
            let mut answers = Answers::default();
            let command = self.search_for(below.as_deref().unwrap_or(key));
            let status =
                self.ask(command, Phase::List, NO_SEARCH, &mut |response| answers.take(response)).await?;
            if let Some(part) = answers.found() {
                all.get_or_insert_default().add(&part).map_err(|f| f.at(Phase::List))?;
            }
            let Some(Code::MessageLimit(lowest)) = status.code else { return Ok(all) };
            // It looks at so many from the highest down: the rest is searched next.
            let next = lowest.and_then(|uid| uid.checked_sub(1));
            let is_late = self.channel.host().now() >= end;
            if is_late || next.is_none_or(|next| highest.is_some_and(|highest| next >= highest)) {
                return Err(stuck());
            }
            if next == Some(0) {
                return Ok(all);
            }
            highest = next;
        }
        Err(stuck())
    }

    pub(crate) fn search_for(&self, key: &str) -> Command {
        let words = if self.state.caps.has("ESEARCH") { "UID SEARCH RETURN (ALL)" } else { "UID SEARCH" };
        self.command(words).words(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_ahead_counts_only_if_nothing_is_left_out() {
        let found = |search: Option<Search>| search.unwrap().found(UidSet::of(vec![(3, 9)]));
        let first = || found(Search::first(1, false));
        assert_eq!(Search::first(1, true).unwrap().key(), "UID 2:50001 UNSEEN");
        assert_eq!(first().answer(2, false, 99, Some(10)).unwrap().count(), 7);
        assert!(first().answer(2, false, 7, None).is_some(), "a page that is full");
        assert!(
            first().answer(2, false, 8, Some(50_002)).is_none()
                && first().answer(2, false, 8, None).is_none()
        );
        assert!(
            first().answer(2, true, 1, Some(10)).is_none() && first().answer(3, false, 1, Some(10)).is_none()
        );
        assert!(found(Search::all(1, false)).answer(2, false, 99, None).is_some());
        assert!(Search::first(u32::MAX, false).is_none());
    }
}
