//! A look through a mailbox, page by page.

use super::Inbox;
use super::deal::Dealer;
use super::round::Round;
use super::status::Shared;
use postrider_core::{Error, ErrorKind, MessageId, MessageInfo, Query, Settle};
use postrider_store::ledger::{Lease, LedgerError, State};
use std::collections::BTreeMap;
use std::time::Duration;

/// Messages listed at a time.
const PAGE: usize = 500;
/// After so long the whole mailbox is looked through again, whatever was seen before.
const WHOLE: Duration = Duration::from_secs(3600);
/// How often the ledger forgets what is gone.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// What is known by its content alone is remembered for as long at least: a look has seen it today or yesterday.
const LEAST_DAYS: u32 = 2;
/// A mailbox of more is not compared with the ledger to forget what is gone.
const MOST_HELD: usize = 1_000_000;

/// What a look has found out for the next.
#[derive(Default)]
pub(super) struct Progress {
    /// Messages to be handed over again, when it is time.
    pub(super) again: BTreeMap<MessageId, Again>,
    /// The next look has to be a whole one.
    pub(super) full: bool,
    /// So many looks in a row have asked for another whole one.
    pub(super) in_vain: u32,
    /// The last settlement of each kind was of messages that were not there.
    pub(super) not_found: Vec<Settle>,
    last: Option<MessageId>,
    whole_at: Option<Duration>,
    forgot_at: Option<Duration>,
}

/// A message that is handed over again later.
#[derive(Default)]
pub(super) struct Again {
    pub(super) info: Option<MessageInfo>,
    pub(super) due: Duration,
    pub(super) times: u32,
    /// What of the watch is degraded because of it, and why.
    pub(super) trouble: Option<(&'static str, String)>,
}

/// Why a look has ended early.
pub(super) enum Failure {
    Mail(Error),
    Ledger(LedgerError),
}

/// All it takes to look through a mailbox.
pub(super) struct Look<'a> {
    pub(super) dealer: &'a Dealer,
    pub(super) lease: &'a Lease,
    pub(super) shared: &'a Shared,
}

impl Look<'_> {
    /// Looks through the mailbox, or what of it is new, page by page.
    pub(super) async fn run(
        &self,
        progress: &mut Progress,
        mut inbox: Inbox,
    ) -> (Option<Inbox>, std::result::Result<(), Failure>) {
        let now = self.dealer.host.now();
        let is_whole = progress.full
            || progress.last.is_none()
            || progress.whole_at.is_none_or(|at| now.saturating_sub(at) >= WHOLE);
        let forgets = is_whole && progress.forgot_at.is_none_or(|at| now.saturating_sub(at) >= FORGET);
        let (mut held, mut days) = (Vec::new(), self.dealer.config.remember);
        let mut query = Query::all().limit(PAGE);
        if let (false, Some(last)) = (is_whole, &progress.last) {
            query = query.after(last.clone());
        }
        progress.full = false;
        loop {
            let listing = match inbox.list(&query).await {
                Ok(listing) => listing,
                Err(error) if error.kind() == ErrorKind::NotFound && query.after.is_some() => {
                    // It is gone, or the mailbox was rebuilt and all keys are new. What is to be handed over again keeps
                    // its time: where its key is gone too the next fetch finds out.
                    query.after = None;
                    held.clear();
                    continue;
                }
                Err(error) => return (None, Err(Failure::Mail(error))),
            };
            let mut round = Round::new(self.dealer, self.lease, self.shared, progress, inbox);
            if let Err(error) = self.sort(&mut round, &listing.messages).await {
                return (None, Err(Failure::Ledger(error)));
            }
            let (back, outcome) = round.run().await;
            if let Some(last) = listing.messages.last() {
                progress.last = last.stable.then(|| last.id.clone());
            }
            inbox = match (back, outcome) {
                (Some(back), Ok(())) => back,
                (back, outcome) => return (back, outcome),
            };
            if forgets && held.len() < MOST_HELD {
                if listing.messages.iter().any(|info| !info.stable) {
                    days = days.max(LEAST_DAYS);
                }
                held.extend(listing.messages.iter().filter(|info| info.stable).map(|info| info.id.clone()));
            }
            match listing.messages.last() {
                Some(last) if listing.more && !self.shared.is_stopped() => {
                    query = query.after(last.id.clone())
                }
                _ => break,
            }
        }
        progress.in_vain = if progress.full { progress.in_vain.saturating_add(1) } else { 0 };
        progress.tell(self.shared);
        if is_whole && !self.shared.is_stopped() {
            progress.whole_at = Some(now);
        }
        if forgets && held.len() < MOST_HELD && !self.shared.is_stopped() {
            progress.forgot_at = Some(now);
            if let Err(error) = self.dealer.ledger.forget(self.lease, &held, days).await {
                return (Some(inbox), Err(Failure::Ledger(error)));
            }
        }
        (Some(inbox), Ok(()))
    }

    /// Sorts messages by what the ledger knows of them: those to be fetched, those to be settled, and the rest. With
    /// them come those whose time has come again.
    async fn sort(
        &self,
        round: &mut Round<'_>,
        listed: &[MessageInfo],
    ) -> std::result::Result<(), LedgerError> {
        let due = round.due(listed, self.dealer.host.now());
        let ids: Vec<MessageId> = due.iter().filter(|info| info.stable).map(|info| info.id.clone()).collect();
        let mut entries = self.dealer.ledger.entries(self.lease, &ids).await?.into_iter();
        for info in due {
            let entry = if info.stable { entries.next().flatten() } else { None };
            match entry.as_ref().map(|entry| entry.state) {
                None | Some(State::Begun) => round.fetch(info, entry),
                // What is to go is looked at first: a server that gives a key twice must not lose a message by it.
                Some(state) if round.goes(state) => round.fetch(info, entry),
                Some(state) => round.known(&info, state),
            }
        }
        Ok(())
    }
}

impl Progress {
    /// Says what is degraded because of messages that wait, or that nothing is any more.
    fn tell(&self, shared: &Shared) {
        for name in ["fetch", "quarantine"] {
            let troubles = self.again.values().filter_map(|again| again.trouble.as_ref());
            let why = troubles.filter(|(of, _)| *of == name).map(|(_, why)| why.clone()).next_back();
            shared.degraded(name, why);
        }
    }

    /// For a new connection: keys that held for the last one are gone.
    pub(super) fn renew(&mut self) {
        self.full = true;
        self.again.retain(|_, again| again.info.as_ref().is_some_and(|info| info.stable));
    }
}
