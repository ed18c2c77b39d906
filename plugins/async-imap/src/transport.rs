//! The contract of the transport.

use crate::session::Session;
use crate::{AsyncImapConfig, told};
use postrider_core::{
    Body, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, MessageInfo, Phase, Query, Result,
    Settle, Wake, async_trait,
};
use std::sync::Arc;
use std::time::Duration;

/// One mailbox by async-imap's client. Connects when it is first needed and keeps the connection.
///
/// A call takes the session out and puts it back when it is good for another: a call that was dropped half-way
/// leaves none behind, and the next one dials.
pub struct AsyncImap {
    config: AsyncImapConfig,
    host: Arc<dyn Host>,
    session: Option<Session>,
    /// There was a session before this one.
    has_listed: bool,
}

impl AsyncImap {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: AsyncImapConfig, host: Arc<dyn Host>) -> Self {
        Self { config, host, session: None, has_listed: false }
    }

    /// The session that is there, if it still lives, or a new one.
    async fn session(&mut self) -> Result<Session> {
        if let Some(mut session) = self.session.take()
            && session.run("NOOP", Phase::Wait).await.is_ok()
        {
            return Ok(session);
        }
        let mut session = Session::open(&self.config, &self.host).await?;
        // Whatever came between the two, nobody was told of.
        session.news = self.has_listed;
        Ok(session)
    }

    /// Puts the session back, unless the error says that the dialogue is out of step.
    fn keep<T>(&mut self, session: Session, outcome: Result<T>) -> Result<T> {
        let is_good = match &outcome {
            Ok(_) => true,
            Err(error) => match error.kind() {
                ErrorKind::Rejected | ErrorKind::Deferred => error.reply().is_some(),
                ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::InvalidInput => true,
                _ => false,
            },
        };
        self.session = is_good.then_some(session);
        outcome
    }

    /// UIDVALIDITY and UID of one of our keys.
    fn key(&self, id: &MessageId) -> Result<(u32, u32)> {
        told::key(id, &self.config.account(), &self.config.folder)
    }
}

#[async_trait]
impl IncomingTransport for AsyncImap {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map(|id| self.key(id)).transpose()?;
        let mut session = self.session().await?;
        let validity = session.validity;
        let outcome = match after {
            Some((of, _)) if of != validity => Err(rebuilt(Phase::List)),
            after => session.list(query, after.map_or(0, |(_, uid)| uid)).await,
        };
        let (page, more) = self.keep(session, outcome)?;
        self.has_listed = true;
        let account = self.config.account();
        let messages = page.into_iter().map(|message| {
            let mut info = MessageInfo::new(told::id(&account, &self.config.folder, validity, message.uid));
            (info.size, info.flags) = (message.size, message.flags);
            info
        });
        Ok(Listing::new(messages.collect(), more))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let (validity, uid) = self.key(id)?;
        let mut session = self.session().await?;
        let outcome = if validity == session.validity {
            session.fetch(uid, self.config.max_size, self.config.fetch_timeout).await
        } else {
            Err(rebuilt(Phase::Fetch))
        };
        self.keep(session, outcome).map(Body::from_bytes)
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let keys = ids.iter().map(|id| self.key(id)).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() || *how == Settle::Keep {
            return Ok(());
        }
        let mut session = self.session().await?;
        let outcome = if keys.iter().all(|(validity, _)| *validity == session.validity) {
            let mut uids: Vec<u32> = keys.iter().map(|(_, uid)| *uid).collect();
            uids.sort_unstable();
            uids.dedup();
            session.settle(&uids, how).await
        } else {
            Err(rebuilt(Phase::Settle))
        };
        self.keep(session, outcome)
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let until = self.host.now().saturating_add(limit);
        let mut session = self.session().await?;
        loop {
            if std::mem::take(&mut session.news) {
                return self.keep(session, Ok(Wake::News));
            }
            let left = until.saturating_sub(self.host.now());
            if left.is_zero() {
                return self.keep(session, Ok(Wake::Elapsed));
            }
            self.host.sleep(left.min(self.config.poll_interval)).await;
            session.run("NOOP", Phase::Wait).await?;
        }
    }

    async fn connect(&mut self) -> Result<()> {
        let session = self.session().await?;
        self.keep(session, Ok(()))
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.logout().await;
        }
        Ok(())
    }
}

fn rebuilt(phase: Phase) -> Error {
    let what = "the mailbox was rebuilt since the key was given (another UIDVALIDITY)";
    Error::new(ErrorKind::NotFound, phase, what).with_advice("list the mailbox again")
}

impl std::fmt::Debug for AsyncImap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncImap").field("config", &self.config).finish_non_exhaustive()
    }
}
