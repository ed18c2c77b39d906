//! A mailbox is one process's at a time, by the database's clock.

use super::LEASE;
use super::connection::Line;
use super::worker::{Worker, post};
use crate::ledger::{Claim, Lease, LeaseEnd, Result};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A third: two renewals may fail.
const RENEWAL: Duration = Duration::from_millis(LEASE.as_millis() as u64 / 3);

/// Takes the mailbox if nobody has it, or whoever had it is overdue.
const CLAIM: &str = "
INSERT INTO postrider_lease AS lease (mailbox, holder, token, ends)
VALUES ($1, $2, 1, clock_timestamp() + $3::float8 * interval '1 second')
ON CONFLICT (mailbox) DO UPDATE SET holder = $2, token = lease.token + 1, ends = EXCLUDED.ends
WHERE lease.ends <= clock_timestamp()
RETURNING token";

const HOLDER: &str = "
SELECT holder, greatest(extract(epoch FROM ends - clock_timestamp()), 0)::float8
FROM postrider_lease WHERE mailbox = $1";

const RENEW: &str = "
UPDATE postrider_lease SET ends = clock_timestamp() + $3::float8 * interval '1 second'
WHERE mailbox = $1 AND token = $2 AND ends > clock_timestamp()";

const RELEASE: &str = "UPDATE postrider_lease SET ends = clock_timestamp() WHERE mailbox = $1 AND token = $2";

/// A lease that this process has, and until when for certain.
pub(super) struct Held {
    mailbox: String,
    token: i64,
    until: Mutex<Option<Instant>>,
    jobs: mpsc::WeakUnboundedSender<Job>,
}

type Job =
    Box<dyn for<'a> FnOnce(&'a mut Line) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> + Send>;

pub(super) async fn claim(worker: &Worker, mailbox: &str) -> Result<Claim> {
    let Some(jobs) = worker.quick_jobs() else {
        return Ok(Claim::Elsewhere { holder: "nobody".into(), again_in: RENEWAL });
    };
    // Before it is asked for: by the database's clock it ends later than by this.
    let until = Instant::now() + LEASE;
    let name = mailbox.to_owned();
    let claimed = worker.quick(move |line| Box::pin(line.claim(name))).await?;
    match claimed {
        Claimed::Ours(token) => {
            let until = Mutex::new(Some(until));
            let held = Arc::new(Held { mailbox: mailbox.to_owned(), token, until, jobs });
            worker.hold(&held);
            Ok(Claim::Held(Lease::new(mailbox, token, held)))
        }
        Claimed::Others(holder, ends_in) => {
            // Not much later than it ends, and now and then before: it may be given back.
            let again_in = ends_in.min(Duration::from_secs(1)).max(Duration::from_millis(50));
            Ok(Claim::Elsewhere { holder, again_in })
        }
    }
}

/// Renews what is held until nobody can hold anything any more.
pub(super) async fn renew(jobs: mpsc::WeakUnboundedSender<Job>, held: Arc<Mutex<Vec<Weak<Held>>>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let now: Vec<Arc<Held>> =
            held.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        for lease in now.into_iter().filter(|lease| lease.is_held()) {
            post(&jobs, move |line| Box::pin(async move { lease.renew(line).await }));
        }
    }
}

enum Claimed {
    Ours(i64),
    Others(String, Duration),
}

impl Line {
    async fn claim(&mut self, mailbox: String) -> Result<Claimed> {
        // Unlike the rest of what this connection does it has to be durable: a number must not be given twice.
        self.query("SET synchronous_commit = on", &[]).await?;
        let claimed = self.query(CLAIM, &[&mailbox, &holder(), &LEASE.as_secs_f64()]).await;
        self.query("SET synchronous_commit = off", &[]).await?;
        if let Some(row) = claimed?.first() {
            return Ok(Claimed::Ours(row.try_get(0).map_err(|e| self.told(e))?));
        }
        let rows = self.query(HOLDER, &[&mailbox]).await?;
        let Some(row) = rows.first() else { return Ok(Claimed::Others("nobody".into(), Duration::ZERO)) };
        let holder = row.try_get(0).map_err(|e| self.told(e))?;
        let seconds: f64 = row.try_get(1).map_err(|e| self.told(e))?;
        Ok(Claimed::Others(holder, Duration::try_from_secs_f64(seconds).unwrap_or(LEASE)))
    }

    async fn execute(&mut self, sql: &'static str, held: &Held, ends_in: Option<f64>) -> Result<bool> {
        let place = self.place().to_owned();
        let client = self.client().await?;
        let changed = match &ends_in {
            Some(seconds) => client.execute(sql, &[&held.mailbox, &held.token, seconds]).await,
            None => client.execute(sql, &[&held.mailbox, &held.token]).await,
        };
        changed.map(|rows| rows > 0).map_err(|e| super::errors::told(&place, e))
    }
}

impl Held {
    async fn renew(&self, line: &mut Line) -> Result<()> {
        let until = Instant::now() + LEASE;
        // An error is no loss yet: the next renewal may come through.
        let renewed = line.execute(RENEW, self, Some(LEASE.as_secs_f64())).await?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = renewed.then_some(until);
        Ok(())
    }
}

impl LeaseEnd for Held {
    fn is_held(&self) -> bool {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    fn release(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let given_back = Self {
            mailbox: self.mailbox.clone(),
            token: self.token,
            until: Mutex::new(None),
            jobs: self.jobs.clone(),
        };
        post(&self.jobs, move |line| {
            Box::pin(async move { line.execute(RELEASE, &given_back, None).await.map(drop) })
        });
    }
}

/// Which process this is, for people.
fn holder() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {}", std::process::id(), machine.trim())
}
