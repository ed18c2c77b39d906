//! One session after another: dials anew when one is lost, and carries deletions over to the next.

use crate::Pop3Config;
use crate::engine::deletions::Deletions;
use crate::engine::maildrop::{Maildrop, Trust};
use crate::engine::news::Known;
use crate::engine::pipelining::Pipelining;
use crate::engine::window::{LITTLE, Window};
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Host, Phase, Repeat, Result};
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

/// What outlives a session.
pub(crate) struct Keeper {
    pub(crate) config: Pop3Config,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) deletions: Deletions,
    /// What is in flight on the session, and what will be fetched next.
    pub(crate) window: Window,
    pub(crate) session: Option<Session>,
    pub(crate) pipelining: Pipelining,
    // What the host has seen; `None` before the first listing.
    known: Option<Known>,
    hasher: RandomState,
    /// No news will be asked for.
    pub(crate) closing: bool,
    // When the last session was begun, and what pause the server wants after it.
    opened: Option<Duration>,
    login_delay: Duration,
    // What the server said when it refused a deletion that was asked for again.
    refusal: Option<Error>,
}

impl Keeper {
    pub(crate) fn new(config: Pop3Config, host: Arc<dyn Host>) -> Self {
        Self {
            window: Window::new(config.window, config.window_bytes),
            pipelining: Pipelining::default(),
            config,
            host,
            deletions: Deletions::default(),
            session: None,
            known: None,
            closing: false,
            hasher: RandomState::new(),
            opened: None,
            login_delay: Duration::ZERO,
            refusal: None,
        }
    }

    /// A session that is signed in and in step with the server.
    pub(crate) async fn connected(&mut self) -> Result<&mut Session> {
        self.calm(None).await;
        self.dialed(false).await
    }

    /// Makes sure of a session whose maildrop has been read and in which lost deletions were asked for again.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        self.calm(None).await;
        self.ready_now().await
    }

    /// As [`ready`](Self::ready), after [`calm`](Self::calm).
    pub(crate) async fn ready_now(&mut self) -> Result<()> {
        self.dialed(true).await?;
        let Some(session) = &mut self.session else { return Err(no_session()) };
        if session.maildrop.is_some() {
            return Ok(());
        }
        session.read_maildrop(&self.config).await?;
        if session.lock_step {
            self.pipelining.broken();
        }
        self.login_delay = session.login_delay();
        self.delete_again().await
    }

    /// The session there is, or a new one; `reads_on` if its maildrop is read next.
    async fn dialed(&mut self, reads_on: bool) -> Result<&mut Session> {
        if self.session.is_none() {
            self.opened = Some(self.host.now());
            let session = Session::open(&self.config, &self.host, &mut self.pipelining, reads_on).await?;
            self.login_delay = session.login_delay();
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(no_session)
    }

    /// Makes the session fit for the next call: what is in flight before the message `next`, or at all, is read and
    /// thrown away if it is little, or the session is given up. So is one that has died while it was idle.
    pub(crate) async fn calm(&mut self, next: Option<&str>) {
        let Some(session) = &mut self.session else { return };
        session.next_call();
        let on_track = next.is_some_and(|name| self.window.first().is_some_and(|asked| asked.name == name));
        if !on_track && (next.is_none() || !self.window.is_idle()) {
            self.window.interrupted();
        }
        let fit = if session.astray {
            false
        } else if self.window.is_idle() {
            session.is_alive().await
        } else {
            next.is_some_and(|name| self.window.is_next(name))
                || self.window.due_before(next) <= LITTLE && session.drain(&mut self.window, next).await
        };
        if !fit {
            self.lose();
        }
        // What the calls before this one met is told.
        self.pipelining.take_doubted();
    }

    /// The session that [`ready`](Self::ready) made sure of, with what is needed beside it.
    pub(crate) fn parts(&mut self) -> Result<(&mut Session, &Pop3Config, &mut Deletions)> {
        let session = self.session.as_mut().ok_or_else(no_session)?;
        Ok((session, &self.config, &mut self.deletions))
    }

    /// The maildrop that [`ready`](Self::ready) made sure of.
    pub(crate) fn maildrop(&self) -> Result<&Maildrop> {
        self.session.as_ref().and_then(|s| s.maildrop.as_ref()).ok_or_else(no_session)
    }

    /// The session that [`ready`](Self::ready) made sure of, with what it reads messages by.
    pub(crate) fn reading(&mut self) -> Result<(&mut Session, &mut Window, &Pop3Config)> {
        let session = self.session.as_mut().ok_or_else(no_session)?;
        Ok((session, &mut self.window, &self.config))
    }

    /// Where the message of this name is in the maildrop.
    pub(crate) async fn place(&mut self, name: &str) -> Result<Option<usize>> {
        let (session, config, _) = self.parts()?;
        if Maildrop::is_content_name(name) {
            session.name_messages(config, |drop| drop.find(name).is_some()).await?;
        }
        Ok(session.place(usize::MAX, name))
    }

    /// After a failure: whether the call may be made again, because it met only a dead connection, or a server that
    /// may not hear several commands at a time as it says.
    ///
    /// # Errors
    /// The same error if not.
    pub(crate) fn again(&mut self, error: Error) -> Result<()> {
        let dead = self.session.as_ref().is_some_and(|s| s.was_dead(&error));
        if dead || self.session.as_ref().is_some_and(|s| s.suspect.is_some()) {
            self.lose();
        }
        // Not where the connection must not be given up for it.
        let unexplained =
            |s: &Session| s.unexplained && s.maildrop.as_ref().is_some_and(Maildrop::is_lasting);
        let alone = self.session.as_ref().is_some_and(unexplained) && self.pipelining.asks_alone();
        if self.pipelining.take_doubted() || dead || alone { Ok(()) } else { Err(error) }
    }

    /// When the maildrop may be looked at next.
    pub(crate) fn due(&self) -> Duration {
        let pause = self.config.poll_interval.max(self.login_delay);
        self.opened.map_or(Duration::ZERO, |opened| opened.saturating_add(pause))
    }

    /// Opens a session and looks for messages the host has not seen. With news the session stays open for the
    /// listing to come; without, it is ended.
    pub(crate) async fn look(&mut self) -> Result<bool> {
        self.ready().await?;
        let drop = self.maildrop()?;
        let news = match &self.known {
            Some(known) => known.misses_some_of(drop, &self.hasher),
            None => drop.entries().iter().any(|e| !e.deleted),
        };
        if !news {
            self.quit().await?;
        }
        Ok(news)
    }

    /// Ends the session in good order, if there is one; this commits its deletions.
    ///
    /// # Errors
    /// If it had any and they may not have been committed. Stable ones are asked for again in the next session.
    pub(crate) async fn quit(&mut self) -> Result<()> {
        self.calm(None).await;
        if self.session.is_none() {
            return Ok(());
        }
        if self.config.rset_before_quit
            && let Err(error) = self.reset().await
        {
            if self.deletions.open() > 0 {
                return Err(error);
            }
            // Nothing hangs on this session; it must not be taken for a new one.
            self.lose();
            return Ok(());
        }
        let issued = self.deletions.issued();
        let Some(session) = &mut self.session else { return Ok(()) };
        let result = session.quit(issued).await;
        let answers = session.behind;
        if result.is_ok() {
            self.deletions.committed();
            self.pipelining.proved(answers);
        }
        self.lose();
        result.or_else(|error| if issued > 0 { Err(error) } else { Ok(()) })
    }

    /// The error of deletions that are not known to be committed.
    pub(crate) fn uncommitted(&mut self, count: usize, cause: Option<Error>) -> Error {
        let cause = cause.or_else(|| self.refusal.take());
        let kind = cause.as_ref().map_or(ErrorKind::Closed, Error::kind);
        let why = cause.as_ref().map_or("their session was lost before its end", Error::message);
        let what = format!("{count} deletions may not have been committed: {why}");
        let mut error = Error::new(kind, Phase::Close, what)
            .with_advice("list again: what is still there can be settled again, and repeating that is safe");
        if kind != ErrorKind::Rejected {
            error = error.with_repeat(Repeat::Safe);
        }
        if let Some(reply) = cause.as_ref().and_then(Error::reply) {
            error = error.with_reply(reply.clone());
        }
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }

    /// The session is over, in whatever way.
    fn lose(&mut self) {
        self.window.lost();
        if let Some(session) = self.session.take() {
            if session.lock_step {
                self.pipelining.broken();
            }
            if let Some(kind) = session.suspect {
                self.pipelining.doubt(kind, session.behind);
            }
            if let Some(drop) = session.maildrop.as_ref().filter(|_| session.listed && !self.closing) {
                self.known = Some(Known::of(drop, &self.hasher));
            }
            self.deletions.session_lost();
        }
    }

    /// Asks again for the deletions that a lost session has not committed. A refusal is told by the commit.
    async fn delete_again(&mut self) -> Result<()> {
        let names = self.deletions.to_issue();
        let mut places = Vec::new();
        for name in &names {
            let drop = self.maildrop()?;
            match drop.find(name).map(|i| (i, drop.get(i).map(|e| e.trust))) {
                Some((place, Some(Trust::Stable))) => places.push(place),
                Some(_) => self.deletions.blurred(name),
                None if drop.is_shared(name) => self.deletions.blurred(name),
                None if drop.is_gone(name) => self.deletions.gone(name),
                None => {}
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        let (session, config, deletions) = self.parts()?;
        match session.delete(config, &places, deletions, Phase::Settle).await {
            Err(error) if session.channel.is_busy() => Err(error),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// RSET takes back what the server marked by itself; what was asked for is asked for again.
    async fn reset(&mut self) -> Result<()> {
        let (session, config, deletions) = self.parts()?;
        let entries = session.maildrop.iter().flat_map(|d| d.entries().iter().enumerate());
        let marked: Vec<(usize, bool)> =
            entries.filter(|(_, e)| e.deleted).map(|(i, e)| (i, e.trust == Trust::Stable)).collect();
        session.reset().await?;
        deletions.session_lost();
        let places: Vec<usize> = marked.iter().map(|(place, _)| *place).collect();
        session.delete(config, &places, deletions, Phase::Close).await?;
        deletions.regained(marked.iter().filter(|(_, stable)| !stable).count());
        Ok(())
    }
}

fn no_session() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Connect, "there is no session where there should be one")
}
