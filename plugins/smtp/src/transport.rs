//! The contract of the transport.

use crate::session::Session;
use crate::{Capabilities, SmtpConfig};
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Repeat, Result, async_trait,
};
use std::sync::Arc;

/// Message submission over SMTP. Connects when it is first needed and keeps the connection.
///
/// All state is here and in the connection, none in a future: a call that was dropped half-way leaves a
/// busy connection behind, which the next call replaces.
pub struct Smtp {
    config: Arc<SmtpConfig>,
    host: Arc<dyn Host>,
    session: Option<Session>,
}

impl Smtp {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: SmtpConfig, host: Arc<dyn Host>) -> Self {
        Self { config: Arc::new(config), host, session: None }
    }

    /// Connects and signs in, unless that has been done, and tells what the server offers: a check of the
    /// settings that sends nothing.
    ///
    /// # Errors
    /// Whatever a connection can fail by: `Resolve`, `Connect`, `Tls`, `Timeout`, `Closed`, `Rejected`,
    /// `Deferred`, `Authentication`, `Protocol`, `Limit`.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn connect(&mut self) -> Result<&Capabilities> {
        Ok(&self.session().await?.caps)
    }

    /// What the server offers (inside TLS, where there is TLS); `None` while there is no connection.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.session.as_ref().map(|s| &s.caps)
    }

    /// The session that is there and idle, or a new one.
    async fn session(&mut self) -> Result<&mut Session> {
        self.drop_if_over();
        let slot = &mut self.session;
        if slot.is_none() {
            *slot = Some(Session::open(&self.config, Arc::clone(&self.host)).await?);
        }
        slot.as_mut().ok_or_else(|| Error::new(ErrorKind::Plugin, Phase::Connect, "the session is gone"))
    }

    fn drop_if_over(&mut self) {
        if self.session.as_ref().is_some_and(Session::is_over) {
            self.session = None;
        }
    }

    /// True if there is a session from an earlier call, which the server may have closed since.
    async fn is_reused(&mut self) -> bool {
        self.drop_if_over();
        let Some(session) = self.session.as_mut() else { return false };
        // An end or a goodbye that is here already need not be found out by failing.
        if session.has_closed().await || session.channel.input().starts_with(b"421") {
            self.session = None;
        }
        self.session.is_some()
    }
}

#[async_trait]
impl OutgoingTransport for Smtp {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let config = Arc::clone(&self.config);
        let mut body = Some(body);
        let mut reused = self.is_reused().await;
        loop {
            let session = self.session().await?;
            let outcome = session.submit(&config, envelope, &mut body).await;
            let untouched = !session.answered && body.is_some();
            self.drop_if_over();
            match outcome {
                // A server closes a connection that was idle for too long. It answered nothing, so nothing
                // was done, and a new connection may do better: once, for then it is not reused.
                Err(error) if reused && untouched && is_gone(&error) => reused = false,
                // It said something nobody asked for: that connection is dropped, and nothing was sent.
                Err(error) if reused && untouched && error.kind() == ErrorKind::Protocol => {
                    return Err(error.with_repeat(Repeat::Safe));
                }
                outcome => return outcome,
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        // The inherent one; its capabilities are not for everybody.
        Smtp::connect(self).await.map(drop)
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        self.drop_if_over();
        if let Some(session) = self.session.take() {
            session.quit(&self.config).await;
        }
        Ok(())
    }
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::Closed || error.reply().is_some_and(|r| r.number() == Some(421))
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("config", &self.config).finish_non_exhaustive()
    }
}
