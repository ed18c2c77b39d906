//! Messages fetched as they were announced by `prefetch`: over one connection or several, in the order of the plan.

use crate::key::Key;
use crate::plan::{Limits, Plan};
use crate::session::Session;
use crate::session_keeper::{Keeper, rebuilt};
use crate::session_message::gone;
use crate::session_window::Arrival;
use crate::window::Fate;
use bytes::Bytes;
use postrider_core::{Body, ErrorKind, MessageId, Phase, Result};
use std::sync::Arc;
use std::time::Duration;

const PHASE: Phase = Phase::Fetch;
/// After so many windows that did not fit, this server's messages are asked for one by one.
const MAX_MISFITS: u32 = 3;
/// A reader that lets this much time pass is slow itself: the server's rate is measured anew.
const PAUSE: Duration = Duration::from_secs(5);

/// A message of a window.
#[derive(Debug)]
pub(crate) enum Ahead {
    /// It comes in on this connection, and is this long.
    Begun { lane: usize, size: u64 },
    /// All of it is there.
    Whole(Bytes),
}

impl Keeper {
    /// The next messages to be fetched, in order. What is under way for others is passed over.
    pub(crate) fn prefetch(&mut self, ids: &[MessageId]) {
        if !self.has_windows() {
            return;
        }
        let Some(Key { validity, .. }) = ids.iter().find_map(|id| self.key(id).ok()) else {
            self.plan = Plan::default();
            return;
        };
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix}{validity}/")).unwrap_or_default();
        let mut next = 0;
        let uids = ids.iter().filter_map(|id| Key::uid(id, &prefix));
        let mut plan =
            Plan::new(validity, uids.map(|uid| (uid, self.sizes.of(Key { validity, uid }, &mut next))));
        plan.prefix = prefix;
        plan.guess_by(self.sizes.sum(validity));
        for lane in &mut self.lanes {
            // A UID means another message where UIDVALIDITY is another.
            let is_of_plan = lane.is_of(validity);
            lane.window.forget_but(|uid| is_of_plan && plan.has(uid));
        }
        self.plan = plan;
        self.recount();
        self.alone = false;
    }

    /// A message by the plan; `None` if it is not in it, or has to be asked for by itself.
    pub(crate) async fn open_ahead(&mut self, key: Key) -> Result<Option<Ahead>> {
        if !self.has_windows() || key.validity != self.plan.validity || !self.plan.has(key.uid) {
            return Ok(None);
        }
        for passed in self.plan.reach(key.uid) {
            self.lanes.iter_mut().for_each(|lane| lane.window.forget(passed));
        }
        let ahead = self.taken(key).await?;
        self.plan.take();
        self.run = self.run.saturating_add(1);
        if self.is_behind && self.run >= self.config.window {
            (self.run, self.is_behind) = (0, false);
        }
        Ok(ahead)
    }

    /// The message that is first in the plan.
    async fn taken(&mut self, key: Key) -> Result<Option<Ahead>> {
        let config = Arc::clone(&self.config);
        loop {
            self.ask_ahead(key).await?;
            // Too long to be asked for ahead: to ask for it by itself says so.
            let holder = self.lanes.iter().position(|lane| lane.window.holds(key.uid));
            let Some((at, lane)) = holder.and_then(|at| Some((at, self.lanes.get_mut(at)?))) else {
                return Ok(None);
            };
            let arriving = lane.arrive(&config, key.uid);
            // In a box: what is seldom run does not make every fetch a large future.
            let arrival = match &mut self.joining {
                None => arriving.await,
                Some(joining) => Box::pin(joining.beside(arriving)).await,
            };
            match arrival {
                Ok(Arrival::Begun(size)) => {
                    self.plan.saw(size);
                    return Ok(Some(Ahead::Begun { lane: at, size }));
                }
                Ok(Arrival::Whole(whole)) => {
                    self.plan.saw(whole.len() as u64);
                    return Ok(Some(Ahead::Whole(whole)));
                }
                // It came before its turn, as from Dovecot that has to wait for us and goes on with another command.
                Ok(Arrival::Known(Fate::Parked(whole))) => {
                    (self.run, self.is_behind) = (0, true);
                    self.plan.saw(whole.len() as u64);
                    return Ok(Some(Ahead::Whole(whole)));
                }
                Ok(Arrival::Known(Fate::Missing)) if lane.was_announced(key.uid) => {
                    self.plan.take();
                    return Err(gone());
                }
                Ok(Arrival::Known(_)) => return Ok(None),
                Ok(Arrival::Misfit | Arrival::Idle) => {
                    self.misfits += 1;
                    self.lose(at);
                    return Ok(None);
                }
                Ok(Arrival::Left) => self.lose(at),
                // The connection ended while it was idle: another one is dialed.
                Err(error) if lane.was_dead(&error) => self.lose(at),
                // Nothing of this message has come: the others go on without this connection.
                Err(error) if at > 0 && error.kind() == ErrorKind::Closed => {
                    self.alone = true;
                    self.lose(at);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Has as much asked for as may be.
    async fn ask_ahead(&mut self, key: Key) -> Result<()> {
        self.bury();
        if self.joining.is_some() {
            self.welcome(key);
        }
        let has_first = self.lanes.first().is_some_and(|lane| lane.window.waiting() > 0);
        if self.plan.is_asked() && !self.lanes.is_empty() {
            return Ok(());
        }
        // In boxes: what is seldom run does not make every fetch a large future.
        if !has_first {
            Box::pin(self.begin_asking(key)).await?;
        }
        while let Some(lane) = self.freest() {
            if !Box::pin(self.ask_on(lane)).await? {
                break;
            }
        }
        Ok(())
    }

    /// Asks for the first portion, dialing if need be, and begins to open the further connections.
    async fn begin_asking(&mut self, key: Key) -> Result<()> {
        let (session, _) = self.opened(None).await?;
        if session.selected()?.validity != key.validity {
            return Err(rebuilt(PHASE));
        }
        self.ask_on(0).await?;
        self.begin_joining(key);
        Ok(())
    }

    /// Asks for a portion on this connection, the first if it is idle; false if there is nothing to ask for.
    async fn ask_on(&mut self, at: usize) -> Result<bool> {
        let (validity, limits) = (self.plan.validity, self.limits());
        let Some(lane) = self.lanes.get_mut(at) else { return Ok(false) };
        // All at once at first: of several commands a server may do the last one first.
        let is_first = lane.window.is_idle() && self.config.connections == 1;
        let portion = if is_first { limits } else { limits.portion() };
        if !lane.is_of(validity) {
            if at == 0 {
                return Err(rebuilt(PHASE));
            }
            self.lose(at);
            return Ok(true);
        }
        let Some(portion) = self.plan.portion(portion, self.config.max_size) else { return Ok(false) };
        if at > 0 && lane.window.waiting() == 0 {
            lane.resume();
        }
        let asked = lane.ask_for(portion).await;
        match asked {
            Err(error) if at > 0 && error.kind() == ErrorKind::Closed => {
                self.alone = true;
                self.lose(at);
                Ok(true)
            }
            asked => asked.map(|()| true),
        }
    }

    /// The connection with the least to do that may be given more.
    fn freest(&self) -> Option<usize> {
        if self.plan.is_asked() {
            return None;
        }
        let free = self.lanes.iter().enumerate().filter(|(_, lane)| self.may_ask(lane));
        free.min_by_key(|(_, lane)| lane.window.waiting()).map(|(at, _)| at)
    }

    /// So that with what it asks for no more is due than the window holds, long messages aside.
    fn may_ask(&self, lane: &Session) -> bool {
        let (limits, window) = (self.limits(), &lane.window);
        if !self.config.pipelining && !window.is_idle() {
            return false;
        }
        let (portion, (messages, bytes)) = (limits.portion(), window.ahead());
        // What a server that waits for us has to send is on its way: the next is asked for when a quarter is left.
        let portions = if self.is_behind { 3 } else { 1 };
        window.has_room()
            && messages + (portions * portion.messages).min(limits.messages) <= limits.messages
            && bytes.saturating_add(lane.framer.body_left()).saturating_add(portions as u64 * portion.bytes)
                <= limits.bytes
    }

    /// The message that has begun on this connection. Dropped half-way, what is left of it is passed over.
    pub(crate) fn body(&mut self, lane: usize, size: u64) -> Body<'_> {
        let seen = self.host.now();
        let reading = Reading { keeper: self, lane, seen };
        let body = Body::generate(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|chunk| (chunk, reading)))
        });
        body.with_size(size)
    }

    /// Forgets a connection, and that anything was asked for on it.
    pub(crate) fn lose(&mut self, at: usize) {
        if at < self.lanes.len() {
            drop(self.lanes.remove(at));
        }
        self.recount();
    }

    /// Forgets the connections that are of no use any more.
    pub(crate) fn bury(&mut self) {
        if self.lanes.iter().any(Session::is_over) {
            self.lanes.retain(|lane| !lane.is_over());
            self.recount();
        }
    }

    fn recount(&mut self) {
        let lanes = &self.lanes;
        self.plan.asked_only(|uid| lanes.iter().any(|lane| lane.window.holds(uid)));
    }

    /// Pieces have their reason, and without peek what nobody came to read would be marked as seen.
    fn has_windows(&self) -> bool {
        self.config.fetch_size.is_none() && self.config.peek && self.misfits < MAX_MISFITS
    }

    fn limits(&self) -> Limits {
        let shared = if self.config.connections > 1 { 2 * self.config.connections } else { 1 };
        let all = Limits { messages: self.config.window, bytes: self.config.window_bytes, shared };
        if self.run < self.config.window { all.after(self.run) } else { all }
    }
}

struct Reading<'a> {
    keeper: &'a mut Keeper,
    lane: usize,
    seen: Duration,
}

impl Reading<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        // Before the last of a long message has come the next ones are asked for.
        let keeper = &mut *self.keeper;
        if !keeper.plan.is_asked() && keeper.lanes.get(self.lane).is_some_and(|lane| keeper.may_ask(lane)) {
            let portion = keeper.limits().portion();
            if let (Some(lane), Some(portion)) =
                (keeper.lanes.get_mut(self.lane), keeper.plan.portion(portion, keeper.config.max_size))
            {
                Box::pin(lane.ask_for(portion)).await?;
            }
        }
        let Some(lane) = keeper.lanes.get_mut(self.lane) else { return Err(gone()) };
        let now = lane.channel.host().now();
        if now.saturating_sub(self.seen) > PAUSE {
            lane.channel.expect_body();
        }
        let more = lane.more();
        let chunk = match &mut keeper.joining {
            None => more.await?,
            Some(joining) => Box::pin(joining.beside(more)).await?,
        };
        self.seen = now;
        Ok(chunk)
    }
}
