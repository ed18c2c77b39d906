//! The driver of the mailbox: opening it, and finding messages in it.

use crate::ImapConfig;
use crate::codec::{Command, Response, Status, StatusKind, UidSet};
use crate::session::Session;
use crate::session_dialogue::nobody;
use crate::session_search::{SMALL, Search};
use crate::state::Selected;
use postrider_core::{Error, ErrorKind, Flags, Phase, Result};
use std::collections::BTreeMap;

/// Longest set of UIDs in one command.
pub(crate) const MAX_SET: usize = 4_000;
/// Most bytes of keywords that are told of the messages of a page.
const MAX_KEYWORDS: usize = 32 * 1024 * 1024;
/// How often a listing is begun anew because messages went under it.
pub(crate) const RESTARTS: usize = 5;

/// What a listing tells of one message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) size: Option<u64>,
    pub(crate) flags: Flags,
}

/// A page of a listing.
pub(crate) struct Page {
    pub(crate) entries: BTreeMap<u32, Entry>,
    pub(crate) more: bool,
}

impl Session {
    /// Opens the mailbox, unless it is open. What has to be said once before goes along, and a search that will be
    /// wanted, where nothing depends on an answer.
    pub(crate) async fn select(
        &mut self,
        config: &ImapConfig,
        name: &str,
        search: Option<Search>,
    ) -> Result<&mut Selected> {
        let phase = Phase::Select;
        if self.state.selected.as_ref().is_none_or(|s| s.name != name) {
            // Such a name is written in the same way whatever ENABLE leads to.
            if !self.pipelining || !name.is_ascii() || name.contains('&') {
                self.introduce(config).await?;
            }
            let before = self.introductions(config);
            let words = if config.read_only { "EXAMINE" } else { "SELECT" };
            let select = self.command(words).mailbox(name);
            self.state.selected = Some(Selected::new(name));
            let selected = self.selected_after(before, select, search.filter(|_| self.pipelining));
            let status = selected.await.inspect_err(|_| self.state.selected = None)?;
            if status.kind == StatusKind::Ok {
                self.check_selected(config)?;
            } else {
                (self.state.selected, self.found) = (None, None);
                self.judge(status, phase, &format!("the mailbox {} can't be opened", name.escape_debug()))?;
            }
        }
        self.state.selected.as_mut().ok_or_else(none_selected)
    }

    /// SELECT between what goes before it and what goes behind it; its status.
    async fn selected_after(
        &mut self,
        before: Vec<Command>,
        select: Command,
        search: Option<Search>,
    ) -> Result<Status> {
        let phase = Phase::Select;
        self.found = None;
        if before.is_empty() && search.is_none() {
            return self.run(select, phase, &mut nobody).await;
        }
        self.begin(phase)?;
        let mut tags = Vec::new();
        for command in before {
            tags.push(self.queue(command)?);
        }
        let select = self.queue(select)?;
        let search = match search {
            Some(search) => Some((self.queue(self.search_for(&search.key()))?, search)),
            None => None,
        };
        self.channel.flush(phase).await?;
        for tag in tags {
            self.answer(&tag, phase, &mut nobody).await?;
        }
        let status = self.answer(&select, phase, &mut nobody).await?;
        if let Some((tag, search)) = search {
            self.search_along(&tag, search).await?;
        }
        self.end(phase)?;
        Ok(status)
    }

    fn check_selected(&mut self, config: &ImapConfig) -> Result<()> {
        let Some(selected) = &mut self.state.selected else { return Err(none_selected()) };
        // All of its messages are new to who has listed nothing yet.
        selected.news = selected.exists > 0;
        let error = if selected.validity == 0 {
            let what = "the server gives the mailbox no UIDVALIDITY: its messages can't be told apart from one \
                        session to the next";
            Error::new(ErrorKind::Unsupported, Phase::Select, what)
        } else if selected.read_only && !config.read_only && !config.allow_read_only {
            // Better now than when messages have been handled and can't be settled.
            let what = "the server opens the mailbox for reading only";
            Error::new(ErrorKind::Unsupported, Phase::Select, what).with_advice(
                "the account lacks the right to change it, or somebody else has it open; set readonly=true if \
                 nothing is to be changed, or allowreadonlyselect=true to go on",
            )
        } else {
            return Ok(());
        };
        self.state.selected = None;
        Err(error)
    }

    pub(crate) fn selected(&self) -> Result<&Selected> {
        self.state.selected.as_ref().ok_or_else(none_selected)
    }

    /// Lets the server tell what is new, and searches then, in one go where that may be: in a mailbox that was small
    /// and can't have grown too long for an answer meanwhile.
    pub(crate) async fn renew(&mut self, search: Search) -> Result<()> {
        let phase = Phase::List;
        self.found = None;
        if !self.pipelining || self.selected()?.exists > SMALL {
            return self.noop(phase).await;
        }
        self.begin(phase)?;
        let noop = self.queue(self.command("NOOP"))?;
        let tag = self.queue(self.search_for(&search.key()))?;
        self.channel.flush(phase).await?;
        self.early = vec![(tag.clone(), None)];
        let status = self.answer(&noop, phase, &mut nobody).await?;
        // A search that was over before knows nothing of what the server has told since: it is made anew.
        if self.was_early(&tag).is_none() {
            self.search_along(&tag, search).await?;
        }
        self.end(phase)?;
        self.judge(status, phase, "the server refuses NOOP").map(drop)
    }

    /// Lets the server tell what is new; a fresh session knows already.
    pub(crate) async fn noop(&mut self, phase: Phase) -> Result<()> {
        self.ok(self.command("NOOP"), phase, "the server refuses NOOP").await.map(drop)
    }

    /// The messages with UIDs above `after`, at most `limit`, oldest first.
    pub(crate) async fn page(&mut self, mut after: u32, unseen: bool, limit: usize) -> Result<Page> {
        let wanted = limit as u64;
        for _ in 0..RESTARTS {
            let found = self.find(after, unseen, wanted + 1).await?;
            let more = found.count() > wanted;
            let found = found.first(wanted);
            let entries = self.describe(&found).await?;
            // All of them may have gone since the search; a page without messages would be the last.
            match found.last() {
                Some(last) if more && entries.is_empty() => after = last,
                _ => return Ok(Page { entries, more }),
            }
        }
        let what = "the server finds messages and tells nothing of them";
        Err(Error::new(ErrorKind::Protocol, Phase::List, what))
    }

    /// Size and flags of these messages.
    async fn describe(&mut self, found: &UidSet) -> Result<BTreeMap<u32, Entry>> {
        let (mut entries, mut told): (BTreeMap<u32, Entry>, usize) = (BTreeMap::new(), 0);
        for set in found.texts(MAX_SET) {
            let command = self.command("UID FETCH").words(&set).words("(UID FLAGS RFC822.SIZE)");
            let mut each = |response: Response| {
                // Only those that were asked for: what else is said may be of any number of messages.
                if let Response::Fetch(fetch) = response
                    && let Some(uid) = fetch.uid.filter(|uid| found.contains(*uid))
                {
                    let entry = entries.entry(uid).or_default();
                    entry.size = fetch.size.or(entry.size);
                    if let Some(flags) = fetch.flags {
                        told += flags.keywords.iter().map(|k| k.len() + size_of::<String>()).sum::<usize>();
                        if told > MAX_KEYWORDS {
                            let what = "the server tells too many keywords of its messages";
                            return Err(Error::new(ErrorKind::Limit, Phase::List, what)
                                .with_advice("list fewer messages at a time"));
                        }
                        entry.flags = flags;
                    }
                }
                Ok(())
            };
            self.ask(command, Phase::List, "the server does not tell of its messages", &mut each).await?;
        }
        Ok(entries)
    }
}

pub(crate) fn none_selected() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Select, "no mailbox is open where one should be")
}
