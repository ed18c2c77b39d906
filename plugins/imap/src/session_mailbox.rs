//! The driver of the mailbox: opening it, and finding messages in it.

use crate::ImapConfig;
use crate::codec::{Response, StatusKind, UidSet};
use crate::session::Session;
use crate::state::Selected;
use postrider_core::{Error, ErrorKind, Flags, Phase, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// So many messages may be searched at once: their UIDs fit a line, whatever they are.
const WINDOW: u32 = 50_000;
/// Longest set of UIDs in one command.
pub(crate) const MAX_SET: usize = 4_000;
/// Into so many responses a server may split the result of a search.
const MAX_ANSWERS: usize = 200;
/// In so many portions a mailbox is searched, 50 million messages, and for so long; then in one go after all.
const MAX_WINDOWS: u32 = 1_000;
const MAX_SEARCH: Duration = Duration::from_secs(600);
/// Most bytes of keywords that are told of the messages of a page.
const MAX_KEYWORDS: usize = 32 * 1024 * 1024;
/// How often a listing is begun anew because messages went under it.
const RESTARTS: usize = 5;

const NO_SEARCH: &str = "the server does not search the mailbox";

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
    /// Opens the mailbox, unless it is open.
    pub(crate) async fn select(&mut self, config: &ImapConfig, name: &str) -> Result<&mut Selected> {
        let phase = Phase::Select;
        if self.state.selected.as_ref().is_none_or(|s| s.name != name) {
            self.state.selected = Some(Selected::new(name));
            let words = if config.read_only { "EXAMINE" } else { "SELECT" };
            let status = self
                .run(self.command(words).mailbox(name), phase, &mut crate::session_dialogue::nobody)
                .await;
            if status.as_ref().is_ok_and(|s| s.kind == StatusKind::Ok) {
                self.check_selected(config)?;
            } else {
                self.state.selected = None;
                self.judge(status?, phase, &format!("the mailbox {} can't be opened", name.escape_debug()))?;
            }
        }
        self.state.selected.as_mut().ok_or_else(none_selected)
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

    /// The lowest UIDs above `after`, at least `wanted` if there are so many.
    async fn find(&mut self, after: u32, unseen: bool, wanted: u64) -> Result<UidSet> {
        let Some(lowest) = after.checked_add(1) else { return Ok(UidSet::default()) };
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
        let words = if self.state.caps.has("ESEARCH") { "UID SEARCH RETURN (ALL)" } else { "UID SEARCH" };
        let (mut found, mut answers) = (UidSet::default(), 0);
        let mut each = |response: Response| {
            let set = match response {
                Response::Search(set) => set,
                Response::Esearch(result) => result.all,
                _ => return Ok(()),
            };
            answers += 1;
            if answers > MAX_ANSWERS {
                let what = "the server answers a search in too many pieces";
                return Err(Error::new(ErrorKind::Limit, Phase::List, what));
            }
            found.add(&set).map_err(|f| f.at(Phase::List))
        };
        let command = self.command(words).words(key);
        self.ask(command, Phase::List, NO_SEARCH, &mut each).await?;
        Ok((answers > 0).then_some(found))
    }
}

fn none_selected() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Select, "no mailbox is open where one should be")
}
