//! The contract of the transport.

use crate::codec::flag_list;
use crate::config::mailbox_name;
use crate::key::Key;
use crate::session_ahead::Ahead;
use crate::session_keeper::Keeper;
use crate::{Capabilities, ImapConfig, Mailbox, Namespaces};
use postrider_core::{
    Body, Error, ErrorKind, Flags, Host, IncomingTransport, Listing, MessageId, Phase, Query, Result, Settle,
    Wake, async_trait,
};
use std::sync::Arc;
use std::time::Duration;

/// One mailbox over IMAP. Connects when it is first needed and keeps the connection.
///
/// Message keys are `imap:<user@host>/<mailbox>/<uidvalidity>/<uid>`. If the server rebuilds the mailbox, its
/// UIDVALIDITY changes and the old keys are `NotFound` from then on: list again from the start.
///
/// All state is here and in the connection, none in a future: a call, or a body, that was dropped half-way
/// leaves a busy connection behind, which the next call replaces. A connection that the server closed while
/// it was idle is replaced once, without an error.
pub struct Imap {
    keeper: Keeper,
}

impl Imap {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: ImapConfig, host: Arc<dyn Host>) -> Self {
        Self { keeper: Keeper::new(config, host) }
    }

    /// Connects and signs in, unless that has been done, and tells what the server offers: a check of the
    /// settings that opens no mailbox.
    ///
    /// # Errors
    /// Whatever a connection can fail by: `Resolve`, `Connect`, `Tls`, `Timeout`, `Closed`, `Rejected`,
    /// `Deferred`, `Authentication`, `Unsupported`, `Protocol`, `Limit`.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn connect(&mut self) -> Result<&Capabilities> {
        // What is said once before a mailbox is opened goes along with that.
        Ok(&self.keeper.plain_session().await?.state.caps)
    }

    /// What the server offers (inside TLS and to this user); `None` while there is no connection.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.keeper.capabilities()
    }

    /// The mailboxes of the account, in the server's order; at most 100,000.
    ///
    /// # Errors
    /// `Limit` if there are more; anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        match self.keeper.session().await?.mailboxes().await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.session().await?.mailboxes().await
            }
            found => found,
        }
    }

    /// Where the mailboxes of the account are (RFC 2342).
    ///
    /// # Errors
    /// `Unsupported` if the server does not say; anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn namespaces(&mut self) -> Result<Namespaces> {
        match self.keeper.session().await?.namespaces().await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.session().await?.namespaces().await
            }
            found => found,
        }
    }

    /// Creates a mailbox, by its name in plain text; one that is there already will do, where the server says
    /// that this is why it refuses (ALREADYEXISTS, RFC 5530).
    ///
    /// # Errors
    /// `InvalidInput` for a name that can't be; `Rejected` with the server's words; anything a connection can
    /// fail by.
    ///
    /// # Cancellation
    /// Costs the connection; asking again is safe.
    pub async fn create(&mut self, mailbox: &str) -> Result<()> {
        let mailbox = mailbox_name(mailbox, Phase::Append)?;
        match self.keeper.session().await?.create(&mailbox).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.session().await?.create(&mailbox).await
            }
            done => done,
        }
    }

    /// Stores a message in a mailbox (APPEND, RFC 9051 §6.3.12), streamed; gives its key where the server has
    /// UIDPLUS. The body must know its [size](Body::size), and its lines must end in CRLF.
    ///
    /// # Errors
    /// `InvalidInput` for a body of unknown size, a mailbox name or keyword that can't be; `NotFound` if there is
    /// no such mailbox; `Limit` if the message is too large; `Body` if the body fails or is not of its size:
    /// nothing is stored then; `Unsure` if the connection was lost when all of it had been sent.
    ///
    /// # Cancellation
    /// Costs the connection; the message is stored or not, never in part.
    pub async fn append(
        &mut self,
        mailbox: &str,
        flags: &Flags,
        mut body: Body<'_>,
    ) -> Result<Option<MessageId>> {
        let (mailbox, flags) = (mailbox_name(mailbox, Phase::Append)?, flag_list(flags)?);
        let Some(size) = body.size() else {
            let what = "IMAP has to be told the size of a message before it is stored";
            return Err(Error::new(ErrorKind::InvalidInput, Phase::Append, what)
                .with_advice("use a body in memory, or Body::with_size"));
        };
        let mut touched = false;
        let stored =
            self.keeper.session().await?.append(&mailbox, &flags, size, &mut body, &mut touched).await;
        let stored = match stored {
            Err(error) if !touched => {
                self.keeper.again(error)?;
                self.keeper.session().await?.append(&mailbox, &flags, size, &mut body, &mut touched).await?
            }
            stored => stored?,
        };
        Ok(stored
            .map(|(validity, uid)| Key { validity, uid }.id(&Key::prefix(&self.keeper.account, &mailbox))))
    }
}

#[async_trait]
impl IncomingTransport for Imap {
    /// At most 10,000 messages at a time. Memory is bounded by the page, whatever the mailbox holds.
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        match self.keeper.page(query).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.page(query).await
            }
            page => page,
        }
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let key = self.keeper.key(id)?;
        match self.keeper.open_ahead(key).await {
            Ok(Some(Ahead::Whole(whole))) => return Ok(Body::from_bytes(whole)),
            Ok(Some(Ahead::Begun { lane, size })) => return Ok(self.keeper.body(lane, size)),
            Ok(None) => {}
            Err(error) => self.keeper.again(error)?,
        }
        // In a box: what is seldom run does not make every fetch a large future.
        Box::pin(self.keeper.open_again(key)).await
    }

    /// The messages are asked for in windows (`window`, `windowsize`), over several connections if
    /// `connectionpoolsize` says so, and each is given as it comes in. One that is gone is `NotFound`, and the others go
    /// on; after a lost connection the next fetch asks for the rest anew. Other calls may come in between: what is due
    /// is kept if there is room (`windowsize`), and otherwise costs the connection.
    fn prefetch(&mut self, ids: &[MessageId]) {
        self.keeper.prefetch(ids);
    }

    /// `Delete` removes at once, by UID EXPUNGE. On a server without UIDPLUS messages that others have marked
    /// `\Deleted` would go along: if there are any, ours are marked only and the error is `Unsupported`, unless
    /// `expungeothers` allows it. `Move` on a server without MOVE copies and deletes in the same way.
    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let keys: Vec<Key> = ids.iter().map(|id| self.keeper.key(id)).collect::<Result<_>>()?;
        let folder = self.keeper.mailbox(Phase::Settle)?;
        match how {
            Settle::Keep => return Ok(()),
            Settle::Move(mailbox) if mailbox_name(mailbox, Phase::Settle)? == folder => return Ok(()),
            _ if keys.is_empty() => return Ok(()),
            _ if self.keeper.config.read_only => {
                let what = "the mailbox is opened for reading only";
                return Err(Error::new(ErrorKind::Unsupported, Phase::Settle, what)
                    .with_advice("unset the property readonly"));
            }
            _ => {}
        }
        match self.keeper.settle_all(&keys, how).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.settle_all(&keys, how).await
            }
            done => done,
        }
    }

    /// By IDLE, renewed every 9 minutes; without it by NOOP every `pollinterval`.
    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let end = self.keeper.host.now().saturating_add(limit);
        match self.keeper.wait_until(end).await {
            Err(error) => {
                self.keeper.again(error)?;
                self.keeper.wait_until(end).await
            }
            wake => wake,
        }
    }

    async fn connect(&mut self) -> Result<()> {
        // The inherent one.
        Imap::connect(self).await.map(drop)
    }

    /// LOGOUT. Nothing is expunged by it.
    async fn close(mut self: Box<Self>) -> Result<()> {
        self.keeper.logout().await;
        Ok(())
    }
}

impl std::fmt::Debug for Imap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imap").field("config", &self.keeper.config).finish_non_exhaustive()
    }
}
