//! The transport: the contract of core on top of one session after another.

use crate::Pop3Config;
use crate::session_keeper::Keeper;
use postrider_core::{
    Body, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, Phase, Query, Result, Settle, Wake,
    async_trait,
};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maildrop of one account (RFC 1939). Connects when it is first needed.
///
/// Message keys are `pop3:<user@host>/<uidl>`. Where the server has no UIDL they are made from the headers
/// and the size (`top-…`), or hold for one session alone (`session-…`, also where a server repeats a UIDL); then,
/// and where a server breaks their form, [`MessageInfo::stable`](postrider_core::MessageInfo::stable) is false.
pub struct Pop3 {
    keeper: Keeper,
    account: String,
    // What its keys begin with.
    prefix: String,
}

/// What STAT tells (RFC 1939 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// How many messages there are, without those deleted in this session.
    pub messages: u64,
    /// Their size in bytes, as the server counts it.
    pub octets: u64,
}

/// Tries a call, and again if all it met was a connection that had died while it was idle, or a server that may not
/// hear several commands at a time as it says: that is doubted twice at most.
macro_rules! again {
    ($self:ident, $call:expr) => {{
        let mut tries = 1;
        loop {
            match $call.await {
                Err(error) if tries < 3 => $self.keeper.again(error)?,
                done => break done,
            }
            tries += 1;
        }
    }};
}

impl Pop3 {
    /// A transport that has not connected yet.
    pub fn new(config: Pop3Config, host: Arc<dyn Host>) -> Self {
        let account = config.account();
        let prefix = MessageId::new("pop3", [&account, ""]).to_string();
        Self { keeper: Keeper::new(config, host), account, prefix }
    }

    /// Connects and signs in, unless that has been done: a check of the settings that changes nothing.
    ///
    /// # Errors
    /// Whatever a connection can fail by: `Resolve`, `Connect`, `Tls`, `Timeout`, `Closed`, `Rejected`,
    /// `Deferred`, `Authentication`, `Protocol`, `Limit`.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn connect(&mut self) -> Result<()> {
        again!(self, self.try_to_connect())
    }

    async fn try_to_connect(&mut self) -> Result<()> {
        self.keeper.connected().await.map(drop)
    }

    /// Number and size of the messages, as the server counts them.
    ///
    /// # Errors
    /// Anything a connection can fail by; `Protocol` if the reply has no numbers.
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn stat(&mut self) -> Result<Stat> {
        again!(self, self.keeper.stat())
    }

    /// The headers of a message and the first `lines` lines of its body (TOP, RFC 1939 §7), streamed.
    ///
    /// # Errors
    /// As [`fetch`](IncomingTransport::fetch); `Unsupported` if the server has no TOP or it is switched off.
    ///
    /// # Cancellation
    /// As [`fetch`](IncomingTransport::fetch).
    pub async fn top(&mut self, id: &MessageId, lines: u32) -> Result<Body<'_>> {
        if self.keeper.config.disable_top {
            return Err(unsupported(Phase::Fetch, "TOP is switched off").with_advice("unset disabletop"));
        }
        self.read(id, Some(lines)).await
    }

    async fn read(&mut self, id: &MessageId, lines: Option<u32>) -> Result<Body<'_>> {
        let name = name_of(&self.account, &self.prefix, id)?;
        again!(self, self.keeper.open(&name, lines))?;
        let (session, window, config) = self.keeper.reading()?;
        Ok(session.body(window, config))
    }

    fn name(&self, id: &MessageId) -> Result<String> {
        name_of(&self.account, &self.prefix, id).map(Cow::into_owned)
    }

    async fn look(&mut self) -> Result<bool> {
        again!(self, self.keeper.look())
    }

    async fn ready(&mut self) -> Result<()> {
        again!(self, self.keeper.ready())
    }

    /// What a wait has to tell of a commit that failed: not that it will be tried again, but that the server
    /// refused it or that it can't be tried again.
    fn told(&mut self, ended: Result<()>) -> Result<()> {
        let lost = self.keeper.deletions.take_lost();
        match ended {
            _ if lost > 0 => Err(self.keeper.uncommitted(lost, ended.err())),
            Err(error) if error.phase() == Phase::Close && error.kind() == ErrorKind::Closed => Ok(()),
            Err(error) if error.phase() == Phase::Close => {
                Err(self.keeper.uncommitted(self.keeper.deletions.open(), Some(error)))
            }
            other => other,
        }
    }
}

#[async_trait]
impl IncomingTransport for Pop3 {
    /// Reads the maildrop once per session. A [`Query::after`] that is not there (any more) counts as none:
    /// messages may be listed again, but none is passed over.
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        if query.unseen {
            return Err(unsupported(Phase::List, "POP3 does not know which messages were seen"));
        }
        let after = query.after.as_ref().map(|id| self.name(id)).transpose()?;
        let limit = query.limit.max(1);
        again!(self, self.keeper.page(&self.account, after.as_deref(), limit))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let name = name_of(&self.account, &self.prefix, id)?;
        // Most are on their way already: for these the future is kept small.
        let failed = if self.keeper.is_next(&name) {
            match self.keeper.take_next().await {
                Ok(()) => None,
                Err(error) => Some(self.keeper.again(error)?),
            }
        } else {
            Some(())
        };
        if failed.is_some() {
            return Box::pin(self.read(id, None)).await;
        }
        let (session, window, config) = self.keeper.reading()?;
        Ok(session.body(window, config))
    }

    /// With PIPELINING, RETRs are written ahead of the fetches, at most `window` of them and as long as
    /// less than `windowsize` is to come. Whatever else is asked for meanwhile costs what is in flight: up to
    /// 256 KiB are read and thrown away, for more the connection is dropped and dialed anew. So settle and list
    /// between batches of fetches, not between fetches.
    fn prefetch(&mut self, ids: &[MessageId]) {
        let Self { keeper, account, prefix } = self;
        let names = ids.iter().map_while(|id| name_of(account, prefix, id).ok());
        keeper.window.want(names.map(Cow::into_owned));
    }

    /// `Delete` marks; [`close`](Self::close) or [`wait`](Self::wait) commits. A key that held for an earlier
    /// session only is `NotFound`: nobody knows any more which message it meant, and that may still be there.
    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        match how {
            Settle::Keep => return Ok(()),
            Settle::Delete => {}
            Settle::Seen => return Err(unsupported(Phase::Settle, "POP3 can't mark messages as seen")),
            _ => return Err(unsupported(Phase::Settle, "POP3 can only keep or delete messages")),
        }
        let names: Vec<String> = ids.iter().map(|id| self.name(id)).collect::<Result<_>>()?;
        if names.is_empty() {
            return Ok(());
        }
        again!(self, self.keeper.delete(&names))
    }

    /// A session sees a frozen maildrop: this ends it, which commits its deletions, and looks again in short
    /// sessions, `poll_interval` apart. A look that has begun is not cut short by the limit. Another client in
    /// the maildrop, or a server that wants more time between sessions, is no error here.
    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let host = Arc::clone(&self.keeper.host);
        let end = host.now().saturating_add(limit);
        let ended = self.keeper.quit().await;
        self.told(ended)?;
        loop {
            let (now, due) = (host.now(), self.keeper.due());
            if due > now {
                host.sleep(due.min(end).saturating_sub(now)).await;
            }
            if due > end {
                return Ok(Wake::Elapsed);
            }
            match self.look().await {
                Ok(true) => return Ok(Wake::News),
                Ok(false) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => self.told(Err(error))?,
            }
            if host.now() >= end {
                return Ok(Wake::Elapsed);
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        // The inherent one.
        Pop3::connect(self).await.map(drop)
    }

    /// Commits. Stable deletions whose session was lost are asked for again first, on a new connection.
    async fn close(mut self: Box<Self>) -> Result<()> {
        self.keeper.closing = true;
        let mut failed = self.keeper.quit().await.err();
        if self.keeper.deletions.any_kept() && failed.as_ref().is_none_or(|e| e.kind() == ErrorKind::Closed) {
            failed = match self.ready().await {
                Ok(()) => self.keeper.quit().await.err(),
                error => error.err(),
            };
        }
        match self.keeper.deletions.open() {
            0 => Ok(()),
            count => Err(self.keeper.uncommitted(count, failed)),
        }
    }
}

impl fmt::Debug for Pop3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pop3").field("account", &self.account).finish_non_exhaustive()
    }
}

/// The name of a message by its key: as it stands there, if nothing in it is encoded.
fn name_of<'a>(own: &str, prefix: &str, id: &'a MessageId) -> Result<Cow<'a, str>> {
    if let Some(name) = id.as_str().strip_prefix(prefix)
        && memchr::memchr2(b'/', b'%', name.as_bytes()).is_none()
    {
        return Ok(Cow::Borrowed(name));
    }
    let [account, name] = id.parts::<2>("pop3")?;
    if account != own {
        let what = format!("the key belongs to the account {}", account.escape_debug());
        return Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
            .with_advice(format!("this transport is for {own}")));
    }
    Ok(Cow::Owned(name))
}

/// Old servers say without a code that the maildrop is locked.
fn is_passing(error: &Error) -> bool {
    let code = error.reply().and_then(|r| r.code());
    error.kind() == ErrorKind::Deferred
        && error.phase() == Phase::Authenticate
        && matches!(code, None | Some("IN-USE" | "LOGIN-DELAY"))
}

fn unsupported(phase: Phase, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, phase, what)
}
