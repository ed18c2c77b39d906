//! The contract of the transport.

use crate::ImapConfig;
use crate::config::mailbox_name;
use postrider_core::{
    Body, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, Phase, Query, Result, Settle, Wake,
    async_trait,
};
use std::sync::Arc;
use std::time::Duration;

/// One mailbox over IMAP. Connects when it is first needed and keeps the connection.
pub struct Imap {
    config: Arc<ImapConfig>,
    host: Arc<dyn Host>,
}

impl Imap {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: ImapConfig, host: Arc<dyn Host>) -> Self {
        Self { config: Arc::new(config), host }
    }

    fn not_yet(&self, phase: Phase) -> Error {
        let name = mailbox_name(&self.config.folder, phase).unwrap_or_default();
        let what = format!("the driver of {name} for {} is on its way", self.config.account());
        Error::new(ErrorKind::Unsupported, phase, what)
    }
}

#[async_trait]
impl IncomingTransport for Imap {
    async fn list(&mut self, _query: &Query) -> Result<Listing> {
        Err(self.not_yet(Phase::List))
    }

    async fn fetch(&mut self, _id: &MessageId) -> Result<Body<'_>> {
        Err(self.not_yet(Phase::Fetch))
    }

    async fn settle(&mut self, _ids: &[MessageId], _how: &Settle) -> Result<()> {
        Err(self.not_yet(Phase::Settle))
    }

    async fn wait(&mut self, _limit: Duration) -> Result<Wake> {
        Err(self.not_yet(Phase::Wait))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Imap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = &self.host;
        f.debug_struct("Imap").field("config", &self.config).finish_non_exhaustive()
    }
}
