//! The driver of further connections: each is opened while messages come in over those that are there, for to wait for it
//! would cost more than it gives.

use crate::ImapConfig;
use crate::key::Key;
use crate::session::Session;
use crate::session_keeper::Keeper;
use postrider_core::{Host, Phase, Result};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// A further connection that is being opened. It belongs to no call: dropping one costs nothing here.
pub(crate) enum Joining {
    /// On its way. It goes on whenever a message is waited for.
    Coming(Pin<Box<dyn Future<Output = Result<Option<Session>>> + Send>>),
    /// It is there, or can't be had.
    Here(Option<Box<Session>>),
}

impl Joining {
    /// Goes on with it while something else is waited for.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.go_on(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        if let Self::Coming(coming) = self
            && let Poll::Ready(joined) = coming.as_mut().poll(cx)
        {
            // None of them is needed: what fails is left.
            *self = Self::Here(joined.ok().flatten().map(Box::new));
        }
    }
}

impl Keeper {
    /// Begins to open a further connection, if there is enough to do for it: one after the other, so that a server that
    /// has had enough of us is asked once.
    pub(crate) fn begin_joining(&mut self, key: Key) {
        let is_full = self.lanes.len() >= self.config.connections;
        if self.joining.is_some() || is_full || self.alone || self.plan.is_asked() {
            return;
        }
        let joined =
            joined(Arc::clone(&self.config), Arc::clone(&self.host), self.mailbox(Phase::Fetch), key);
        self.joining = Some(Joining::Coming(Box::pin(joined)));
    }

    /// Takes in the connection that has been opened, and begins to open the next.
    pub(crate) fn welcome(&mut self, key: Key) {
        match self.joining.take() {
            Some(Joining::Here(Some(session))) if self.lanes.len() < self.config.connections => {
                self.lanes.push(*session);
                self.begin_joining(key);
            }
            Some(Joining::Here(None)) => self.alone = true,
            // Something else has taken its place.
            Some(Joining::Here(Some(_))) => {}
            joining => self.joining = joining,
        }
    }
}

/// A further connection with the same mailbox open, if it is the same.
async fn joined(
    config: Arc<ImapConfig>,
    host: Arc<dyn Host>,
    name: Result<String>,
    key: Key,
) -> Result<Option<Session>> {
    let mut session = Session::open(&config, host).await?;
    session.resume();
    // What it has stays news: should it become the first one, nobody has listed it over that one's shoulder.
    let fits = session.select(&config, &name?, None).await?.validity == key.validity;
    Ok(fits.then_some(session))
}
