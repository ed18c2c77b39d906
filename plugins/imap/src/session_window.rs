//! The driver of a window: messages asked for ahead, and taken one after the other while they come in.
//!
//! Everything that is known is in the session and nothing in a future: unlike other dialogues this one goes on after
//! a call was dropped.

use crate::ImapConfig;
use crate::bounds::Bounds;
use crate::codec::{BodyItem, Event, Response, StatusKind, parse};
use crate::plan::Portion;
use crate::session::Session;
use crate::session_message::{other_message, prompted, too_long};
use crate::window::{Begun, Fate, Misfit};
use bytes::Bytes;
use postrider_core::{Phase, Result};
use std::time::Duration;

const PHASE: Phase = Phase::Fetch;
/// Of a message of at most this many bytes all is awaited before any of it is handed on: it costs less.
const SMALL: u64 = 8 * 1024;

/// What a wait for a message has led to.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It begins, and is this long.
    Begun(u64),
    /// All of it is there.
    Whole(Bytes),
    /// The server does not give it, or gave it before its turn.
    Known(Fate),
    /// What comes can't be kept, or can't be told apart.
    Misfit,
    /// More of a message that was left half-read is due than is worth waiting for.
    Left,
    /// Nothing is due any more.
    Idle,
}

impl Session {
    /// Asks for a portion.
    pub(crate) async fn ask_for(&mut self, portion: Portion) -> Result<()> {
        if self.window.is_idle() {
            self.begin(PHASE)?;
            self.framer.want_body(0, u64::MAX);
            self.framer.be_quick(!self.debug);
        }
        let command = self.command("UID FETCH").words(&portion.set).words("(UID BODY.PEEK[])");
        let tag = self.queue(command)?;
        self.window.ask(tag, portion);
        self.push().await
    }

    /// Waits for the first byte of a message that was asked for.
    pub(crate) async fn arrive(&mut self, config: &ImapConfig, uid: u32) -> Result<Arrival> {
        let arrival = self.come(config, Some(uid)).await;
        self.over |= matches!(arrival, Err(_) | Ok(Arrival::Misfit | Arrival::Left));
        arrival
    }

    /// Takes in what is due, so that another command may follow; false if the connection is better dropped.
    pub(crate) async fn rest(&mut self, config: &ImapConfig) -> bool {
        if self.window.is_idle() {
            return true;
        }
        if self.window.bytes().saturating_add(self.framer.body_left()) <= config.window_bytes
            && matches!(self.come(config, None).await, Ok(Arrival::Idle))
        {
            return true;
        }
        self.over = true;
        false
    }

    /// The next bytes of the message that has begun; `None` when it is complete.
    pub(crate) async fn more(&mut self) -> Result<Option<Bytes>> {
        let more = self.next_chunk().await;
        self.over |= more.is_err();
        more
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        let wait = self.channel.timing().command();
        loop {
            let event = match self.framed(PHASE)? {
                Some(event) => event,
                None if self.framer.body_left() > 0 => {
                    self.channel.fill_body(wait, PHASE).await?;
                    continue;
                }
                None => self.hear(wait, PHASE).await?,
            };
            match event {
                Event::Body(chunk) => {
                    if let Some(chunk) = self.window.chunk(chunk) {
                        return Ok(Some(chunk));
                    }
                }
                Event::BodyEnd | Event::BodyStart { .. } => {}
                Event::BodyClosed => {
                    return self.window.finish(None).map(|()| None).map_err(|_| other_message());
                }
                Event::Response(text) => {
                    // The rest of the message's own response: nothing else comes before it.
                    return match self.respond(&text, None, 0)? {
                        Ok(_) => Ok(None),
                        Err(Misfit) => Err(other_message()),
                    };
                }
            }
        }
    }

    async fn come(&mut self, config: &ImapConfig, want: Option<u32>) -> Result<Arrival> {
        self.window.leave();
        if self.framer.body_left() > config.window_bytes {
            return Ok(Arrival::Left);
        }
        if !self.channel.output().is_empty() {
            Box::pin(self.push()).await?;
        }
        let mut bounds = None;
        let mut is_awaited = false;
        loop {
            let is_idle = self.window.is_idle();
            if is_idle {
                self.framer.want_nothing();
                self.end(PHASE)?;
            }
            if let Some(fate) = want.and_then(|uid| self.window.take(uid)) {
                // To ask for it by itself says that it is too long.
                let is_long = matches!(&fate, Fate::Parked(text) if text.len() as u64 > config.max_size);
                return Ok(Arrival::Known(if is_long { Fate::Unclear } else { fate }));
            }
            if is_idle {
                return Ok(Arrival::Idle);
            }
            if let Some((uid, whole)) = self.framer.whole(self.channel.input(), config.max_size) {
                (self.silent, is_awaited) = (false, false);
                match self.window.whole(uid, whole, want, config.window_bytes) {
                    Ok(Some(whole)) => return Ok(Arrival::Whole(whole)),
                    Ok(None) => self.count(&mut bounds)?,
                    Err(Misfit) => return Ok(Arrival::Misfit),
                }
                continue;
            }
            if self.framer.is_due(self.channel.input(), SMALL.min(config.max_size)) {
                if !std::mem::replace(&mut is_awaited, true) {
                    self.channel.expect_body();
                }
                let wait = self.wait_within(&mut bounds)?;
                Box::pin(self.channel.fill_body(wait, PHASE)).await?;
                continue;
            }
            let event = match self.framed(PHASE)? {
                Some(event) => event,
                None => {
                    let wait = self.wait_within(&mut bounds)?;
                    self.hear(wait, PHASE).await?
                }
            };
            self.count(&mut bounds)?;
            if let Some(arrival) = self.take_in(config, event, want)? {
                return Ok(arrival);
            }
        }
    }

    /// How long to wait for what comes next. The bounds begin with the first wait: most messages need none.
    fn wait_within(&mut self, bounds: &mut Option<Bounds>) -> Result<Duration> {
        let bounds = bounds.get_or_insert_with(|| self.bounds());
        let wait = bounds.wait(self.channel.timing().command(), self.channel.host().now());
        wait.ok_or_else(|| self.endless(PHASE))
    }

    /// Counts one more that was not waited for.
    fn count(&mut self, bounds: &mut Option<Bounds>) -> Result<()> {
        let is_within = bounds.as_mut().is_none_or(Bounds::count);
        if is_within { Ok(()) } else { Err(self.endless(PHASE)) }
    }

    fn take_in(&mut self, config: &ImapConfig, event: Event, want: Option<u32>) -> Result<Option<Arrival>> {
        let room = config.window_bytes;
        match event {
            Event::BodyStart { size, head } => {
                self.silent = false;
                if size > config.max_size && want.is_some() && head.uid == want {
                    return Err(too_long(size, config.max_size));
                }
                match self.window.begin(size, head, want, room) {
                    Ok(Begun::Wanted) => {
                        self.channel.expect_body();
                        return Ok(Some(Arrival::Begun(size)));
                    }
                    Ok(Begun::Other) => {}
                    Err(Misfit) => return Ok(Some(Arrival::Misfit)),
                }
            }
            Event::Body(chunk) => drop(self.window.chunk(chunk)),
            Event::BodyEnd => {}
            Event::BodyClosed => {
                if self.window.finish(None).is_err() {
                    return Ok(Some(Arrival::Misfit));
                }
            }
            Event::Response(text) => {
                return Ok(match self.respond(&text, want, room)? {
                    Ok(Some(text)) if text.len() as u64 > config.max_size => {
                        return Err(too_long(text.len() as u64, config.max_size));
                    }
                    Ok(text) => text.map(Arrival::Whole),
                    Err(Misfit) => Some(Arrival::Misfit),
                });
            }
        }
        Ok(None)
    }

    /// A response to no command or to one of the window; a text that came as a string is given back if it is the
    /// wanted one.
    fn respond(
        &mut self,
        text: &[u8],
        want: Option<u32>,
        room: u64,
    ) -> Result<std::result::Result<Option<Bytes>, Misfit>> {
        let response = parse(text).map_err(|f| f.at(PHASE))?;
        let data = match response {
            Response::Tagged { tag, status } => {
                let is_end = matches!(status.kind, StatusKind::Ok | StatusKind::No | StatusKind::Bad);
                // So much and no more at a time: the others are there all the same.
                let is_all = status.kind == StatusKind::Ok && !status.is_part();
                if !is_end || !self.window.ended(&tag, is_all) {
                    return Err(self.unasked(text, PHASE));
                }
                self.silent = false;
                self.state.code(status.code);
                self.check_rebuilt(PHASE)?;
                return Ok(Ok(None));
            }
            Response::Continue(_) => return Err(prompted()),
            other => self.state.absorb(other),
        };
        if let Some(bye) = self.state.bye.take() {
            return Err(self.goodbye(&bye, PHASE));
        }
        self.silent = false;
        self.check_rebuilt(PHASE)?;
        let fetch = match data {
            Some(Response::Fetch(fetch)) => Some(fetch),
            _ => None,
        };
        if self.window.is_reading() {
            return Ok(self.window.finish(fetch.and_then(|fetch| fetch.uid)).map(|()| None));
        }
        Ok(match fetch.map(|fetch| (fetch.uid, fetch.origin, fetch.body)) {
            Some((Some(uid), 0, Some(BodyItem::Text(text)))) => self.window.whole(uid, text, want, room),
            Some((Some(uid), 0, Some(BodyItem::Nil))) => {
                self.window.withheld(uid);
                Ok(None)
            }
            _ => Ok(None),
        })
    }

    /// Sends what is queued still.
    async fn push(&mut self) -> Result<()> {
        if self.channel.output().is_empty() {
            return Ok(());
        }
        self.channel.flush(PHASE).await.inspect_err(|_| self.over = true)
    }

    /// True if the mailbox is open whose UIDVALIDITY is this.
    pub(crate) fn is_of(&self, validity: u32) -> bool {
        self.state.selected.as_ref().is_some_and(|s| s.validity == validity && !s.rebuilt)
    }

    /// True if a message that was asked for and is not there had been announced to this session: it is gone then, and
    /// not yet to come.
    pub(crate) fn was_announced(&self, uid: u32) -> bool {
        self.state.selected.as_ref().and_then(|s| s.uid_next).is_some_and(|next| uid < next)
    }
}
