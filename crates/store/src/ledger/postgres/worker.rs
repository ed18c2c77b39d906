//! The thread that has the connections, and its runtime.

use super::connection::{Connector, Line};
use super::lease::Held;
use crate::ledger::{LedgerError, LedgerErrorKind, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long one job may take, a host's transaction that holds a row included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Records wait for the disk, and for a host's transaction that is recording the same message.
const DURABLE: &str = "SET synchronous_commit = on; SET lock_timeout = '20s'";
/// What only has to survive the process does not wait for the disk, and what renews leases not for long.
const QUICK: &str = "SET synchronous_commit = off; SET lock_timeout = '1s'; SET statement_timeout = '3s'";

type Doing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
type Job = Box<dyn for<'a> FnOnce(&'a mut Line) -> Doing<'a> + Send>;
pub(super) type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A thread with two connections: one for what has to be durable, one for leases and what has not.
pub(super) struct Worker {
    durable: Option<mpsc::UnboundedSender<Job>>,
    quick: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
    held: Arc<Mutex<Vec<Weak<Held>>>>,
    place: Arc<str>,
}

impl Worker {
    pub(super) fn start(connector: Connector) -> Result<Self> {
        let place = Arc::clone(connector.place());
        let failed = |error: std::io::Error| {
            let what = format!("no thread for it: {error}");
            LedgerError::new(LedgerErrorKind::Unreachable, place.as_ref(), what).with_source(error)
        };
        let (durable, durable_jobs) = mpsc::unbounded_channel();
        let (quick, quick_jobs) = mpsc::unbounded_channel();
        let held = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (renewals, leases) = (quick.downgrade(), Arc::clone(&held));
        let work = move || {
            runtime.block_on(async move {
                let quick = tokio::spawn(work(Line::new(connector.clone(), QUICK), quick_jobs));
                let renewing = tokio::spawn(super::lease::renew(renewals, leases));
                work(Line::new(connector, DURABLE), durable_jobs).await;
                let _ = quick.await;
                renewing.abort();
            });
        };
        let thread =
            std::thread::Builder::new().name("postrider-ledger".into()).spawn(work).map_err(failed)?;
        Ok(Self { durable: Some(durable), quick: Some(quick), thread: Some(thread), held, place })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Does a job on the connection that waits for the disk.
    ///
    /// # Cancellation
    /// The job is done all the same.
    pub(super) async fn durable<T: Send + 'static>(
        &self,
        job: impl for<'a> FnOnce(&'a mut Line) -> Answering<'a, T> + Send + 'static,
    ) -> Result<T> {
        run(self.durable.as_ref(), &self.place, job).await
    }

    /// Does a job on the other.
    ///
    /// # Cancellation
    /// The job is done all the same.
    pub(super) async fn quick<T: Send + 'static>(
        &self,
        job: impl for<'a> FnOnce(&'a mut Line) -> Answering<'a, T> + Send + 'static,
    ) -> Result<T> {
        run(self.quick.as_ref(), &self.place, job).await
    }

    /// A way to give it jobs that does not keep it.
    pub(super) fn quick_jobs(&self) -> Option<mpsc::WeakUnboundedSender<Job>> {
        self.quick.as_ref().map(mpsc::UnboundedSender::downgrade)
    }

    /// Renews this lease from now on.
    pub(super) fn hold(&self, lease: &Arc<Held>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|held| held.strong_count() > 0);
        held.push(Arc::downgrade(lease));
    }
}

impl Drop for Worker {
    /// What it was given is done: leases are given back.
    fn drop(&mut self) {
        (self.durable, self.quick) = (None, None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run<T: Send + 'static>(
    jobs: Option<&mpsc::UnboundedSender<Job>>,
    place: &str,
    job: impl for<'a> FnOnce(&'a mut Line) -> Answering<'a, T> + Send + 'static,
) -> Result<T> {
    let gone = || LedgerError::new(LedgerErrorKind::Unreachable, place, "its thread has ended");
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |line: &mut Line| {
        Box::pin(async move {
            let done = answered_in_time(line, job).await;
            let _ = answer.send(done);
        })
    });
    jobs.ok_or_else(gone)?.send(job).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}

/// A job without an answer.
pub(super) fn post(
    jobs: &mpsc::WeakUnboundedSender<Job>,
    job: impl for<'a> FnOnce(&'a mut Line) -> Answering<'a, ()> + Send + 'static,
) {
    if let Some(jobs) = jobs.upgrade() {
        let _ = jobs.send(Box::new(move |line: &mut Line| {
            Box::pin(async move {
                // Whoever posts can't be told: a lease ends by itself.
                let _ = answered_in_time(line, job).await;
            })
        }));
    }
}

async fn answered_in_time<T>(
    line: &mut Line,
    job: impl for<'a> FnOnce(&'a mut Line) -> Answering<'a, T>,
) -> Result<T> {
    let outcome = tokio::time::timeout(PATIENCE, job(line)).await;
    outcome.unwrap_or_else(|_| {
        let what = format!("it did not answer within {} s", PATIENCE.as_secs());
        let error = LedgerError::new(LedgerErrorKind::Unreachable, line.place(), what);
        line.give_up();
        Err(error)
    })
}

async fn work(mut line: Line, mut jobs: mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = jobs.recv().await {
        job(&mut line).await;
    }
}
