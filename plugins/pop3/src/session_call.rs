//! One attempt at each call of the contract, on a session that [`Keeper`] makes sure of.

use crate::engine::maildrop::Trust;
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
        let messages = entries.by_ref().take(limit).map(|entry| {
            let mut info = MessageInfo::new(MessageId::new("pop3", [account, drop.name(entry)]));
            info.size = entry.size;
            info.stable = entry.trust == Trust::Stable;
            info
        });
        let messages = messages.collect();
        Ok(Listing::new(messages, entries.next().is_some()))
    }

    /// RETR, or TOP with that many lines, up to its reply: the body is due then.
    pub(crate) async fn open(&mut self, name: &str, lines: Option<u32>) -> Result<()> {
        self.ready().await?;
        let place = self.place(name).await?;
        let (session, config, _) = self.parts()?;
        let entry = place.and_then(|p| session.maildrop.as_ref()?.get(p)).filter(|e| !e.deleted);
        let Some(entry) = entry else {
            let what = "the maildrop has no message of this key";
            return Err(Error::new(ErrorKind::NotFound, Phase::Fetch, what)
                .with_advice("list again: it was deleted, or its key held for one session only"));
        };
        let number = entry.number;
        match lines {
            Some(lines) => session.open_top(number, lines).await,
            // The server's count is only believed where it saves reading what would be refused at the end.
            None if entry.size.is_some_and(|size| size > config.max_size) => Err(too_large(config.max_size)),
            None => session.open_message(number).await,
        }
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
