//! One message, from its claim to what became of it.

use super::given::Given;
use super::verdict::{Fate, Told, fates, is_down};
use super::{Attempt, Inner, Next, Settled};
use postrider_core::Envelope;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a message waits that could not be recorded as being sent.
const NOT_RECORDED: Duration = Duration::from_secs(5);

impl Inner {
    /// Tries a message and writes down what became of it. Whatever happens, it is settled or was somebody else's.
    pub(super) async fn attempt(&self, attempt: Attempt, stopping: &AtomicBool) {
        let (now, later) = self.turns.domains(attempt, self.host.now());
        if let Some((later, waits)) = later {
            let results = waits.into_iter().enumerate();
            let results = results.map(|(n, wait)| Settled::new(n, Next::Postponed(wait))).collect();
            self.settle(&later, results).await;
        }
        if let Some(attempt) = now {
            let results = self.deliver(&attempt, stopping).await;
            self.settle(&attempt, results).await;
        }
    }

    /// Sends by one account after the other until nothing is left that another could do.
    async fn deliver(&self, attempt: &Attempt, stopping: &AtomicBool) -> Vec<Settled> {
        let count = attempt.envelope.to.len();
        let mut line = match self.turns.account(attempt.letter, &self.accounts, self.host.now()) {
            Ok(line) => line.into_iter(),
            Err(wait) => {
                self.turns.keep_domains(attempt, self.host.now().saturating_add(wait));
                return (0..count).map(|n| Settled::new(n, Next::Postponed(wait))).collect();
            }
        };
        let given = Given::new(self.storage.as_ref(), attempt, stopping);
        let mut results: Vec<Option<Settled>> = vec![None; count];
        // Who is left, and what the last account said of them.
        let mut left: Vec<(usize, Option<Told>)> = (0..count).map(|n| (n, None)).collect();
        let (mut via, mut down, mut is_first) = (String::new(), None, true);
        while let Some(account) = line.next().and_then(|n| self.accounts.all().get(n)) {
            // The first one's turn is taken already. Another's is only used if it is free: nobody waits in hand.
            let now = self.host.now();
            let has_turn =
                std::mem::take(&mut is_first) || account.wait(now).is_zero() && account.take(now).is_zero();
            if !has_turn {
                continue;
            }
            let envelope = part(&attempt.envelope, &left);
            let outcome = account.mailer.send(&envelope, given.body()).await;
            via.clone_from(&account.name);
            if given.is_refused() {
                // This account sent nothing. If somebody else has it by now, this changes nothing; if it was taken for
                // being in doubt, it ends that.
                let wait = if stopping.load(Ordering::Acquire) { Duration::ZERO } else { NOT_RECORDED };
                for (n, _) in left.drain(..) {
                    set(&mut results, n, Settled::new(n, Next::Postponed(wait)));
                }
                break;
            }
            if is_down(&outcome) {
                let wait = self.accounts.failed(account, self.host.now());
                down = Some(down.map_or(wait, |shortest: Duration| shortest.min(wait)));
            } else {
                self.accounts.works(account);
            }
            let told = fates(&envelope, &outcome, given.is_given());
            let whose = std::mem::take(&mut left);
            for ((n, _), told) in whose.into_iter().zip(told) {
                if told.fate == Fate::Elsewhere {
                    left.push((n, Some(told)));
                } else {
                    let next = self.next(told.fate, attempt.tries.get(n).copied().unwrap_or(0));
                    set(&mut results, n, settled(n, next, told, &via));
                }
            }
            // A doubt about anybody ends it: another account would send to the others alone, which is right, but
            // nothing is gained by haste here.
            if left.is_empty() || results.iter().flatten().any(|r| r.next == Next::Unsure) {
                break;
            }
        }
        for (n, told) in left {
            let tries = attempt.tries.get(n).copied().unwrap_or(0);
            // An account that is down says when it is worth trying again; it is nothing about the message.
            let wait = down.unwrap_or_else(|| self.config.backoff.after(tries.saturating_add(1)));
            let told = told.unwrap_or(Told { fate: Fate::Elsewhere, reply: None, why: None });
            set(&mut results, n, settled(n, Next::Later(wait), told, &via));
        }
        results.into_iter().flatten().collect()
    }

    fn next(&self, fate: Fate, tries: u32) -> Next {
        match fate {
            Fate::Accepted => Next::Accepted,
            Fate::Rejected => Next::Rejected,
            Fate::Unsure => Next::Unsure,
            Fate::Again => Next::Postponed(Duration::ZERO),
            Fate::Deferred | Fate::Elsewhere => {
                Next::Later(self.config.backoff.after(tries.saturating_add(1)))
            }
        }
    }

    /// Writes down what became of it, as often as it takes: a message that was accepted and is not known to be is what
    /// all this is to prevent.
    async fn settle(&self, attempt: &Attempt, results: Vec<Settled>) {
        if results.is_empty() {
            return;
        }
        let mut wait = Duration::from_millis(100);
        loop {
            match self.storage.settle(attempt, &results, &self.config.terms()).await {
                Ok(events) => return self.tell(&events),
                Err(error) => self.trouble(&error),
            }
            self.host.sleep(wait).await;
            wait = wait.saturating_mul(2).min(Duration::from_secs(10));
        }
    }
}

fn set(results: &mut [Option<Settled>], n: usize, settled: Settled) {
    if let Some(slot) = results.get_mut(n) {
        *slot = Some(settled);
    }
}

fn settled(n: usize, next: Next, told: Told, via: &str) -> Settled {
    let settled = Settled::new(n, next).with_reply(told.reply);
    let settled = if via.is_empty() { settled } else { settled.with_via(via) };
    match told.why {
        Some(why) => settled.with_why(why),
        None => settled,
    }
}

/// The envelope for those who are left.
fn part(envelope: &Envelope, left: &[(usize, Option<Told>)]) -> Envelope {
    let mut part = envelope.clone();
    if left.len() < part.to.len() {
        part.to = left.iter().filter_map(|(n, _)| envelope.to.get(*n).cloned()).collect();
    }
    part
}
