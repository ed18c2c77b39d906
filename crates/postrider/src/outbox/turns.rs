//! Whose turn it is, by the rates of domains and accounts.

use super::account::Accounts;
use super::rate::DomainTurns;
use super::{Attempt, DomainRates, LetterId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More tickets than this are looked through for old ones, and then not before there are twice as many.
const MANY: usize = 100_000;
/// A ticket that nobody came back with for so long is void: somebody dropped the message.
const VOID: Duration = Duration::from_secs(3600);

/// Who may go now, and who has a turn later. Whoever comes back when it is time has a ticket and need not take another
/// turn, so that of a thousand waiting messages each waits once.
pub(super) struct Turns(Mutex<Book>);

struct Book {
    domains: DomainTurns,
    for_domains: HashMap<(LetterId, String), Duration>,
    for_accounts: HashMap<LetterId, (usize, Duration)>,
    many: usize,
}

impl Turns {
    pub(super) fn new(rates: DomainRates) -> Self {
        let domains = DomainTurns::new(rates);
        let (for_domains, for_accounts) = (HashMap::new(), HashMap::new());
        Self(Mutex::new(Book { domains, for_domains, for_accounts, many: MANY }))
    }

    /// Divides a message's recipients into those who may go now, and those who wait, and how long. All recipients at
    /// one domain have one turn together.
    pub(super) fn domains(
        &self,
        attempt: Attempt,
        now: Duration,
    ) -> (Option<Attempt>, Option<(Attempt, Vec<Duration>)>) {
        let mut book = self.book();
        let mut waits: HashMap<String, Duration> = HashMap::new();
        let domains: Vec<String> =
            attempt.envelope.to.iter().map(|to| to.address.domain().to_lowercase()).collect();
        for domain in &domains {
            if waits.contains_key(domain) {
                continue;
            }
            let ticket = (attempt.letter, domain.clone());
            let wait = match book.for_domains.remove(&ticket) {
                Some(turn) => turn.saturating_sub(now),
                None => book.domains.take(domain, now),
            };
            if !wait.is_zero() {
                book.for_domains.insert(ticket, now.saturating_add(wait));
            }
            waits.insert(domain.clone(), wait);
        }
        book.tidy(now);
        let wait = |n: usize| domains.get(n).and_then(|d| waits.get(d)).copied().unwrap_or_default();
        let later: Vec<Duration> = (0..domains.len()).map(wait).filter(|w| !w.is_zero()).collect();
        let (go, stay) = attempt.split(|n| wait(n).is_zero());
        (go, stay.map(|stay| (stay, later)))
    }

    /// The accounts a message tries, in order, the first one's turn taken; or how long it waits.
    pub(super) fn account(
        &self,
        letter: LetterId,
        accounts: &Accounts,
        now: Duration,
    ) -> Result<Vec<usize>, Duration> {
        let mut line = accounts.line(now);
        if line.is_empty() {
            return Err(accounts.down(now).unwrap_or_default());
        }
        let mut book = self.book();
        if let Some((account, turn)) = book.for_accounts.remove(&letter) {
            // One that is down by now has no turns worth having.
            if let Some(at) = line.iter().position(|n| *n == account) {
                let early = turn.saturating_sub(now);
                let come = || accounts.all().get(account).map_or(Duration::ZERO, |a| a.come(now));
                let wait = if early.is_zero() { come() } else { early };
                if !wait.is_zero() {
                    book.for_accounts.insert(letter, (account, now.saturating_add(wait)));
                    return Err(wait);
                }
                line.swap(0, at);
                return Ok(line);
            }
        }
        let wait = |n: usize| accounts.all().get(n).map_or(Duration::ZERO, |a| a.wait(now));
        let soonest = (0..line.len()).min_by_key(|at| line.get(*at).map(|n| wait(*n)));
        line.swap(0, soonest.unwrap_or(0));
        let Some(account) = line.first().copied() else { return Err(Duration::ZERO) };
        let wait = accounts.all().get(account).map_or(Duration::ZERO, |a| a.take(now));
        if wait.is_zero() {
            return Ok(line);
        }
        book.for_accounts.insert(letter, (account, now.saturating_add(wait)));
        Err(wait)
    }

    /// A message that has its turn at its domains waits for an account: it has that turn when it comes back, and does
    /// not stand at the end of the line again.
    pub(super) fn keep_domains(&self, attempt: &Attempt, now: Duration) {
        let mut book = self.book();
        for to in &attempt.envelope.to {
            let domain = to.address.domain().to_lowercase();
            if book.domains.has_rate(&domain) {
                book.for_domains.insert((attempt.letter, domain), now);
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn tidy(&mut self, now: Duration) {
        if self.for_domains.len() + self.for_accounts.len() > self.many {
            self.for_domains.retain(|_, turn| turn.saturating_add(VOID) > now);
            self.for_accounts.retain(|_, (_, turn)| turn.saturating_add(VOID) > now);
            let left = self.for_domains.len() + self.for_accounts.len();
            self.many = MANY.max(left.saturating_mul(2));
        }
    }
}
