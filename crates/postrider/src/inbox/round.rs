//! One look through a mailbox: fetching ahead, handling and settling at the same time.

use super::Inbox;
use super::deal::{Dealer, Dealt, Whole};
use super::event::Event;
use super::look::{Failure, Progress};
use super::status::Shared;
use crate::Spool;
use futures_util::future::{Either, select};
use postrider_core::{MessageId, MessageInfo, Result, Settle};
use postrider_store::ledger::{Entry, Fingerprint, Lease, LedgerError, State};
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Messages settled at a time, if the handler is that fast.
const TOGETHER: usize = 64;
/// What a message counts for if nobody says how large it is.
const UNKNOWN_SIZE: u64 = 64 * 1024;

/// Messages on their way through: fetched ahead, in the handler, to be settled.
pub(super) struct Round<'a> {
    pub(super) dealer: &'a Dealer,
    lease: &'a Lease,
    pub(super) shared: &'a Shared,
    pub(super) progress: &'a mut Progress,
    /// At most half of what may be ahead is asked for at a time, so that there is something to handle meanwhile.
    pub(super) inbox: Option<Inbox>,
    waiting: VecDeque<(MessageInfo, Option<Entry>)>,
    /// How many of those that are waiting the transport was told of.
    promised: usize,
    ready: VecDeque<Whole>,
    ready_bytes: u64,
    pub(super) settling: Vec<(Settle, Vec<MessageId>)>,
    pub(super) failure: Option<Failure>,
}

type Calling = Pin<Box<dyn Future<Output = (Inbox, Called)> + Send>>;
type Dealing<'a> = Pin<Box<dyn Future<Output = (MessageInfo, Result<Dealt, LedgerError>)> + Send + 'a>>;

/// A call of the transport that has ended.
enum Called {
    Fetch(MessageInfo, Option<Entry>, Result<(Spool, Fingerprint)>),
    Settle(Settle, Vec<MessageId>, Result<()>),
}

impl<'a> Round<'a> {
    pub(super) fn new(
        dealer: &'a Dealer,
        lease: &'a Lease,
        shared: &'a Shared,
        progress: &'a mut Progress,
        inbox: Inbox,
    ) -> Self {
        Self {
            dealer,
            lease,
            shared,
            progress,
            inbox: Some(inbox),
            waiting: VecDeque::new(),
            promised: 0,
            ready: VecDeque::new(),
            ready_bytes: 0,
            settling: Vec::new(),
            failure: None,
        }
    }

    /// Of those that are listed the ones whose time has come, and such of earlier looks as well.
    pub(super) fn due(&self, listed: &[MessageInfo], now: Duration) -> Vec<MessageInfo> {
        let again = &self.progress.again;
        let is_due = |id: &MessageId| again.get(id).is_none_or(|again| again.due <= now);
        let mut due: Vec<MessageInfo> = listed.iter().filter(|info| is_due(&info.id)).cloned().collect();
        let earlier = again.values().filter(|again| again.due <= now).filter_map(|again| again.info.as_ref());
        let listed: BTreeSet<&MessageId> = listed.iter().map(|info| &info.id).collect();
        let earlier = earlier.filter(|info| !listed.contains(&info.id)).cloned();
        due.splice(0..0, earlier.collect::<Vec<_>>());
        due
    }

    /// A message to be handed over, with what is known of it.
    pub(super) fn fetch(&mut self, info: MessageInfo, entry: Option<Entry>) {
        self.waiting.push_back((info, entry));
    }

    /// True if a message of this state is deleted or moved.
    pub(super) fn goes(&self, state: State) -> bool {
        !matches!(self.dealer.settling(state), Settle::Keep | Settle::Seen)
    }

    /// A message that the ledger knows.
    pub(super) fn known(&mut self, info: &MessageInfo, state: State) {
        self.progress.again.remove(&info.id);
        let how = self.dealer.settling(state);
        let settled = match how {
            Settle::Keep => true,
            Settle::Seen => info.flags.seen,
            _ => false,
        };
        if !settled {
            self.dealer.tell(&Event::Known(&info.id));
            self.shared.count(|counts| counts.known += 1);
            self.settle(info.id.clone(), how);
        }
    }

    /// Takes all of them through. The inbox is gone if its connection failed.
    pub(super) async fn run(mut self) -> (Option<Inbox>, std::result::Result<(), Failure>) {
        let (mut calling, mut dealing): (Option<Calling>, Option<Dealing<'a>>) = (None, None);
        loop {
            if dealing.is_none() {
                dealing = self.next_dealing();
            }
            if calling.is_none() {
                calling = self.next_call(dealing.is_some());
            }
            match (calling.take(), dealing.take()) {
                (None, None) => break,
                (Some(call), None) => {
                    let (inbox, called) = call.await;
                    self.called(inbox, called);
                }
                (None, Some(deal)) => {
                    let (info, dealt) = deal.await;
                    self.dealt(info, dealt);
                }
                (Some(call), Some(deal)) => match select(call, deal).await {
                    Either::Left(((inbox, called), deal)) => {
                        dealing = Some(deal);
                        self.called(inbox, called);
                    }
                    Either::Right(((info, dealt), call)) => {
                        calling = Some(call);
                        self.dealt(info, dealt);
                    }
                },
            }
        }
        (self.inbox, self.failure.map_or(Ok(()), Err))
    }

    fn is_ending(&self) -> bool {
        self.failure.is_some() || self.shared.is_stopped()
    }

    fn next_dealing(&mut self) -> Option<Dealing<'a>> {
        if self.is_ending() {
            return None;
        }
        let whole = self.ready.pop_front()?;
        self.ready_bytes = self.ready_bytes.saturating_sub(whole.content.len());
        let (dealer, lease) = (self.dealer, self.lease);
        Some(Box::pin(async move {
            let info = whole.info.clone();
            (info, dealer.deal(lease, whole).await)
        }))
    }

    /// What the transport does next: a window that it was told of is fetched to its end; then what is handled is
    /// settled; then the next window is begun.
    fn next_call(&mut self, is_dealing: bool) -> Option<Calling> {
        self.inbox.as_ref()?;
        if self.promised > 0 && !self.is_ending() {
            return self.next_fetch();
        }
        let fetches = !self.is_ending() && !self.waiting.is_empty() && self.has_room();
        let pending: usize = self.settling.iter().map(|(_, ids)| ids.len()).sum();
        let idle = !fetches && (!is_dealing || self.waiting.is_empty() || !self.has_room());
        if pending >= TOGETHER || (pending > 0 && idle) {
            return self.next_settle();
        }
        if !fetches {
            return None;
        }
        self.promise();
        self.next_fetch()
    }

    fn has_room(&self) -> bool {
        let config = &self.dealer.config;
        self.ready.len() <= config.ahead / 2 && self.ready_bytes <= config.ahead_size / 2
    }

    fn promise(&mut self) {
        let config = &self.dealer.config;
        let mut bytes = 0u64;
        let mut ids = Vec::new();
        for (info, _) in self.waiting.iter().take((config.ahead / 2).max(1)) {
            bytes = bytes.saturating_add(info.size.unwrap_or(UNKNOWN_SIZE));
            if bytes > config.ahead_size / 2 && !ids.is_empty() {
                break;
            }
            ids.push(info.id.clone());
        }
        self.promised = ids.len();
        if let Some(inbox) = &mut self.inbox {
            inbox.prefetch(&ids);
        }
    }

    fn next_fetch(&mut self) -> Option<Calling> {
        let mut inbox = self.inbox.take()?;
        self.promised = self.promised.saturating_sub(1);
        let Some((info, entry)) = self.waiting.pop_front() else {
            self.inbox = Some(inbox);
            return None;
        };
        Some(Box::pin(async move {
            let received = inbox.receive_marked(&info.id).await;
            (inbox, Called::Fetch(info, entry, received))
        }))
    }

    fn next_settle(&mut self) -> Option<Calling> {
        let (how, ids) = self.settling.pop()?;
        let mut inbox = self.inbox.take()?;
        Some(Box::pin(async move {
            let settled = inbox.settle(&ids, &how).await;
            (inbox, Called::Settle(how, ids, settled))
        }))
    }

    fn called(&mut self, inbox: Inbox, called: Called) {
        self.inbox = Some(inbox);
        match called {
            Called::Fetch(info, entry, Ok((content, fingerprint))) => {
                self.dealer.tell(&Event::Fetched(&info.id));
                self.ready_bytes = self.ready_bytes.saturating_add(content.len());
                self.ready.push_back(Whole { info, content, fingerprint, entry });
            }
            Called::Fetch(info, _, Err(error)) => self.not_fetched(info, error),
            Called::Settle(how, ids, Ok(())) => {
                self.dealer.tell(&Event::Settled(&ids, &how));
                self.shared.count(|counts| counts.settled += ids.len() as u64);
                self.progress.not_found.retain(|other| *other != how);
                self.shared.degraded(settling(&how), None);
            }
            Called::Settle(how, _, Err(error)) => self.not_settled(how, error),
        }
    }
}

/// What is degraded when this fails: that one way works says nothing of another.
pub(super) fn settling(how: &Settle) -> &'static str {
    match how {
        Settle::Move(_) => "move",
        _ => "settle",
    }
}
