//! The driver of a listing: a page of messages, found and described.

use crate::codec::{Command, Response, Status, StatusKind, UidSet};
use crate::listing::{Described, Entry, Page, Wanted};
use crate::session::Session;
use crate::session_search::{Answers, SMALL, Search};
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::collections::BTreeMap;

const PHASE: Phase = Phase::List;
/// Longest set of UIDs in one command.
pub(crate) const MAX_SET: usize = 4_000;
/// How often a listing is begun anew because messages went under it.
pub(crate) const RESTARTS: usize = 5;

/// What a page needs and was asked for along with another command.
pub(crate) struct Along {
    pub(crate) search: (String, Search),
    pub(crate) described: Option<(String, UidSet)>,
}

impl Along {
    pub(crate) fn tags(&self) -> impl Iterator<Item = &String> {
        [Some(&self.search.0), self.described.as_ref().map(|(tag, _)| tag)].into_iter().flatten()
    }
}

impl Session {
    /// Puts the commands for a page behind another in the buffer: the search for its messages, and what these are.
    pub(crate) fn queue_along(&mut self, search: Search, likely: Option<UidSet>) -> Result<Along> {
        let search = (self.queue(self.search_for(&search.key()))?, search);
        let described = match likely {
            // One range: it fits.
            Some(likely) => Some((self.queue(self.describing(&likely.texts(MAX_SET).concat()))?, likely)),
            None => None,
        };
        Ok(Along { search, described })
    }

    /// Takes in the answers to those, and to the NOOP that may have left before them; gives its status. A message that
    /// comes meanwhile may be in the search's result or not, and whoever lists takes it for seen: such a result counts
    /// for nothing. What was told of a message stays true.
    pub(crate) async fn take_along(&mut self, along: Along, noop: Option<&str>) -> Result<Option<Status>> {
        let (had_news, gone) = (self.take_news(), self.gone());
        let (tag, search) = along.search;
        let (likely_tag, likely) = along.described.unzip();
        let (mut answers, mut told) = (Answers::default(), Described::of(likely.unwrap_or_default()));
        let noop = match noop {
            // Dovecot looks for news once, when all is done: then NOOP, and all that left with it, comes to an end.
            Some(noop) => Some(self.arrival(noop, PHASE, &mut both(&mut answers, &mut told)).await?.0),
            None => None,
        };
        let news_before = self.take_news();
        let is_changed = news_before || told.changed || self.gone() != gone;
        let has_begun = answers.has_begun() || told.has_begun();
        let (status, is_over) = self.arrival(&tag, PHASE, &mut both(&mut answers, &mut told)).await?;
        if let Some(tag) = likely_tag {
            let (status, _) = self.arrival(&tag, PHASE, &mut both(&mut answers, &mut told)).await?;
            self.told = (status.kind == StatusKind::Ok).then_some(told);
        }
        let news_after = self.take_news();
        if let Some(selected) = &mut self.state.selected {
            selected.news = had_news || news_before || news_after;
        }
        // What was said before the server looked at the mailbox is as good as what is said behind it if nothing had changed.
        let is_stale = is_changed && (has_begun || is_over);
        if is_stale {
            self.told = None;
        }
        if status.kind == StatusKind::Ok && !status.is_part() && !is_stale && !news_after {
            self.found = answers.found().map(|uids| search.found(uids));
        }
        Ok(noop)
    }

    fn gone(&self) -> u64 {
        self.state.selected.as_ref().map_or(0, |selected| selected.expunged)
    }

    fn take_news(&mut self) -> bool {
        self.state.selected.as_mut().is_some_and(|selected| std::mem::take(&mut selected.news))
    }

    /// Lets the server tell what is new, and searches then, in one go where that may be: in a mailbox that was small
    /// and can't have grown too long for an answer meanwhile.
    pub(crate) async fn renew(&mut self, wanted: Wanted) -> Result<()> {
        (self.found, self.told) = (None, None);
        let selected = self.selected()?;
        // If nothing is known to be there, nothing is likely.
        let is_there = selected.uid_next.is_some_and(|next| next > wanted.after.saturating_add(1));
        let search = wanted.search_all().filter(|_| self.pipelining && selected.exists <= SMALL);
        let Some(search) = search else { return self.noop(PHASE).await };
        self.begin(PHASE)?;
        let noop = self.queue(self.command("NOOP"))?;
        let along = self.queue_along(search, wanted.likely().filter(|_| is_there))?;
        self.depart(&[&noop].into_iter().chain(along.tags()).collect::<Vec<_>>(), PHASE).await?;
        let status = self.take_along(along, Some(&noop)).await?;
        self.end(PHASE)?;
        status.map_or(Ok(()), |status| self.judge(status, PHASE, "the server refuses NOOP").map(drop))
    }

    /// The messages with UIDs above `after`, at most `limit`, oldest first.
    pub(crate) async fn page(&mut self, wanted: Wanted) -> Result<Page> {
        let (mut after, limit) = (wanted.after, wanted.limit as u64);
        for _ in 0..RESTARTS {
            let found = self.find(after, wanted.unseen, limit + 1).await?;
            let more = found.count() > limit;
            let found = found.first(limit);
            let last = found.last();
            let entries = self.describe(found).await?;
            // All of them may have gone since the search; a page without messages would be the last.
            match last {
                Some(last) if more && entries.is_empty() => after = last,
                _ => return Ok(Page { entries, more }),
            }
        }
        let what = "the server finds messages and tells nothing of them";
        Err(Error::new(ErrorKind::Protocol, PHASE, what))
    }

    /// Size and flags of these messages, which are at most a page: of those that nothing was told of along with the
    /// search the server is asked.
    async fn describe(&mut self, found: UidSet) -> Result<BTreeMap<u32, Entry>> {
        let mut described = Described::of(found);
        if let Some(told) = self.told.take() {
            described.adopt(told);
        }
        loop {
            let (rest, mut is_part) = (described.rest(), false);
            for set in rest.texts(MAX_SET) {
                let what = "the server does not tell of its messages";
                let command = self.describing(&set);
                let status = self.ask(command, PHASE, what, &mut |response| described.take(response)).await?;
                is_part |= status.is_part();
            }
            if !is_part {
                return Ok(described.into_entries());
            }
            if described.rest().count() >= rest.count() {
                return Err(stuck());
            }
        }
    }

    fn describing(&self, set: &str) -> Command {
        self.command("UID FETCH").words(set).words("(UID FLAGS RFC822.SIZE)")
    }
}

/// The error of a server that does part of what it is asked for, and never the rest.
pub(crate) fn stuck() -> Error {
    let what = "the server looks at some of the messages only (MESSAGELIMIT), and not at the others when asked again";
    Error::new(ErrorKind::Limit, PHASE, what)
}

/// Hears what a search finds and what is told of messages: data of both may come before either has ended.
fn both<'a>(
    answers: &'a mut Answers,
    told: &'a mut Described,
) -> impl FnMut(Response) -> Result<()> + Send + 'a {
    |response| match response {
        Response::Fetch(_) => told.take(response),
        other => answers.take(other),
    }
}
