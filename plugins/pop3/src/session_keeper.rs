//! One session after another: dials anew when one is lost, and carries deletions over to the next.

use crate::Pop3Config;
use crate::engine::deletions::Deletions;
use crate::engine::maildrop::{Maildrop, Trust};
use crate::engine::news::Known;
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
    session: Option<Session>,
    // What the host has seen; `None` before the first listing.
    known: Option<Known>,
    hasher: RandomState,
    // When the last session was begun, and what pause the server wants after it.
    opened: Option<Duration>,
    login_delay: Duration,
    // What the server said when it refused a deletion that was asked for again.
    refusal: Option<Error>,
}

impl Keeper {
    pub(crate) fn new(config: Pop3Config, host: Arc<dyn Host>) -> Self {
        Self {
            config,
            host,
            deletions: Deletions::default(),
            session: None,
            known: None,
            hasher: RandomState::new(),
            opened: None,
            login_delay: Duration::ZERO,
            refusal: None,
        }
    }

    /// A session that is signed in and in step with the server.
    pub(crate) async fn connected(&mut self) -> Result<&mut Session> {
        if let Some(session) = &mut self.session
            && !session.resume().await
        {
            self.lose();
        }
        if self.session.is_none() {
            self.opened = Some(self.host.now());
            let session = Session::open(&self.config, &self.host).await?;
            self.login_delay =
                session.capabilities.as_ref().and_then(|c| c.login_delay()).unwrap_or_default();
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(no_session)
    }

    /// Makes sure of a session whose maildrop has been read and in which lost deletions were asked for again.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        self.connected().await?;
        let Some(session) = &mut self.session else { return Err(no_session()) };
        if session.maildrop.is_some() {
            return Ok(());
        }
        session.read_maildrop(&self.config).await?;
        self.delete_again().await
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

    /// Where the message of this name is in the maildrop.
    pub(crate) async fn place(&mut self, name: &str) -> Result<Option<usize>> {
        let (session, config, _) = self.parts()?;
        if Maildrop::is_content_name(name) {
            session.name_messages(config, |drop| drop.find(name).is_some()).await?;
        }
        let shown = session.listed;
        let drop = self.maildrop()?;
        // A name that holds for one session means nothing before that session has given it out.
        let meant = |i: &usize| shown || drop.get(*i).is_some_and(|e| e.trust != Trust::Session);
        Ok(drop.find(name).filter(meant))
    }

    /// After a failure: whether the call may be made again, because it met only a dead connection.
    ///
    /// # Errors
    /// The same error if not.
    pub(crate) fn again(&mut self, error: Error) -> Result<()> {
        if self.session.as_ref().is_some_and(|s| s.was_dead(&error)) {
            self.lose();
            return Ok(());
        }
        Err(error)
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
        if let Some(session) = &mut self.session
            && !session.resume().await
        {
            self.lose();
        }
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
        if result.is_ok() {
            self.deletions.committed();
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
        if let Some(session) = self.session.take() {
            if let Some(drop) = session.maildrop.as_ref().filter(|_| session.listed) {
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
