//! The driver of one message: its body, streamed out of the literal of one command, or of one after the other.

use crate::ImapConfig;
use crate::bounds::Bounds;
use crate::codec::{BodyItem, Event, Response, StatusKind};
use crate::pieces::Pieces;
use crate::session::Session;
use crate::session_dialogue::Said;
use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::time::Duration;

const PHASE: Phase = Phase::Fetch;
/// A reader that lets this much time pass is slow itself: the server's rate is measured anew.
const PAUSE: Duration = Duration::from_secs(5);

/// A message that the server has begun to send.
pub(crate) struct Opened {
    uid: u32,
    begun: Begun,
    pieces: Option<Pieces>,
}

enum Begun {
    /// A literal has begun.
    Literal { tag: String, size: u64, is_named: bool },
    /// It was so short that it came as a string, and the command is over.
    Text(Bytes),
}

impl Session {
    /// UID FETCH, up to the first byte of the message.
    pub(crate) async fn open_message(&mut self, config: &ImapConfig, uid: u32) -> Result<Opened> {
        let mut pieces = config.fetch_size.map(|step| Pieces::new(step.get(), config.max_size));
        let begun = self.open_piece(config, uid, &mut pieces).await?;
        Ok(Opened { uid, begun, pieces })
    }

    /// UID FETCH of the message, or of the piece that is due, up to its first byte.
    async fn open_piece(
        &mut self,
        config: &ImapConfig,
        uid: u32,
        pieces: &mut Option<Pieces>,
    ) -> Result<Begun> {
        self.begin(PHASE)?;
        let item = if config.peek { "BODY.PEEK[]" } else { "BODY[]" };
        let origin = pieces.as_ref().map_or(0, Pieces::origin);
        // How long a piece may be is for the pieces to judge.
        self.framer.want_body(origin, if pieces.is_some() { u64::MAX } else { config.max_size });
        let items = pieces.as_ref().map_or_else(|| format!("(UID {item})"), |pieces| pieces.items(item));
        let tag = self.send(self.command("UID FETCH").words(&uid.to_string()).words(&items), PHASE).await?;
        let (mut bounds, mut text, mut is_nil) = (self.bounds(), None, false);
        loop {
            match self.said(&tag, PHASE, &mut bounds).await? {
                // A server may send the text of another message unasked; it is passed over.
                Said::Body(Event::BodyStart { size, head }) if head.uid.is_none_or(|u| u == uid) => {
                    self.framer.want_nothing();
                    if let Some(pieces) = pieces {
                        head.size.map_or(Ok(()), |size| pieces.tell_size(size))?;
                        pieces.begin(size)?;
                    }
                    return Ok(Begun::Literal { tag, size, is_named: head.uid.is_some() });
                }
                Said::Data(Response::Fetch(fetch)) if fetch.uid == Some(uid) => {
                    if let (Some(pieces), Some(size)) = (pieces.as_mut(), fetch.size) {
                        pieces.tell_size(size)?;
                    }
                    match fetch.body.filter(|_| fetch.origin == origin) {
                        Some(BodyItem::Text(bytes)) => drop(text.get_or_insert(bytes)),
                        Some(BodyItem::Nil) => is_nil = true,
                        None => {}
                    }
                }
                Said::Body(_) | Said::Data(_) => {}
                Said::Prompt(_) => return Err(prompted()),
                Said::Status(status) => {
                    self.framer.want_nothing();
                    self.end(PHASE)?;
                    self.judge(status, PHASE, "the server does not give the message")?;
                    let text = text.ok_or_else(|| if is_nil { no_text() } else { gone() })?;
                    match pieces {
                        Some(pieces) => pieces.begin(text.len() as u64)?,
                        None => check_size(text.len(), config.max_size)?,
                    }
                    return Ok(Begun::Text(text));
                }
            }
        }
    }

    /// The message that was opened. Dropped half-way, it leaves the connection busy.
    pub(crate) fn body<'a>(&'a mut self, config: &'a ImapConfig, opened: Opened) -> Body<'a> {
        let Opened { uid, begun, pieces } = opened;
        let size = match (&begun, &pieces) {
            (_, Some(pieces)) => pieces.size(),
            (Begun::Literal { size, .. }, None) => Some(*size),
            (Begun::Text(text), None) => return Body::from_bytes(text.clone()),
        };
        let (seen, bounds) = (self.channel.host().now(), self.bounds());
        let (tag, is_named) = (String::new(), false);
        let mut reading = Reading {
            session: self,
            config,
            tag,
            uid,
            is_named,
            at: At::Over,
            bounds,
            seen,
            text: None,
            pieces,
        };
        reading.enter(begun);
        let body = Body::generate(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|chunk| (chunk, reading)))
        });
        match size {
            Some(size) => body.with_size(size),
            None => body,
        }
    }
}

struct Reading<'a> {
    session: &'a mut Session,
    config: &'a ImapConfig,
    tag: String,
    uid: u32,
    // The response has said that it is of this message.
    is_named: bool,
    at: At,
    bounds: Bounds,
    seen: Duration,
    // What came as a string.
    text: Option<Bytes>,
    pieces: Option<Pieces>,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Literal,
    /// What stands behind the literal in its response.
    Rest,
    Behind,
    /// The command is over.
    Over,
}

impl Reading<'_> {
    /// The next bytes; `None` only after the server's OK to the last command.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.chunk().await? {
                if let Some(pieces) = &mut self.pieces {
                    pieces.took(chunk.len());
                }
                return Ok(Some(chunk));
            }
            let Some(pieces) = &mut self.pieces else { return Ok(None) };
            if !pieces.goes_on()? {
                return Ok(None);
            }
            let begun = self.session.open_piece(self.config, self.uid, &mut self.pieces).await?;
            self.enter(begun);
        }
    }

    fn enter(&mut self, begun: Begun) {
        match begun {
            Begun::Literal { tag, is_named, .. } => {
                (self.tag, self.is_named, self.at) = (tag, is_named, At::Literal);
                self.session.channel.expect_body();
            }
            Begun::Text(text) => (self.text, self.at) = (Some(text), At::Over),
        }
    }

    /// The next bytes of this command; `None` only after the server's OK.
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.at == At::Over {
            return Ok(self.text.take().filter(|text| !text.is_empty()));
        }
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
                // Nothing stands behind it: what comes next is another response.
                Some(Event::BodyClosed) => (self.at, self.bounds) = (At::Behind, self.session.bounds()),
                Some(_) => (self.at, self.bounds) = (At::Rest, self.session.bounds()),
                None => self.session.channel.fill_body(wait, PHASE).await?,
            }
        }
        loop {
            match self.session.said(&self.tag, PHASE, &mut self.bounds).await? {
                Said::Data(data) => self.take(&data)?,
                Said::Body(_) => {}
                Said::Prompt(_) => return Err(prompted()),
                Said::Status(status) if status.kind == StatusKind::Ok && !self.is_named => {
                    return Err(other_message());
                }
                Said::Status(status) => {
                    self.session.end(PHASE)?;
                    self.session.judge(status, PHASE, "the server broke off the message")?;
                    self.at = At::Over;
                    return Ok(None);
                }
            }
        }
    }

    /// Data behind the literal: the rest of its response first.
    fn take(&mut self, data: &Response) -> Result<()> {
        let (uid, size) =
            if let Response::Fetch(fetch) = data { (fetch.uid, fetch.size) } else { (None, None) };
        let is_ours = self.at == At::Rest;
        if is_ours {
            self.at = At::Behind;
            if uid.is_some_and(|uid| uid != self.uid) {
                return Err(other_message());
            }
            self.is_named |= uid.is_some();
        }
        match (&mut self.pieces, size) {
            (Some(pieces), Some(size)) if is_ours || uid == Some(self.uid) => pieces.tell_size(size),
            _ => Ok(()),
        }
    }
}

fn check_size(size: usize, most: u64) -> Result<()> {
    if size as u64 <= most { Ok(()) } else { Err(too_long(size as u64, most)) }
}

pub(crate) fn too_long(size: u64, most: u64) -> Error {
    let what = format!("the message has {size} bytes and at most {most} are allowed");
    Error::new(ErrorKind::Limit, PHASE, what).with_advice("raise the property maxsize to read it")
}

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::NotFound, PHASE, "the mailbox has no message of this key (any more)")
        .with_advice("list again: it was deleted or moved")
}

/// It is there, or it is just going: to take it for an empty one, or for gone, would be a guess.
fn no_text() -> Error {
    Error::new(ErrorKind::Protocol, PHASE, "the server has the message and gives no text of it (NIL)")
}

pub(crate) fn other_message() -> Error {
    Error::new(
        ErrorKind::Protocol,
        PHASE,
        "the server sent a message without saying that it is the one asked for",
    )
}

pub(crate) fn prompted() -> Error {
    Error::new(ErrorKind::Protocol, PHASE, "the server asks for more where nothing more is to come")
}
