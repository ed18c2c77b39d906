//! The transport: the contract of core on top of one session after another.

use crate::Pop3Config;
use crate::engine::maildrop::Trust;
use crate::session_keeper::Keeper;
use crate::session_message::too_large;
use postrider_core::{
    Body, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, MessageInfo, Phase, Query, Result,
    Settle, Wake, async_trait,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maildrop of one account (RFC 1939). Connects when it is first needed.
///
/// Message keys are `pop3:<user@host>/<uidl>`. Where the server has no UIDL they are made from the headers
/// and the size (`top-…`), or hold for one session alone (`session-…`); then, and where a server repeats
/// UIDLs (`…~2`) or breaks their form, [`MessageInfo::stable`] is false.
pub struct Pop3 {
    keeper: Keeper,
    account: String,
}

/// What STAT tells (RFC 1939 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// How many messages there are, without those deleted in this session.
    pub messages: u64,
    /// Their size in bytes, as the server counts it.
    pub octets: u64,
}

impl Pop3 {
    /// A transport that has not connected yet.
    pub fn new(config: Pop3Config, host: Arc<dyn Host>) -> Self {
        let account = config.account();
        Self { keeper: Keeper::new(config, host), account }
    }

    /// Number and size of the messages, as the server counts them.
    ///
    /// # Errors
    /// Anything a connection can fail by; `Protocol` if the reply has no numbers.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn stat(&mut self) -> Result<Stat> {
        match self.try_stat().await {
            Err(error) => {
                self.keeper.again(error)?;
                self.try_stat().await
            }
            stat => stat,
        }
    }

    /// The headers of a message and the first `lines` lines of its body (TOP, RFC 1939 §7), streamed.
    ///
    /// # Errors
    /// As [`fetch`](IncomingTransport::fetch); `Unsupported` if TOP is switched off.
    ///
    /// # Cancellation
    /// As [`fetch`](IncomingTransport::fetch).
    pub async fn top(&mut self, id: &MessageId, lines: u32) -> Result<Body<'_>> {
        if self.keeper.config.disable_top {
            return Err(Error::new(ErrorKind::Unsupported, Phase::Fetch, "TOP is switched off")
                .with_advice("unset disabletop"));
        }
        self.read(id, Some(lines)).await
    }

    async fn try_stat(&mut self) -> Result<Stat> {
        let phase = Phase::List;
        let session = self.keeper.connected().await?;
        session.begin(phase)?;
        let reply = session.ask("STAT", phase).await?;
        session.finish();
        if !reply.is_ok() {
            return Err(session.refused(&reply, ErrorKind::Rejected, phase, "the server refuses STAT"));
        }
        let mut numbers = reply.text.split_ascii_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(messages)), Some(Ok(octets))) => Ok(Stat { messages, octets }),
            _ => Err(Error::new(ErrorKind::Protocol, phase, "the server's reply to STAT has no numbers")),
        }
    }

    async fn read(&mut self, id: &MessageId, lines: Option<u32>) -> Result<Body<'_>> {
        let name = self.name(id)?;
        if let Err(error) = self.open(&name, lines).await {
            self.keeper.again(error)?;
            self.open(&name, lines).await?;
        }
        let (session, config, _) = self.keeper.parts()?;
        Ok(session.body(config))
    }

    async fn open(&mut self, name: &str, lines: Option<u32>) -> Result<()> {
        self.keeper.ready().await?;
        let place = self.keeper.place(name).await?;
        let (session, config, _) = self.keeper.parts()?;
        let entry = place.and_then(|p| session.maildrop.as_ref()?.get(p)).filter(|e| !e.deleted);
        let Some(entry) = entry else {
            return Err(Error::new(
                ErrorKind::NotFound,
                Phase::Fetch,
                "the maildrop has no message of this key",
            )
            .with_advice("list again: it was deleted, or its key held for one session only"));
        };
        let command = match lines {
            Some(lines) => format!("TOP {} {lines}", entry.number),
            // The server's count is only believed where it saves reading what would be refused at the end.
            None if entry.size.is_some_and(|size| size > config.max_size) => return Err(too_large()),
            None => format!("RETR {}", entry.number),
        };
        session.open_message(&command).await
    }

    async fn page(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map(|id| self.name(id)).transpose()?;
        self.keeper.ready().await?;
        let after = match &after {
            Some(name) => self.keeper.place(name).await?,
            None => None,
        };
        let (first, limit) = (after.map_or(0, |place| place + 1), query.limit.max(1));
        let (session, config, _) = self.keeper.parts()?;
        session
            .name_messages(config, |drop| {
                let named = drop.entries().iter().take(drop.named()).skip(first).filter(|e| !e.deleted);
                named.take(limit).count() == limit
            })
            .await?;
        session.listed = true;
        let drop = self.keeper.maildrop()?;
        let mut entries = drop.entries().iter().skip(first).filter(|e| !e.deleted);
        let messages = entries.by_ref().take(limit).map(|entry| {
            let mut info =
                MessageInfo::new(MessageId::new("pop3", [self.account.as_str(), drop.name(entry)]));
            info.size = entry.size;
            info.stable = entry.trust == Trust::Stable;
            info
        });
        let messages = messages.collect();
        Ok(Listing::new(messages, entries.next().is_some()))
    }

    async fn delete(&mut self, names: &[String]) -> Result<()> {
        self.keeper.ready().await?;
        let (mut places, mut unknown) = (BTreeSet::new(), 0);
        for name in names {
            match self.keeper.place(name).await? {
                Some(place) => {
                    places.insert(place);
                }
                None if self.keeper.maildrop()?.is_gone(name) => {}
                None => unknown += 1,
            }
        }
        let (session, config, deletions) = self.keeper.parts()?;
        let marked = |p: &usize| session.maildrop.as_ref().and_then(|d| d.get(*p)).is_some_and(|e| e.deleted);
        let places: Vec<usize> = places.into_iter().filter(|p| !marked(p)).collect();
        session.delete(config, &places, deletions, Phase::Settle).await?;
        if unknown > 0 {
            let what =
                format!("{unknown} keys held for an earlier session only; those messages are not deleted");
            return Err(Error::new(ErrorKind::NotFound, Phase::Settle, what)
                .with_advice("list again, and settle by the new keys"));
        }
        Ok(())
    }

    fn name(&self, id: &MessageId) -> Result<String> {
        let [account, name] = id.parts::<2>("pop3")?;
        if account != self.account {
            let what = format!("the key belongs to the account {}", account.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
                .with_advice(format!("this transport is for {}", self.account)));
        }
        Ok(name)
    }
}

#[async_trait]
impl IncomingTransport for Pop3 {
    /// Reads the maildrop once per session. A [`Query::after`] that is not there (any more) counts as none:
    /// messages may be listed again, but none is passed over.
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        if query.unseen {
            return Err(unsupported(Phase::List, "POP3 does not know which messages were seen"));
        }
        match self.page(query).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.page(query).await
            }
            page => page,
        }
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        self.read(id, None).await
    }

    /// `Delete` marks; [`close`](Self::close) or [`wait`](Self::wait) commits.
    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        match how {
            Settle::Keep => return Ok(()),
            Settle::Delete => {}
            Settle::Seen => return Err(unsupported(Phase::Settle, "POP3 can't mark messages as seen")),
            _ => return Err(unsupported(Phase::Settle, "POP3 can only keep or delete messages")),
        }
        let names: Vec<String> = ids.iter().map(|id| self.name(id)).collect::<Result<_>>()?;
        if names.is_empty() {
            return Ok(());
        }
        match self.delete(&names).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.delete(&names).await
            }
            done => done,
        }
    }

    /// A session sees a frozen maildrop: this ends it, which commits its deletions, and looks again in short
    /// sessions, `poll_interval` apart. A look that has begun is not cut short by the limit. Another client in
    /// the maildrop, or a server that wants more time between sessions, is no error here.
    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let host = Arc::clone(&self.keeper.host);
        let end = host.now().saturating_add(limit);
        let ended = self.keeper.quit().await;
        self.told(ended)?;
        loop {
            let (now, due) = (host.now(), self.keeper.due());
            if due > now {
                host.sleep(due.min(end).saturating_sub(now)).await;
            }
            if due > end {
                return Ok(Wake::Elapsed);
            }
            match self.keeper.look().await {
                Ok(true) => return Ok(Wake::News),
                Ok(false) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => self.told(Err(error))?,
            }
            if host.now() >= end {
                return Ok(Wake::Elapsed);
            }
        }
    }

    /// Commits. Stable deletions whose session was lost are asked for again first, on a new connection.
    async fn close(mut self: Box<Self>) -> Result<()> {
        let mut failed = self.keeper.quit().await.err();
        if self.keeper.deletions.any_kept() && failed.as_ref().is_none_or(|e| e.kind() == ErrorKind::Closed) {
            failed = match self.keeper.ready().await {
                Ok(()) => self.keeper.quit().await.err(),
                error => error.err(),
            };
        }
        match self.keeper.deletions.open() {
            0 => Ok(()),
            count => Err(self.keeper.uncommitted(count, failed)),
        }
    }
}

impl Pop3 {
    /// What a wait has to tell of a commit that failed: not that it will be tried again, but that the server
    /// refused it or that it can't be tried again.
    fn told(&mut self, ended: Result<()>) -> Result<()> {
        let lost = self.keeper.deletions.take_lost();
        match ended {
            _ if lost > 0 => Err(self.keeper.uncommitted(lost, ended.err())),
            Err(error) if error.phase() == Phase::Close && error.kind() == ErrorKind::Closed => Ok(()),
            other => other,
        }
    }
}

impl fmt::Debug for Pop3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pop3").field("account", &self.account).finish_non_exhaustive()
    }
}

fn is_passing(error: &Error) -> bool {
    let code = error.reply().and_then(|r| r.code.as_deref());
    error.kind() == ErrorKind::Deferred && matches!(code, Some("IN-USE" | "LOGIN-DELAY"))
}

fn unsupported(phase: Phase, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, phase, what)
}
