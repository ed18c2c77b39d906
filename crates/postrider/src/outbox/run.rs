//! A worker: it claims, sends, writes down, and says that it lives.

use super::{Claims, Fault, Inner, Outbox, Worker};
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use postrider_core::{Error, Result};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long a storage that fails is left alone.
const TROUBLE: Duration = Duration::from_secs(1);

/// What a worker waits for.
enum Turn {
    Claimed(Result<Claims>),
    Ended,
    Stop,
    Look,
    TimeIsUp,
}

impl Outbox {
    /// Sends what is due and what will be, until `stop` is ready. Then nothing more is begun, what was begun is waited
    /// for, at most `mail.outbox.stoptimeout`, and what was not begun is given back. What has no answer by then is in
    /// doubt.
    ///
    /// One worker is enough for a process: it has `mail.outbox.inflight` messages in hand. Others, here or on other
    /// machines, share the work.
    ///
    /// # Errors
    /// What the storage fails by if waiting does not help: it can't be written, or is damaged. Everything else is told
    /// to [`on_trouble`](Self::on_trouble), and tried again.
    ///
    /// # Cancellation
    /// As if the process had been killed: what was begun is in doubt once the lease has run out, and the rest passes
    /// on.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        self.0.work(stop, false).await
    }

    /// Sends what is due, and what falls due meanwhile; ends when nothing is left to be done now. Deferred messages
    /// that are not due wait for the next run.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancellation
    /// As [`run`](Self::run).
    pub async fn run_until_idle(&self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        self.0.work(stop, true).await
    }
}

impl Inner {
    async fn work(&self, stop: impl Future<Output = ()> + Send, until_idle: bool) -> Result<()> {
        let worker = Worker::new(self.config.lease)?;
        let keeper = self.keep(&worker);
        let outcome = self.claim_and_send(&worker, keeper, stop, until_idle).await;
        // What is cut off here was given to a transport, and has no answer.
        match self.storage.leave(&worker).await {
            Ok(()) => match self.storage.sweep(&self.config.terms()).await {
                Ok(events) => self.tell(&events),
                Err(error) => self.trouble(&error),
            },
            Err(error) => self.trouble(&error),
        }
        for account in self.accounts.all() {
            account.mailer.close().await;
        }
        outcome
    }

    async fn claim_and_send(
        &self,
        worker: &Worker,
        keeper: impl Future<Output = ()> + Send,
        stop: impl Future<Output = ()> + Send,
        until_idle: bool,
    ) -> Result<()> {
        let (mut keeper, mut stop) = (pin!(keeper), pin!(stop));
        // This run's own: another one of the same outbox goes on.
        let stopping = AtomicBool::new(false);
        let mut flight: FuturesUnordered<Boxed<'_, ()>> = FuturesUnordered::new();
        let mut claiming: Option<Boxed<'_, Result<Claims>>> = None;
        let (mut look, mut time_is_up): (Boxed<'_, ()>, Option<Boxed<'_, ()>>) =
            (self.host.sleep(self.config.poll), None);
        let mut woken = Box::pin(self.wake.notified());
        let (mut wanted, mut asked, mut failure) = (true, 0, None);
        loop {
            let room = self.config.in_flight.saturating_sub(flight.len());
            // Half of them at a time, so that not every message costs a claim.
            let is_time = flight.is_empty() || room * 2 >= self.config.in_flight;
            if time_is_up.is_none() && claiming.is_none() && wanted && is_time {
                wanted = false;
                match self.accounts.down(self.host.now()) {
                    Some(wait) if !until_idle => look = self.host.sleep(wait.min(self.config.poll)),
                    _ => {
                        asked = room;
                        claiming = Some(self.storage.claim(worker, room));
                    }
                }
            }
            if time_is_up.is_some() && claiming.is_none() && flight.is_empty() {
                break;
            }
            let turn = poll_fn(|cx| {
                let _ = keeper.as_mut().poll(cx);
                if let Some(claims) = &mut claiming
                    && let Poll::Ready(claims) = claims.as_mut().poll(cx)
                {
                    return Poll::Ready(Turn::Claimed(claims));
                }
                if let Poll::Ready(Some(())) = Pin::new(&mut flight).poll_next(cx) {
                    return Poll::Ready(Turn::Ended);
                }
                match &mut time_is_up {
                    Some(time) => return time.as_mut().poll(cx).map(|()| Turn::TimeIsUp),
                    None if stop.as_mut().poll(cx).is_ready() => return Poll::Ready(Turn::Stop),
                    None => {}
                }
                if woken.as_mut().poll(cx).is_ready() {
                    woken = Box::pin(self.wake.notified());
                    return Poll::Ready(Turn::Look);
                }
                if !wanted && claiming.is_none() && look.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Turn::Look);
                }
                Poll::Pending
            });
            match turn.await {
                Turn::Claimed(claims) => {
                    claiming = None;
                    match claims {
                        Ok(claims) => {
                            let got = claims.attempts.len();
                            if until_idle
                                && got == 0
                                && flight.is_empty()
                                && claims.next.is_none_or(|n| !n.is_zero())
                            {
                                break;
                            }
                            // What came too late to be begun is given back with the rest.
                            let begun = if time_is_up.is_none() { claims.attempts } else { Vec::new() };
                            let attempts = begun.into_iter();
                            flight.extend(
                                attempts.map(|a| Box::pin(self.attempt(a, &stopping)) as Boxed<'_, ()>),
                            );
                            wanted = got == asked;
                            let soon = claims.next.unwrap_or(self.config.poll).min(self.config.poll);
                            look = self.host.sleep(soon.max(Duration::from_millis(10)));
                        }
                        Err(error) => {
                            let is_final = Fault::of(&error).is_some_and(|fault| !fault.may_pass());
                            self.trouble(&error);
                            look = self.host.sleep(TROUBLE);
                            if is_final {
                                failure = Some(error);
                                time_is_up = Some(self.stop(&stopping));
                            }
                        }
                    }
                }
                Turn::Ended => wanted |= until_idle && flight.is_empty(),
                Turn::Look => wanted = true,
                Turn::Stop => time_is_up = Some(self.stop(&stopping)),
                Turn::TimeIsUp => break,
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// From here on nothing more is begun.
    fn stop(&self, stopping: &AtomicBool) -> Boxed<'static, ()> {
        stopping.store(true, Ordering::Release);
        self.host.sleep(self.config.stop_timeout)
    }

    /// Says again and again that the worker lives, and looks after those who don't.
    async fn keep(&self, worker: &Worker) {
        loop {
            match self.keep_once(worker).await {
                Ok(()) => {}
                Err(error) => self.trouble(&error),
            }
            self.host.sleep(self.config.lease / 3).await;
        }
    }

    async fn keep_once(&self, worker: &Worker) -> Result<(), Error> {
        self.storage.stay(worker).await?;
        let events = self.storage.sweep(&self.config.terms()).await?;
        if !events.is_empty() {
            self.tell(&events);
        }
        Ok(())
    }
}
