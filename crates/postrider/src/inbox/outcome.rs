//! What comes of the calls and the messages of a round.

use super::backoff;
use super::deal::Dealt;
use super::event::Event;
use super::look::Failure;
use super::round::{Round, settling};
use postrider_core::{Error, ErrorKind, MessageId, MessageInfo, Result, Settle};
use postrider_store::ledger::{LedgerError, State};
use std::time::Duration;

/// The longest time between two attempts at one message.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

impl Round<'_> {
    pub(super) fn not_fetched(&mut self, info: MessageInfo, error: Error) {
        if error.kind() == ErrorKind::NotFound {
            // Somebody else was faster, or the mailbox was rebuilt: a new listing tells.
            self.progress.again.remove(&info.id);
            self.progress.full = true;
            return;
        }
        let why = format!("{} can't be fetched: {error}", info.id);
        self.dealer.tell(&Event::Trouble(&why));
        // So that it does not keep the others from coming, whatever is wrong with it.
        if error.kind() == ErrorKind::Limit {
            self.shared.degraded("fetch", Some(why.clone()));
            self.later(info, None, Some(("fetch", why)));
        } else {
            self.later(info, None, None);
            self.fail(Failure::Mail(error));
        }
    }

    /// All of them are written down: they are settled at the next look, and not handed over again.
    pub(super) fn not_settled(&mut self, how: Settle, error: Error) {
        self.progress.full = true;
        let why = format!("handled messages can't be settled: {error}");
        self.dealer.tell(&Event::Trouble(&why));
        match error.kind() {
            // The mailbox was rebuilt, or the session is another. If it is so again, it is something else.
            ErrorKind::NotFound if !self.progress.not_found.contains(&how) => {
                self.progress.not_found.push(how);
            }
            ErrorKind::Unsupported | ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::InvalidInput => {
                self.progress.full = false;
                self.shared.degraded(settling(&how), Some(why));
            }
            _ => self.fail(Failure::Mail(error)),
        }
    }

    pub(super) fn dealt(&mut self, info: MessageInfo, dealt: Result<Dealt, LedgerError>) {
        let dealt = match dealt {
            Ok(dealt) => dealt,
            Err(error) => {
                self.dealer.tell(&Event::Trouble(&error.to_string()));
                return self.fail(Failure::Ledger(error));
            }
        };
        match dealt {
            Dealt::Over(state) => {
                self.progress.again.remove(&info.id);
                self.shared.count(|counts| match state {
                    State::Refused => counts.refused += 1,
                    State::Quarantined => counts.quarantined += 1,
                    _ => counts.handled += 1,
                });
                self.settle(info.id, self.dealer.settling(state));
            }
            Dealt::Known(state) => {
                self.progress.again.remove(&info.id);
                self.shared.count(|counts| counts.known += 1);
                self.settle(info.id, self.dealer.settling(state));
            }
            Dealt::Again(failures) => {
                self.shared
                    .count(|counts| if failures == 0 { counts.later += 1 } else { counts.failed += 1 });
                self.later(info, failures.checked_sub(1), None);
            }
            Dealt::Stuck(error) => {
                self.dealer.tell(&Event::Trouble(&error.to_string()));
                self.shared.degraded("quarantine", Some(error.to_string()));
                self.later(info, None, Some(("quarantine", error.to_string())));
            }
        }
    }

    fn later(&mut self, info: MessageInfo, failures: Option<u32>, trouble: Option<(&'static str, String)>) {
        let now = self.dealer.host.now();
        let again = self.progress.again.entry(info.id.clone()).or_default();
        let times = failures.unwrap_or(again.times);
        again.times = again.times.saturating_add(1);
        again.due = now.saturating_add(backoff::doubled(self.dealer.config.retry, times, LONGEST_RETRY));
        (again.info, again.trouble) = (Some(info), trouble);
    }

    pub(super) fn settle(&mut self, id: MessageId, how: Settle) {
        if how == Settle::Keep {
            return;
        }
        match self.settling.iter_mut().find(|(other, _)| *other == how) {
            Some((_, ids)) => ids.push(id),
            None => self.settling.push((how, vec![id])),
        }
    }

    /// The first failure counts. What is in the handler is waited for all the same.
    pub(super) fn fail(&mut self, failure: Failure) {
        if matches!(failure, Failure::Mail(_)) {
            // Dropped, not closed: it failed.
            self.inbox = None;
        }
        self.failure.get_or_insert(failure);
    }
}
