//! The contract of the transport.

use crate::session::Session;
use crate::{LettreConfig, told};
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Repeat, Result, async_trait,
};
use std::sync::Arc;

/// Message submission by lettre's client. Connects when it is first needed and keeps the connection.
///
/// A call takes the session out and puts it back when it is good for another: a call that was dropped half-way
/// leaves none behind, and the next one dials.
pub struct Lettre {
    config: LettreConfig,
    host: Arc<dyn Host>,
    session: Option<Session>,
}

impl Lettre {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: LettreConfig, host: Arc<dyn Host>) -> Self {
        Self { config, host, session: None }
    }

    async fn submit(&mut self, mut session: Session, envelope: &Envelope, message: &[u8]) -> Result<Receipt> {
        let outcome = session.submit(envelope, message).await;
        let is_good = match &outcome {
            Ok(_) => true,
            Err(error) => is_refusal(error) && session.reset().await,
        };
        self.session = is_good.then_some(session);
        outcome
    }
}

#[async_trait]
impl OutgoingTransport for Lettre {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let message = told::lines(&whole(body, self.config.max_size).await?);
        if let Some(session) = self.session.take() {
            match self.submit(session, envelope, &message).await {
                // A server closes a connection that was idle for too long: a new one may do better.
                Err(error) if error.phase() == Phase::Sender && is_gone(&error) => {}
                outcome => return outcome,
            }
        }
        let session = Session::open(&self.config, &self.host).await?;
        self.submit(session, envelope, &message).await
    }

    async fn connect(&mut self) -> Result<()> {
        if self.session.is_none() {
            self.session = Some(Session::open(&self.config, &self.host).await?);
        }
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.quit().await;
        }
        Ok(())
    }
}

async fn whole(mut body: Body<'_>, limit: u64) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
        if (message.len() as u64).saturating_add(chunk.len() as u64) > limit {
            let what = format!("the message is longer than the {limit} bytes that are kept in memory");
            return Err(Error::new(ErrorKind::Limit, Phase::Sender, what)
                .with_advice("raise maxsize, or use the transport smtp, which streams"));
        }
        message.extend_from_slice(&chunk);
    }
    Ok(message)
}

/// The error of a body that failed: its own kind is of wherever it came from.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat).with_source(error)
}

/// A no that leaves the dialogue in step. 421 is a goodbye (RFC 5321 §3.8).
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Deferred)
        && error.reply().is_some_and(|reply| reply.number() != Some(421))
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::Closed || error.reply().is_some_and(|reply| reply.number() == Some(421))
}

impl std::fmt::Debug for Lettre {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lettre").field("config", &self.config).finish_non_exhaustive()
    }
}
