//! The driver of the mailbox: opening it.

use crate::ImapConfig;
use crate::codec::{Command, Status, StatusKind};
use crate::listing::Wanted;
use crate::session::Session;
use crate::session_dialogue::nobody;
use crate::session_listing::Along;
use crate::state::Selected;
use postrider_core::{Error, ErrorKind, Phase, Result};

impl Session {
    /// Opens the mailbox, unless it is open. What has to be said once before goes along, and so does the page that
    /// will be wanted, where nothing depends on an answer.
    pub(crate) async fn select(
        &mut self,
        config: &ImapConfig,
        name: &str,
        wanted: Option<Wanted>,
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
            let selected = self.selected_after(before, select, wanted.filter(|_| self.pipelining));
            let status = selected.await.inspect_err(|_| self.state.selected = None)?;
            if status.kind == StatusKind::Ok {
                self.check_selected(config)?;
            } else {
                (self.state.selected, self.found, self.told) = (None, None, None);
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
        wanted: Option<Wanted>,
    ) -> Result<Status> {
        let phase = Phase::Select;
        (self.found, self.told) = (None, None);
        let search = wanted.and_then(Wanted::search);
        if before.is_empty() && search.is_none() {
            return self.run(select, phase, &mut nobody).await;
        }
        self.begin(phase)?;
        let before: Vec<String> = before.into_iter().map(|c| self.queue(c)).collect::<Result<_>>()?;
        let select = self.queue(select)?;
        let along = match search {
            Some(search) => Some(self.queue_along(search, wanted.and_then(Wanted::likely))?),
            None => None,
        };
        let behind = along.iter().flat_map(Along::tags);
        let tags: Vec<&String> = before.iter().chain([&select]).chain(behind).collect();
        self.depart(&tags, phase).await?;
        for tag in &before {
            self.arrival(tag, phase, &mut nobody).await?;
        }
        let (status, _) = self.arrival(&select, phase, &mut nobody).await?;
        if let Some(along) = along {
            let taken = self.take_along(along, None).await;
            if status.kind != StatusKind::Ok && taken.is_err() {
                // Why is known; some servers end the session at commands that want an open mailbox.
                self.over = true;
                return Ok(status);
            }
            taken?;
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

    /// Lets the server tell what is new; a fresh session knows already.
    pub(crate) async fn noop(&mut self, phase: Phase) -> Result<()> {
        self.ok(self.command("NOOP"), phase, "the server refuses NOOP").await.map(drop)
    }
}

pub(crate) fn none_selected() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Select, "no mailbox is open where one should be")
}
