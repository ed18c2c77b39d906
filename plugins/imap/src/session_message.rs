//! The driver of one message: its body, streamed out of the literal.

use crate::ImapConfig;
use crate::codec::{BodyItem, Event, Response, StatusKind};
use crate::session::Session;
use crate::session_dialogue::{Bounds, Said};
use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::time::Duration;

const PHASE: Phase = Phase::Fetch;
/// A reader that lets this much time pass is slow itself: the server's rate is measured anew.
const PAUSE: Duration = Duration::from_secs(5);

/// A message that the server has begun to send.
pub(crate) enum Opened {
    /// Its literal has begun.
    Literal { tag: String, size: u64, uid: u32, is_named: bool },
    /// It was so short that it came as a string.
    Text(Bytes),
}

impl Session {
    /// UID FETCH, up to the first byte of the message.
    pub(crate) async fn open_message(&mut self, config: &ImapConfig, uid: u32) -> Result<Opened> {
        self.begin(PHASE)?;
        self.framer.want_body(Some(config.max_size));
        let item = if config.peek { "(UID BODY.PEEK[])" } else { "(UID BODY[])" };
        let tag = self.send(self.command("UID FETCH").words(&uid.to_string()).words(item), PHASE).await?;
        let (mut bounds, mut text) = (self.bounds(), None);
        loop {
            match self.said(&tag, PHASE, &mut bounds).await? {
                // A server may send the text of another message unasked; it is passed over.
                Said::Body(Event::BodyStart { size, head }) if head.uid.is_none_or(|u| u == uid) => {
                    self.framer.want_body(None);
                    return Ok(Opened::Literal { tag, size, uid, is_named: head.uid.is_some() });
                }
                Said::Data(Response::Fetch(fetch)) if fetch.uid == Some(uid) => {
                    if let Some(BodyItem::Text(bytes)) = fetch.body {
                        text.get_or_insert(bytes);
                    }
                }
                Said::Body(_) | Said::Data(_) => {}
                Said::Prompt(_) => return Err(prompted()),
                Said::Status(status) => {
                    self.framer.want_body(None);
                    self.end(PHASE)?;
                    self.judge(status, PHASE, "the server does not give the message")?;
                    return text.map(Opened::Text).ok_or_else(gone);
                }
            }
        }
    }

    /// The message that was opened. Dropped half-way, it leaves the connection busy.
    pub(crate) fn body(&mut self, config: &ImapConfig, opened: Opened) -> Body<'_> {
        let (tag, size, uid, is_named) = match opened {
            Opened::Literal { tag, size, uid, is_named } => (tag, size, uid, is_named),
            Opened::Text(text) if text.len() as u64 > config.max_size => {
                let what = format!(
                    "the message has {} bytes and at most {} are allowed",
                    text.len(),
                    config.max_size
                );
                let error = Error::new(ErrorKind::Limit, PHASE, what)
                    .with_advice("raise the property maxsize to read it");
                let mut error = Some(error);
                return Body::generate((), move |()| std::future::ready(error.take().map_or(Ok(None), Err)));
            }
            Opened::Text(text) => return Body::from_bytes(text),
        };
        self.channel.expect_body();
        let (seen, bounds) = (self.channel.host().now(), self.bounds());
        let reading = Reading { session: self, tag, uid, is_named, at: At::Literal, bounds, seen };
        let body = Body::generate(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|chunk| (chunk, reading)))
        });
        body.with_size(size)
    }
}

struct Reading<'a> {
    session: &'a mut Session,
    tag: String,
    uid: u32,
    // The response has said that it is of this message.
    is_named: bool,
    at: At,
    bounds: Bounds,
    seen: Duration,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Literal,
    /// What stands behind the literal in its response.
    Rest,
    Behind,
}

impl Reading<'_> {
    /// The next bytes; `None` only after the server's OK.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let now = self.session.channel.host().now();
        if now.saturating_sub(self.seen) > PAUSE {
            self.session.channel.expect_body();
        }
        let wait = self.session.channel.timing().command();
        while self.at == At::Literal {
            match self.session.framed(PHASE)? {
                Some(Event::Body(chunk)) => {
                    self.seen = self.session.channel.host().now();
                    return Ok(Some(chunk));
                }
                Some(_) => (self.at, self.bounds) = (At::Rest, self.session.bounds()),
                None => self.session.channel.fill_body(wait, PHASE).await?,
            }
        }
        loop {
            match self.session.said(&self.tag, PHASE, &mut self.bounds).await? {
                Said::Data(data) if self.at == At::Rest => {
                    self.at = At::Behind;
                    let uid = if let Response::Fetch(fetch) = &data { fetch.uid } else { None };
                    if uid.is_some_and(|uid| uid != self.uid) {
                        return Err(other_message());
                    }
                    self.is_named |= uid.is_some();
                }
                Said::Data(_) | Said::Body(_) => {}
                Said::Prompt(_) => return Err(prompted()),
                Said::Status(status) if status.kind == StatusKind::Ok && !self.is_named => {
                    return Err(other_message());
                }
                Said::Status(status) => {
                    self.session.end(PHASE)?;
                    self.session.judge(status, PHASE, "the server broke off the message")?;
                    return Ok(None);
                }
            }
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::NotFound, PHASE, "the mailbox has no message of this key (any more)")
        .with_advice("list again: it was deleted or moved")
}

fn other_message() -> Error {
    Error::new(
        ErrorKind::Protocol,
        PHASE,
        "the server sent a message without saying that it is the one asked for",
    )
}

fn prompted() -> Error {
    Error::new(ErrorKind::Protocol, PHASE, "the server asks for more where nothing more is to come")
}
