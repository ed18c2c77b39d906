//! The contract of the transport.

use crate::codec::{UidSet, flag_list};
use crate::config::mailbox_name;
use crate::session::Session;
use crate::session_message::Opened;
use crate::{Capabilities, ImapConfig, Mailbox, Namespaces};
use postrider_core::{
    Body, Error, ErrorKind, Flags, Host, IncomingTransport, Listing, MessageId, MessageInfo, Phase, Query,
    Result, Settle, Wake, async_trait,
};
use std::sync::Arc;
use std::time::Duration;

/// Longest page of a listing, whatever was asked for: there is `more` then.
const MAX_PAGE: usize = 10_000;

/// One mailbox over IMAP. Connects when it is first needed and keeps the connection.
///
/// Message keys are `imap:<user@host>/<mailbox>/<uidvalidity>/<uid>`. If the server rebuilds the mailbox, its
/// UIDVALIDITY changes and the old keys are `NotFound` from then on: list again from the start.
///
/// All state is here and in the connection, none in a future: a call, or a body, that was dropped half-way
/// leaves a busy connection behind, which the next call replaces. A connection that the server closed while
/// it was idle is replaced once, without an error.
pub struct Imap {
    config: Arc<ImapConfig>,
    host: Arc<dyn Host>,
    account: String,
    session: Option<Session>,
    // What the last listing could have seen: UIDVALIDITY and the UID after its last message.
    listed: Option<(u32, u32)>,
}

/// What a message key stands for.
#[derive(Clone, Copy)]
struct Key {
    validity: u32,
    uid: u32,
}

impl Imap {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: ImapConfig, host: Arc<dyn Host>) -> Self {
        let account = config.account();
        Self { config: Arc::new(config), host, account, session: None, listed: None }
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
        Ok(&self.session().await?.state.caps)
    }

    /// What the server offers (inside TLS and to this user); `None` while there is no connection.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.session.as_ref().map(|s| &s.state.caps)
    }

    /// The mailboxes of the account, in the server's order; at most 100,000.
    ///
    /// # Errors
    /// `Limit` if there are more; anything a connection can fail by.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        match self.session().await?.mailboxes().await {
            Err(error) => {
                self.again(error)?;
                self.session().await?.mailboxes().await
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
        match self.session().await?.namespaces().await {
            Err(error) => {
                self.again(error)?;
                self.session().await?.namespaces().await
            }
            found => found,
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
        let stored = self.session().await?.append(&mailbox, &flags, size, &mut body, &mut touched).await;
        let stored = match stored {
            Err(error) if !touched => {
                self.again(error)?;
                self.session().await?.append(&mailbox, &flags, size, &mut body, &mut touched).await?
            }
            stored => stored?,
        };
        Ok(stored.map(|(validity, uid)| self.id(&mailbox, validity, uid)))
    }

    /// The session that is there and idle, or a new one.
    async fn session(&mut self) -> Result<&mut Session> {
        match &mut self.session {
            Some(session) if !session.is_over() => session.resume(),
            slot => {
                *slot = None;
                *slot = Some(Session::open(&self.config, Arc::clone(&self.host)).await?);
            }
        }
        self.session.as_mut().ok_or_else(no_session)
    }

    /// A session with the mailbox open; true if it was open already.
    async fn opened(&mut self) -> Result<(&mut Session, bool)> {
        let name = mailbox_name(&self.config.folder, Phase::Select)?;
        let (config, listed) = (Arc::clone(&self.config), self.listed);
        let session = self.session().await?;
        let was_open = session.state.selected.is_some();
        let selected = session.select(&config, &name).await?;
        if !was_open && let (Some((validity, next)), Some(now)) = (listed, selected.uid_next) {
            selected.news = validity != selected.validity || now > next;
        }
        Ok((session, was_open))
    }

    /// After a failure: whether the call may be made again, because it met only a dead connection.
    fn again(&mut self, error: Error) -> Result<()> {
        if self.session.as_ref().is_some_and(|s| s.was_dead(&error)) {
            self.session = None;
            return Ok(());
        }
        Err(error)
    }

    async fn page(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map(|id| self.key(id)).transpose()?;
        let (session, was_open) = self.opened().await?;
        if was_open {
            session.noop(Phase::List).await?;
        }
        let selected = session.selected()?.clone();
        if after.is_some_and(|key| key.validity != selected.validity) {
            return Err(rebuilt(Phase::List));
        }
        if let Some(selected) = &mut session.state.selected {
            selected.news = false;
        }
        let after = after.map_or(0, |key| key.uid);
        let page = session.page(after, query.unseen, query.limit.clamp(1, MAX_PAGE)).await?;
        let last = page.entries.last_key_value().map_or(after, |(uid, _)| *uid);
        let next = selected.uid_next.unwrap_or(0).max(last.saturating_add(1));
        self.listed = Some((selected.validity, next));
        let messages = page.entries.into_iter().map(|(uid, entry)| {
            let mut info = MessageInfo::new(self.id(&selected.name, selected.validity, uid));
            (info.size, info.flags, info.stable) = (entry.size, entry.flags, selected.sticky);
            info
        });
        Ok(Listing::new(messages.collect(), page.more))
    }

    async fn open(&mut self, key: Key) -> Result<Opened> {
        let config = Arc::clone(&self.config);
        let (session, _) = self.opened().await?;
        if session.selected()?.validity != key.validity {
            return Err(rebuilt(Phase::Fetch));
        }
        session.open_message(&config, key.uid).await
    }

    async fn settle_all(&mut self, keys: &[Key], how: &Settle) -> Result<()> {
        let config = Arc::clone(&self.config);
        let (session, _) = self.opened().await?;
        let validity = session.selected()?.validity;
        let ours = keys.iter().filter(|k| k.validity == validity);
        let uids = UidSet::of(ours.map(|k| (k.uid, k.uid)).collect());
        match how {
            Settle::Seen => session.flag(&uids, "\\Seen").await?,
            Settle::Delete => session.delete(&config, &uids).await?,
            Settle::Move(mailbox) => {
                let mailbox = mailbox_name(mailbox, Phase::Settle)?;
                session.transfer(&config, &uids, &mailbox).await?;
            }
            _ => return Err(Error::new(ErrorKind::Unsupported, Phase::Settle, "IMAP does not know how")),
        }
        if keys.iter().any(|k| k.validity != validity) {
            return Err(rebuilt(Phase::Settle));
        }
        Ok(())
    }

    async fn wait_until(&mut self, end: Duration) -> Result<Wake> {
        let config = Arc::clone(&self.config);
        let (session, _) = self.opened().await?;
        if config.idle
            && session.state.caps.has("IDLE")
            && let Some(wake) = session.idle(end).await?
        {
            return Ok(wake);
        }
        session.poll(end, config.poll_interval).await
    }

    fn id(&self, mailbox: &str, validity: u32, uid: u32) -> MessageId {
        MessageId::new("imap", [self.account.as_str(), mailbox, &validity.to_string(), &uid.to_string()])
    }

    fn key(&self, id: &MessageId) -> Result<Key> {
        let [account, mailbox, validity, uid] = id.parts::<4>("imap")?;
        let folder = mailbox_name(&self.config.folder, Phase::Configure)?;
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0 && n.to_string() == text);
        let what = if account != self.account {
            format!("the key belongs to the account {}, not to {}", account.escape_debug(), self.account)
        } else if mailbox != folder {
            format!("the key belongs to the mailbox {}, not to {folder}", mailbox.escape_debug())
        } else if let (Some(validity), Some(uid)) = (number(&validity), number(&uid)) {
            return Ok(Key { validity, uid });
        } else {
            format!("\"{}\" is not a message key of this transport", id.as_str().escape_debug())
        };
        Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
            .with_advice("use the keys that list() of the same transport gave"))
    }
}

#[async_trait]
impl IncomingTransport for Imap {
    /// At most 10,000 messages at a time. Memory is bounded by the page, whatever the mailbox holds.
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        match self.page(query).await {
            Err(error) => {
                self.again(error)?;
                self.page(query).await
            }
            page => page,
        }
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let key = self.key(id)?;
        let opened = match self.open(key).await {
            Err(error) => {
                self.again(error)?;
                self.open(key).await?
            }
            Ok(opened) => opened,
        };
        let session = self.session.as_mut().ok_or_else(no_session)?;
        Ok(session.body(&self.config, opened))
    }

    /// `Delete` removes at once, by UID EXPUNGE. On a server without UIDPLUS messages that others have marked
    /// `\Deleted` would go along: if there are any, ours are marked only and the error is `Unsupported`, unless
    /// `expungeothers` allows it. `Move` on a server without MOVE copies and deletes in the same way.
    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let keys: Vec<Key> = ids.iter().map(|id| self.key(id)).collect::<Result<_>>()?;
        let folder = mailbox_name(&self.config.folder, Phase::Settle)?;
        match how {
            Settle::Keep => return Ok(()),
            Settle::Move(mailbox) if mailbox_name(mailbox, Phase::Settle)? == folder => return Ok(()),
            _ if keys.is_empty() => return Ok(()),
            _ if self.config.read_only => {
                let what = "the mailbox is opened for reading only";
                return Err(Error::new(ErrorKind::Unsupported, Phase::Settle, what)
                    .with_advice("unset the property readonly"));
            }
            _ => {}
        }
        match self.settle_all(&keys, how).await {
            Err(error) => {
                self.again(error)?;
                self.settle_all(&keys, how).await
            }
            done => done,
        }
    }

    /// By IDLE, renewed every 9 minutes; without it by NOOP every `pollinterval`.
    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let end = self.host.now().saturating_add(limit);
        match self.wait_until(end).await {
            Err(error) => {
                self.again(error)?;
                self.wait_until(end).await
            }
            wake => wake,
        }
    }

    /// LOGOUT. Nothing is expunged by it.
    async fn close(mut self: Box<Self>) -> Result<()> {
        if let Some(session) = self.session.take().filter(|s| !s.is_over()) {
            session.logout().await;
        }
        Ok(())
    }
}

fn rebuilt(phase: Phase) -> Error {
    let what = "the mailbox was rebuilt since the key was made (its UIDVALIDITY is another one)";
    Error::new(ErrorKind::NotFound, phase, what).with_advice("list again from the start: all keys are new")
}

fn no_session() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Connect, "there is no session where there should be one")
}

impl std::fmt::Debug for Imap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imap").field("config", &self.config).finish_non_exhaustive()
    }
}
