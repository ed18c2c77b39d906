//! The contract of the transport.

use crate::session::Session;
use crate::{Capabilities, SmtpConfig};
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Result, async_trait,
};
use std::sync::Arc;

/// Message submission over SMTP. Connects when it is first needed and keeps the connection.
pub struct Smtp {
    config: SmtpConfig,
    host: Arc<dyn Host>,
    session: Option<Session>,
}

impl Smtp {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: SmtpConfig, host: Arc<dyn Host>) -> Self {
        Self { config, host, session: None }
    }

    /// Connects and signs in, if that has not happened yet, and tells what the server offers.
    ///
    /// # Errors
    /// Anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn connect(&mut self) -> Result<&Capabilities> {
        Ok(&self.session().await?.caps)
    }

    /// The session that is there and idle, or a new one.
    async fn session(&mut self) -> Result<&mut Session> {
        if self.session.as_mut().is_some_and(|s| s.channel.is_busy() || s.hung_up()) {
            self.session = None;
        }
        match &mut self.session {
            Some(_) => {}
            empty => *empty = Some(Session::open(&self.config, Arc::clone(&self.host)).await?),
        }
        self.session
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Plugin, Phase::Connect, "the session is gone"))
    }
}

#[async_trait]
impl OutgoingTransport for Smtp {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let config = self.config.clone();
        let mut body = Some(body);
        loop {
            let session = self.session().await?;
            let was_used = session.used;
            let outcome = session.submit(&config, envelope, &mut body).await;
            if self.session.as_mut().is_some_and(|s| s.channel.is_busy() || s.hung_up()) {
                self.session = None;
            }
            // A server may close a connection that was idle for too long. As long as the body has not been
            // touched nothing was sent, and a new connection may do better, once: it is not used then.
            match &outcome {
                Err(error) if was_used && body.is_some() && is_gone(error) => {}
                _ => return outcome,
            }
        }
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if let Some(session) = self.session.take()
            && !session.channel.is_busy()
        {
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
