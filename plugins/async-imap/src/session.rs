//! One connection with its mailbox open: commands, each with its tagged status checked.

use crate::lent::Lent;
use crate::told;
use async_imap::imap_proto::{Response, Status};
use postrider_core::{Error, ErrorKind, Host, Phase, Query, Result, Settle, within};
use postrider_wire::{Redactor, Timing};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of an answer that is no message.
pub(crate) const ROOM: u64 = 2 << 20;
/// Most UIDs in one command: servers take lines of 8 KiB.
const UIDS: usize = 500;

/// A client of async-imap's that is signed in.
pub(crate) struct Session {
    imap: async_imap::Session<Lent>,
    host: Arc<dyn Host>,
    timing: Timing,
    redactor: Redactor,
    /// What the server offers, in upper case.
    pub(crate) capabilities: HashSet<String>,
    /// UIDVALIDITY of the mailbox.
    pub(crate) validity: u32,
    /// A message may have come since the last listing began.
    pub(crate) news: bool,
}

impl Session {
    pub(crate) fn new(
        imap: async_imap::Session<Lent>,
        host: Arc<dyn Host>,
        timing: Timing,
        redactor: Redactor,
    ) -> Self {
        let capabilities = HashSet::new();
        Self { imap, host, timing, redactor, capabilities, validity: 0, news: false }
    }

    /// One command within its deadline; all that was heard but for the tagged status, which was OK.
    pub(crate) async fn run(&mut self, command: &str, phase: Phase) -> Result<told::Heard> {
        self.run_within(command, phase, ROOM, self.timing.command()).await
    }

    async fn run_within(
        &mut self,
        command: &str,
        phase: Phase,
        room: u64,
        wait: Duration,
    ) -> Result<told::Heard> {
        let host = Arc::clone(&self.host);
        within(host.as_ref(), wait, phase, async {
            self.imap.get_mut().allow(room);
            let id = self.imap.run_command(command).await;
            let id = id.map_err(|error| told::error(error, phase, &self.redactor))?;
            let mut heard = told::Heard::default();
            loop {
                let next = self.imap.read_response().await.map_err(|error| told::io_error(error, phase))?;
                let response = next.ok_or_else(|| told::closed(phase))?;
                match response.parsed() {
                    Response::Done { tag, status, outcome } if *tag == id => {
                        let status = match status {
                            Status::Ok => {
                                self.news |= heard.exists;
                                return Ok(heard);
                            }
                            Status::Bad => "BAD",
                            _ => "NO",
                        };
                        return Err(told::refusal(status, outcome, phase, &self.redactor));
                    }
                    Response::Done { .. } => {
                        let what = "the server answered a command that was not given";
                        return Err(Error::new(ErrorKind::Protocol, phase, what));
                    }
                    other => heard.take(other),
                }
            }
        })
        .await
    }

    /// The next page: what is told of each message, and whether there are more.
    pub(crate) async fn list(&mut self, query: &Query, after: u32) -> Result<(Vec<told::Fetched>, bool)> {
        self.news = false;
        let unseen = if query.unseen { "UNSEEN " } else { "" };
        let search = format!("UID SEARCH {unseen}UID {}:*", after.saturating_add(1));
        let mut uids = self.run(&search, Phase::List).await?.found;
        uids.sort_unstable();
        uids.dedup();
        // `n:*` names the last message even if n is beyond it (RFC 9051 §9, seq-range).
        uids.retain(|uid| *uid > after);
        let more = uids.len() > query.limit;
        uids.truncate(query.limit);
        let mut page = Vec::with_capacity(uids.len());
        for part in uids.chunks(UIDS) {
            let fetch = format!("UID FETCH {} (UID FLAGS RFC822.SIZE)", told::set(part));
            let heard = self.run(&fetch, Phase::List).await?;
            page.extend(heard.fetched.into_iter().filter(|m| part.binary_search(&m.uid).is_ok()));
        }
        page.sort_unstable_by_key(|message| message.uid);
        page.dedup_by_key(|message| message.uid);
        Ok((page, more))
    }

    /// One message.
    pub(crate) async fn fetch(&mut self, uid: u32, max_size: u64, wait: Duration) -> Result<Vec<u8>> {
        let fetch = format!("UID FETCH {uid} (UID BODY.PEEK[])");
        let heard = self.run_within(&fetch, Phase::Fetch, max_size.saturating_add(ROOM), wait).await?;
        let body = heard.fetched.into_iter().find(|m| m.uid == uid).and_then(|m| m.body);
        let body = body.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, Phase::Fetch, "the message is not in the mailbox any more")
        })?;
        if body.len() as u64 > max_size {
            let what = format!("the message has {} bytes, and {max_size} are allowed", body.len());
            return Err(Error::new(ErrorKind::Limit, Phase::Fetch, what).with_advice("raise maxsize"));
        }
        Ok(body)
    }

    /// Does `how` with messages, of ascending UIDs.
    pub(crate) async fn settle(&mut self, uids: &[u32], how: &Settle) -> Result<()> {
        self.check(how)?;
        for part in uids.chunks(UIDS) {
            let set = told::set(part);
            match how {
                Settle::Seen => {
                    self.run(&format!("UID STORE {set} +FLAGS.SILENT (\\Seen)"), Phase::Settle).await?;
                }
                Settle::Delete => {
                    self.run(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), Phase::Settle).await?;
                    self.run(&format!("UID EXPUNGE {set}"), Phase::Settle).await?;
                }
                Settle::Move(to) => {
                    self.run(&format!("UID MOVE {set} {}", told::quoted(to)), Phase::Settle).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check(&self, how: &Settle) -> Result<()> {
        let offers = |name: &str| self.capabilities.contains(name);
        let what = match how {
            Settle::Delete if !offers("UIDPLUS") => {
                "without UIDPLUS, to delete one message deletes what others have marked too"
            }
            Settle::Move(_) if !offers("MOVE") => "the server does not offer MOVE",
            Settle::Move(to) if !told::is_mailbox(to) => {
                "async-imap can't say the name of this mailbox: it must be ASCII without &"
            }
            Settle::Keep | Settle::Seen | Settle::Delete | Settle::Move(_) => return Ok(()),
            _ => "this transport does not know how to settle messages so",
        };
        Err(Error::new(ErrorKind::Unsupported, Phase::Settle, what).with_advice("use the transport imap"))
    }

    /// LOGOUT; nothing that happens here matters to any message.
    pub(crate) async fn logout(mut self) {
        let _ = self.run_within("LOGOUT", Phase::Close, ROOM, Duration::from_secs(5)).await;
    }
}
