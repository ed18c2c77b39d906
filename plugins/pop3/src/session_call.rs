//! One attempt at each call of the contract, on a session that [`Keeper`] makes sure of.

use crate::engine::maildrop::{Maildrop, Trust};
use crate::session_keeper::Keeper;
use crate::session_message::too_large;
use crate::transport::Stat;
use postrider_core::{Error, ErrorKind, Listing, MessageId, MessageInfo, Phase, Result};
use std::collections::BTreeSet;

impl Keeper {
    /// STAT (RFC 1939 §5).
    pub(crate) async fn stat(&mut self) -> Result<Stat> {
        let phase = Phase::List;
        let session = self.connected().await?;
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

    /// At most `limit` messages after the one of this name; from the first if it is not there (any more).
    pub(crate) async fn page(&mut self, account: &str, after: Option<&str>, limit: usize) -> Result<Listing> {
        self.ready().await?;
        let after = match after {
            Some(name) => self.place(name).await?,
            None => None,
        };
        let first = after.map_or(0, |place| place + 1);
        let (session, config, _) = self.parts()?;
        session
            .name_messages(config, |drop| {
                let named = drop.entries().iter().take(drop.named()).skip(first).filter(|e| !e.deleted);
                named.take(limit).count() == limit
            })
            .await?;
        session.listed = true;
        let drop = self.maildrop()?;
        let mut entries = drop.entries().iter().skip(first).filter(|e| !e.deleted);
        let mut messages = Vec::with_capacity(limit.min(drop.entries().len()));
        messages.extend(entries.by_ref().take(limit).map(|entry| {
            let mut info = MessageInfo::new(MessageId::new("pop3", [account, drop.name(entry)]));
            info.size = entry.size;
            info.stable = entry.trust == Trust::Stable;
            info
        }));
        Ok(Listing::new(messages, entries.next().is_some()))
    }

    /// True if the message of this name is the one whose answer comes next on a session in good order.
    pub(crate) fn is_next(&self, name: &str) -> bool {
        self.window.is_next(name) && self.session.as_ref().is_some_and(|session| !session.astray)
    }

    /// The reply to the RETR that was written for the next message: the body is due then.
    pub(crate) async fn take_next(&mut self) -> Result<()> {
        let (session, window, config) = self.reading()?;
        session.next_call();
        window.goes_on();
        session.ask_ahead(window, config);
        session.open_message(window).await
    }

    /// RETR, or TOP with that many lines, up to its reply: the body is due then. The RETR may have been written
    /// before, and those of the messages to come next may be written with it.
    pub(crate) async fn open(&mut self, name: &str, lines: Option<u32>) -> Result<()> {
        if let Some(refusal) = self.refusal(name) {
            return Err(refusal);
        }
        let alone = self.pipelining.told_alone();
        self.calm(lines.is_none().then_some(name)).await;
        if !self.window.is_next(name) {
            self.ready_now().await?;
            let place = self.place(name).await?;
            let (session, window, config) = self.reading()?;
            let entry = place.and_then(|p| session.maildrop.as_ref()?.get(p)).filter(|e| !e.deleted);
            let (number, size) = entry.map(|e| (e.number, e.size)).ok_or_else(not_here)?;
            if let Some(lines) = lines {
                return session.open_top(window, number, lines).await;
            }
            // The server's count is only believed where it saves reading what would be refused at the end.
            if size.is_some_and(|size| size > config.max_size) {
                return Err(too_large(config.max_size));
            }
            session.begin(Phase::Fetch)?;
            session.queue_for(b"RETR", number);
            window.ask(name, size);
        }
        self.take_next().await?;
        if alone {
            // It was the company that it was refused for.
            self.pipelining.broken();
            let (session, ..) = self.reading()?;
            session.lock_step = true;
        }
        Ok(())
    }

    /// What is known of a message without asking, while others are in flight that should stay there.
    fn refusal(&self, name: &str) -> Option<Error> {
        let session = self.session.as_ref().filter(|s| !s.astray && !self.window.is_idle())?;
        if self.window.is_next(name) || Maildrop::is_content_name(name) {
            return None;
        }
        let place = session.place(usize::MAX, name);
        let entry = place.and_then(|p| session.maildrop.as_ref()?.get(p)).filter(|e| !e.deleted);
        let Some(entry) = entry else { return Some(not_here()) };
        entry.size.is_some_and(|size| size > self.config.max_size).then(|| too_large(self.config.max_size))
    }

    /// DELE for each message that is there and not marked yet.
    pub(crate) async fn delete(&mut self, names: &[String]) -> Result<()> {
        self.ready().await?;
        let (mut places, mut unknown) = (BTreeSet::new(), 0);
        for name in names {
            match self.place(name).await? {
                Some(place) => {
                    places.insert(place);
                }
                None if self.maildrop()?.is_gone(name) => {}
                None => unknown += 1,
            }
        }
        let (session, config, deletions) = self.parts()?;
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
}

fn not_here() -> Error {
    let what = "the maildrop has no message of this key";
    Error::new(ErrorKind::NotFound, Phase::Fetch, what)
        .with_advice("list again: it was deleted, or its key held for one session only")
}
