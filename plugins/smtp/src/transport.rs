//! The contract of the transport.

use crate::habits::Habits;
use crate::intake::{Intake, One};
use crate::session::Session;
use crate::{Capabilities, SmtpConfig};
use postrider_core::{
    Batch, Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Repeat, Result,
    async_trait,
};
use std::future::poll_fn;
use std::sync::Arc;

/// Message submission over SMTP. Connects when it is first needed and keeps the connection.
///
/// All state is here and in the connection, none in a future: a call that was dropped half-way leaves a
/// busy connection behind, which the next call replaces.
pub struct Smtp {
    config: Arc<SmtpConfig>,
    host: Arc<dyn Host>,
    session: Option<Session>,
    habits: Habits,
}

impl Smtp {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: SmtpConfig, host: Arc<dyn Host>) -> Self {
        Self { config: Arc::new(config), host, session: None, habits: Habits::default() }
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

    /// Sends a batch, over as many connections as it takes.
    async fn send_batch(&mut self, batch: &mut dyn Batch<'_>) {
        let config = Arc::clone(&self.config);
        let mut intake = Intake::new(batch);
        // No connection is made, or kept waiting, for a batch that has nothing.
        while let Some(letter) = poll_fn(|cx| intake.poll(cx)).await {
            self.drop_if_over();
            let reused = self.session.is_some();
            if let Err(error) = self.session().await {
                intake.report(letter.index, Err(error));
                continue;
            }
            intake.again(letter);
            let habits = &mut self.habits;
            if let Some(session) = &mut self.session {
                session.send_from(&config, &mut intake, habits, reused).await;
            }
            self.drop_if_over();
        }
    }
}

#[async_trait]
impl OutgoingTransport for Smtp {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut one = One::new(envelope.clone(), body);
        self.send_batch(&mut one).await;
        let untold = || Error::new(ErrorKind::Plugin, Phase::EndOfData, "the message was lost sight of");
        one.outcome.unwrap_or_else(|| Err(untold().with_repeat(Repeat::MayDuplicate)))
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        self.send_batch(batch).await;
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

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("config", &self.config).finish_non_exhaustive()
    }
}
