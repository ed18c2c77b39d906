//! One session after another: dials anew when one is lost, and opens the mailbox again.

use crate::ImapConfig;
use crate::codec::UidSet;
use crate::config::mailbox_name;
use crate::key::Key;
use crate::listing::Wanted;
use crate::plan::Plan;
use crate::session::{LAST_WORDS, Session};
use crate::session_join::Joining;
use crate::session_message::Opened;
use crate::sizes::Sizes;
use postrider_core::{
    Body, Error, ErrorKind, Host, Listing, MessageId, MessageInfo, Phase, Query, Result, Settle, Wake, within,
};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Longest page of a listing, whatever was asked for: there is `more` then.
const MAX_PAGE: usize = 10_000;

/// What outlives a session.
pub(crate) struct Keeper {
    pub(crate) config: Arc<ImapConfig>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) account: String,
    // The first is for everything, the others for windows alone.
    pub(crate) lanes: Vec<Session>,
    // One more of the others, on its way.
    pub(crate) joining: Option<Joining>,
    pub(crate) plan: Plan,
    pub(crate) sizes: Sizes,
    // Windows that did not fit.
    pub(crate) misfits: u32,
    // Messages of windows that were taken since something else was wanted while others were due.
    pub(crate) run: usize,
    // Messages came before their turn lately: servers wait for us, and not we for them.
    pub(crate) is_behind: bool,
    // No further connection could be had for this plan.
    pub(crate) alone: bool,
    // How every key of this mailbox begins.
    pub(crate) prefix: Option<String>,
    // What the last listing could have seen: UIDVALIDITY and the UID after its last message.
    listed: Option<(u32, u32)>,
}

impl Keeper {
    pub(crate) fn new(config: ImapConfig, host: Arc<dyn Host>) -> Self {
        let account = config.account();
        let mailbox = mailbox_name(&config.folder, Phase::Configure).ok();
        let prefix = mailbox.map(|mailbox| Key::prefix(&account, &mailbox));
        Self {
            config: Arc::new(config),
            host,
            account,
            lanes: Vec::new(),
            joining: None,
            plan: Plan::default(),
            sizes: Sizes::default(),
            misfits: 0,
            run: 0,
            is_behind: false,
            alone: false,
            prefix,
            listed: None,
        }
    }

    /// A session that is there and in step with the server, or a new one.
    pub(crate) async fn session(&mut self) -> Result<&mut Session> {
        let config = Arc::clone(&self.config);
        let session = self.plain_session().await?;
        session.introduce(&config).await?;
        Ok(session)
    }

    /// The same, which may still have to introduce itself. What was asked for ahead is taken in first.
    pub(crate) async fn plain_session(&mut self) -> Result<&mut Session> {
        self.bury();
        while let Some(first) = self.lanes.first_mut() {
            if !first.window.is_idle() {
                self.run = 0;
            }
            if first.rest(&self.config).await {
                break;
            }
            self.lose(0);
        }
        if self.lanes.is_empty() {
            // Nobody polls it while this one is dialed, and it may hold what the host gives to one after the other.
            self.joining.take_if(|joining| matches!(joining, Joining::Coming(_)));
            self.lanes.push(Session::open(&self.config, Arc::clone(&self.host)).await?);
        }
        let session = self.lanes.first_mut().ok_or_else(no_session)?;
        session.resume();
        Ok(session)
    }

    /// A session with the mailbox open; true if it was open already. A page that is wanted goes along.
    pub(crate) async fn opened(&mut self, wanted: Option<Wanted>) -> Result<(&mut Session, bool)> {
        let name = self.mailbox(Phase::Select)?;
        let (config, listed) = (Arc::clone(&self.config), self.listed);
        let session = self.plain_session().await?;
        let was_open = session.state.selected.is_some();
        let selected = session.select(&config, &name, wanted).await?;
        if !was_open && let (Some((validity, next)), Some(now)) = (listed, selected.uid_next) {
            selected.news = validity != selected.validity || now > next;
        }
        Ok((session, was_open))
    }

    /// After a failure: whether the call may be made again, because it met only a dead connection.
    pub(crate) fn again(&mut self, error: Error) -> Result<()> {
        if self.lanes.first().is_some_and(|s| s.was_dead(&error)) {
            self.lose(0);
            return Ok(());
        }
        Err(error)
    }

    /// What the server of the last session offers.
    pub(crate) fn capabilities(&self) -> Option<&crate::Capabilities> {
        self.lanes.first().map(|s| &s.state.caps)
    }

    /// Ends the sessions in good order, all at once.
    pub(crate) async fn logout(&mut self) {
        if let Some(Joining::Here(Some(session))) = self.joining.take() {
            self.lanes.push(*session);
        }
        let mut goodbyes: Vec<_> = std::mem::take(&mut self.lanes)
            .into_iter()
            .filter(|session| !session.is_over())
            .map(|session| Box::pin(leave(&self.config, self.host.as_ref(), session)))
            .collect();
        poll_fn(|cx| {
            goodbyes.retain_mut(|goodbye| goodbye.as_mut().poll(cx).is_pending());
            if goodbyes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The name of the mailbox as it stands in keys.
    pub(crate) fn mailbox(&self, phase: Phase) -> Result<String> {
        mailbox_name(&self.config.folder, phase)
    }

    /// Reads a key of this mailbox.
    pub(crate) fn key(&self, id: &MessageId) -> Result<Key> {
        // Nearly all keys are of the plan's UIDVALIDITY.
        if let Some(uid) = Key::uid(id, &self.plan.prefix) {
            return Ok(Key { validity: self.plan.validity, uid });
        }
        if let Some(key) = self.prefix.as_deref().and_then(|prefix| Key::with_prefix(id, prefix)) {
            return Ok(key);
        }
        Key::read(id, &self.account, &self.mailbox(Phase::Configure)?)
    }

    /// A page of the listing.
    pub(crate) async fn page(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map(|id| self.key(id)).transpose()?;
        let last = after.map_or(0, |key| key.uid);
        let wanted = Wanted { after: last, unseen: query.unseen, limit: query.limit.clamp(1, MAX_PAGE) };
        let (session, was_open) = self.opened(Some(wanted)).await?;
        if was_open {
            session.renew(wanted).await?;
        }
        let selected = session.selected()?.clone();
        if after.is_some_and(|key| key.validity != selected.validity) {
            return Err(rebuilt(Phase::List));
        }
        if let Some(selected) = &mut session.state.selected {
            selected.news = false;
        }
        let page = session.page(wanted).await;
        if let (Err(_), Some(now)) = (&page, &mut session.state.selected) {
            // What it would have shown is news still.
            now.news |= selected.news;
        }
        let page = page?;
        let last = page.entries.last_key_value().map_or(last, |(uid, _)| *uid);
        let next = selected.uid_next.unwrap_or(0).max(last.saturating_add(1));
        self.listed = Some((selected.validity, next));
        let sizes = page.entries.iter().map(|(uid, entry)| (*uid, entry.size));
        self.sizes.learn(selected.validity, sizes);
        let prefix = Key::prefix(&self.account, &selected.name);
        let messages = page.entries.into_iter().map(|(uid, entry)| {
            let mut info = MessageInfo::new(Key { validity: selected.validity, uid }.id(&prefix));
            (info.size, info.flags) = (entry.size, entry.flags.unwrap_or_default());
            info.stable = selected.sticky;
            info
        });
        Ok(Listing::new(messages.collect(), page.more))
    }

    /// A message asked for by itself; once more if all that was wrong is a connection that had ended before.
    pub(crate) async fn open_again(&mut self, key: Key) -> Result<Body<'_>> {
        let opened = match self.open(key).await {
            Err(error) => {
                self.again(error)?;
                self.open(key).await?
            }
            Ok(opened) => opened,
        };
        let session = self.lanes.first_mut().ok_or_else(no_session)?;
        Ok(session.body(&self.config, opened))
    }

    /// Has the server begin to send a message.
    async fn open(&mut self, key: Key) -> Result<Opened> {
        let config = Arc::clone(&self.config);
        let (session, was_open) = self.opened(None).await?;
        if session.selected()?.validity != key.validity {
            return Err(rebuilt(Phase::Fetch));
        }
        match session.open_message(&config, key.uid).await {
            // It may have come after the server last told us what is new, and the key by another way.
            Err(error) if was_open && error.kind() == ErrorKind::NotFound && !session.is_over() => {
                session.noop(Phase::Fetch).await?;
                session.open_message(&config, key.uid).await
            }
            opened => opened,
        }
    }

    /// Settles messages, those of a mailbox that is no more left alone.
    pub(crate) async fn settle_all(&mut self, keys: &[Key], how: &Settle) -> Result<()> {
        let config = Arc::clone(&self.config);
        let (session, _) = self.opened(None).await?;
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

    /// Waits for news until the clock says `end`.
    pub(crate) async fn wait_until(&mut self, end: Duration) -> Result<Wake> {
        let config = Arc::clone(&self.config);
        let (session, _) = self.opened(None).await?;
        if config.idle
            && session.state.caps.has("IDLE")
            && let Some(wake) = session.idle(end).await?
        {
            return Ok(wake);
        }
        session.poll(end, config.poll_interval).await
    }
}

async fn leave(config: &ImapConfig, host: &dyn Host, mut session: Session) {
    // What is due is not waited for longer than the goodbye itself would be.
    let rest = async { Ok(session.rest(config).await) };
    if matches!(within(host, LAST_WORDS, Phase::Close, rest).await, Ok(true)) {
        session.logout().await;
    }
}

pub(crate) fn rebuilt(phase: Phase) -> Error {
    let what = "the mailbox was rebuilt since the key was made (its UIDVALIDITY is another one)";
    Error::new(ErrorKind::NotFound, phase, what).with_advice("list again from the start: all keys are new")
}

fn no_session() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Connect, "there is no session where there should be one")
}
