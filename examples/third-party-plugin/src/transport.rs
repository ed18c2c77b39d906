//! The contract.

use crate::LmtpConfig;
use crate::session::Session;
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Result, async_trait,
};
use std::sync::Arc;

// docs: transport
/// Delivery over LMTP. Connects when it is first needed and keeps the connection.
///
/// All state is here, none in a future: a call that was dropped half-way leaves a busy connection behind, which the next
/// call replaces.
pub struct Lmtp {
    config: LmtpConfig,
    host: Arc<dyn Host>,
    session: Option<Session>,
}

impl Lmtp {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: LmtpConfig, host: Arc<dyn Host>) -> Self {
        Self { config, host, session: None }
    }

    /// The session that is there and idle, or a new one.
    async fn session(&mut self) -> Result<&mut Session> {
        if self.session.as_ref().is_none_or(Session::is_over) {
            self.session = None;
            self.session = Some(Session::open(&self.config, Arc::clone(&self.host)).await?);
        }
        self.session
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Plugin, Phase::Connect, "the session is gone"))
    }
}

#[async_trait]
impl OutgoingTransport for Lmtp {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let reused = self.session.as_ref().is_some_and(|session| !session.is_over());
        let mut session = self.session().await?;
        let begun = session.sender(envelope).await;
        match begun {
            // A server closes a connection that was idle for too long, with or without a word. The message has not been
            // touched, so a new one may do better: once, for then it is not reused.
            Err(error) if reused && matches!(error.kind(), ErrorKind::Closed | ErrorKind::Protocol) => {
                session = self.session().await?;
                session.sender(envelope).await?;
            }
            begun => begun?,
        }
        session.deliver(envelope, body).await
    }

    async fn connect(&mut self) -> Result<()> {
        self.session().await.map(drop)
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if let Some(session) = self.session.take().filter(|session| !session.is_over()) {
            session.quit().await;
        }
        Ok(())
    }
}
// docs: end
