//! The supervised loop.

use super::deal::Dealer;
use super::event::{Event, Observer};
use super::look::{Failure, Look, Progress};
use super::status::Shared;
use super::{Handler, Health, Inbox, WatchConfig, WatchHandle, backoff, config};
use crate::Session;
use futures_util::future::{Either, select};
use postrider_core::{Direction, Error, ErrorKind, Host, Result};
use postrider_store::ledger::{Claim, Lease, Ledger, LedgerError, LedgerErrorKind};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(30);

/// A watched inbox: everything that comes into a mailbox is handed over, once.
///
/// It looks through the mailbox, waits for news, and looks again, with nothing missed between; whatever fails is
/// tried again, less and less often. A message is handed over whole, what became of it is written down in the
/// ledger, and only then it is settled on the server (`mail.watch.settle`). Whatever stops in between, nothing is
/// lost: what was not written down comes again, and what was written down is only settled. While one message is
/// handled the next are fetched, within `mail.watch.ahead` and `mail.watch.aheadsize`.
///
/// It has no threads and no runtime: [`run`](Self::run) is one future, and several mailboxes are several futures in
/// one process, over one ledger if that is wanted.
///
/// Over POP3 deletions are committed at the end of each look. Gmail hides over POP3 what was fetched once, also from
/// a second look for what was not handled: sign in there as `recent:me@gmail.com`, which shows the mail of the last
/// 30 days whoever fetched it.
pub struct Watch {
    name: String,
    make: Make,
    dealer: Dealer,
    handle: WatchHandle,
}

/// Makes an inbox for each connection.
type Make = Arc<dyn Fn() -> Result<Inbox> + Send + Sync>;

enum Ended {
    Stopped,
    Failed(Failure),
}

impl Watch {
    /// Watches the mailbox of a session, as its properties `mail.watch.…` say. New settings that the session is
    /// given take effect with the next connection; [`WatchHandle::look`] makes one that waits look at once.
    ///
    /// # Errors
    /// `Configuration`; no I/O happens.
    pub fn new(session: &Session, ledger: Arc<dyn Ledger>, handler: impl Handler + 'static) -> Result<Self> {
        let (properties, registry) = (session.properties(), session.registry());
        let protocol = session.protocol(Direction::Incoming)?;
        let scope = registry.scope(Direction::Incoming, &protocol, &properties)?;
        let config = WatchConfig::read(&properties, &scope)?;
        let name = Self::mailbox_of(session)?;
        session.inbox()?;
        let (host, session) = (session.host(), session.clone());
        Self::over(name, host, move || session.inbox(), config, ledger, handler)
    }

    /// The name that the mailbox of a session has in a ledger: `mail.watch.name`, or user, host and folder.
    ///
    /// # Errors
    /// `Configuration`; no I/O happens.
    pub fn mailbox_of(session: &Session) -> Result<String> {
        let protocol = session.protocol(Direction::Incoming)?;
        config::mailbox_name(&session.properties(), &session.registry(), &protocol)
    }

    /// Watches what `make` makes an inbox of, anew for each connection; `name` is the mailbox in the ledger.
    ///
    /// # Errors
    /// `Configuration` for values that can't be.
    pub fn over(
        name: impl Into<String>,
        host: Arc<dyn Host>,
        make: impl Fn() -> Result<Inbox> + Send + Sync + 'static,
        config: WatchConfig,
        ledger: Arc<dyn Ledger>,
        handler: impl Handler + 'static,
    ) -> Result<Self> {
        config::check(&config)?;
        let handler = Arc::new(handler);
        let dealer = Dealer { config, host, ledger, handler, observer: None, unwritten: Mutex::default() };
        Ok(Self { name: name.into(), make: Arc::new(make), dealer, handle: WatchHandle::new() })
    }

    /// Tells an observer what happens to messages, as it happens.
    pub fn observed(mut self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.dealer.observer = Some(Arc::new(observer) as Observer);
        self
    }

    /// The host's end of it, to ask how it is and to stop it.
    pub fn handle(&self) -> WatchHandle {
        self.handle.clone()
    }

    /// The name of the mailbox in the ledger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Watches until it is [stopped](WatchHandle::stop).
    ///
    /// # Errors
    /// `Configuration` if there can be no inbox with these settings. Everything else is tried again, and
    /// [told](WatchHandle::status).
    ///
    /// # Cancellation
    /// As if the process had been killed: nothing is lost. The message that is in the handler comes again.
    pub async fn run(self) -> Result<()> {
        let shared = Arc::clone(&self.handle.0);
        let (mut progress, mut failures) = (Progress::default(), 0u32);
        let _ending = Ending(&shared);
        while !shared.is_stopped() {
            shared.begins();
            let failure = match self.dealer.ledger.claim(&self.name).await {
                Ok(Claim::Held(lease)) => {
                    match self.hold(&shared, &lease, &mut progress, &mut failures).await? {
                        Ended::Stopped => break,
                        Ended::Failed(failure) => failure,
                    }
                }
                Ok(Claim::Elsewhere { holder, again_in }) => {
                    shared.health(Health::Standby { holder });
                    self.pause(&shared, again_in).await;
                    continue;
                }
                Ok(_) => break,
                Err(error) => Failure::Ledger(error),
            };
            self.back_off(&shared, failure, failures).await;
            failures = failures.saturating_add(1);
        }
        Ok(())
    }

    /// Watches for as long as the mailbox is ours.
    async fn hold(
        &self,
        shared: &Shared,
        lease: &Lease,
        progress: &mut Progress,
        failures: &mut u32,
    ) -> Result<Ended> {
        let look = Look { dealer: &self.dealer, lease, shared };
        loop {
            shared.begins();
            let mut inbox = (self.make)()?;
            progress.renew();
            let failure = loop {
                shared.health(Health::Polling);
                inbox = match look.run(progress, inbox).await {
                    (_, Err(failure)) => break failure,
                    (None, Ok(())) => return Ok(Ended::Stopped),
                    (Some(inbox), Ok(())) => inbox,
                };
                if shared.is_stopped() {
                    self.close(inbox).await;
                    return Ok(Ended::Stopped);
                }
                shared.health(Health::Idle);
                inbox = match self.wait(shared, progress, inbox).await {
                    // Only now: a server that looks well and ends each wait at once is not asked every second.
                    Ok(Some(inbox)) => {
                        *failures = 0;
                        inbox
                    }
                    Ok(None) => return Ok(Ended::Stopped),
                    Err(error) => break Failure::Mail(error),
                };
            };
            if matches!(failure, Failure::Ledger(_)) {
                return Ok(Ended::Failed(failure));
            }
            self.back_off(shared, failure, *failures).await;
            *failures = failures.saturating_add(1);
            if shared.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if !lease.is_held() {
                let what = format!("the mailbox {} is another's by now", self.name.escape_debug());
                let lost = LedgerError::new(LedgerErrorKind::Lost, "lease", what);
                return Ok(Ended::Failed(Failure::Ledger(lost)));
            }
        }
    }

    /// Waits for news. `None` if it was asked to stop, and said goodbye.
    async fn wait(&self, shared: &Shared, progress: &Progress, mut inbox: Inbox) -> Result<Option<Inbox>> {
        let (host, config) = (&self.dealer.host, &self.dealer.config);
        let next = progress.again.values().map(|again| again.due).min();
        let mut until_next = next.map_or(Duration::MAX, |due| due.saturating_sub(host.now()));
        if progress.full {
            // What was listed is not so any more. Again and again: then the server lists what it has not.
            let often = progress.in_vain.saturating_sub(1);
            until_next = until_next.min(backoff::doubled(config.backoff, often, config.backoff_max));
        }
        // The rest of the interval is for the sign of life that ends a wait: what does not come by then is not coming.
        let limit = (config.probe * 3 / 4).min(until_next).max(Duration::from_millis(1));
        let asked = pin!(self.asked(shared));
        let outcome = {
            let wait = pin!(inbox.wait(limit));
            let silent = pin!(host.sleep(config.probe));
            let interrupted = select(asked, silent);
            match select(wait, interrupted).await {
                Either::Left((wake, _)) => Some(wake.map(drop)),
                Either::Right((Either::Left(_), _)) => None,
                Either::Right((Either::Right(_), _)) => {
                    let what =
                        format!("the server gave no sign of life within {} s", config.probe.as_secs_f64());
                    Some(Err(Error::new(ErrorKind::Timeout, postrider_core::Phase::Wait, what)))
                }
            }
        };
        match outcome {
            Some(Ok(())) => Ok(Some(inbox)),
            Some(Err(error)) => Err(error),
            None if shared.is_stopped() => {
                self.close(inbox).await;
                Ok(None)
            }
            // Asked to look at once: by the settings of now.
            None => {
                self.close(inbox).await;
                shared.begins();
                (self.make)().map(Some)
            }
        }
    }

    /// Ready when the host asks for something, or has since this connection began.
    async fn asked(&self, shared: &Shared) {
        let (mut asked, begun) = (shared.asked(), shared.begun());
        let _ = asked.wait_for(|asked| asked.stop || asked.look != begun).await;
    }

    async fn close(&self, inbox: Inbox) {
        let goodbye = pin!(inbox.close());
        if let Either::Left((Err(error), _)) = select(goodbye, self.dealer.host.sleep(GOODBYE)).await {
            // They are written down, and settled at the next look.
            self.dealer.tell(&Event::Trouble(&format!("handled messages may not be settled: {error}")));
        }
    }

    async fn back_off(&self, shared: &Shared, failure: Failure, count: u32) {
        let (config, now) = (&self.dealer.config, self.dealer.host.now());
        let (error, lost) = match failure {
            Failure::Mail(error) => (error, false),
            Failure::Ledger(error) => {
                let lost = error.kind() == LedgerErrorKind::Lost;
                (Error::from(error), lost)
            }
        };
        let why = error.to_string();
        self.dealer.tell(&Event::Trouble(&why));
        if lost {
            return;
        }
        let pause = backoff::pause(config, &error, count);
        let until = now.saturating_add(pause);
        shared.health(match error.kind() {
            ErrorKind::Authentication => Health::NeedsAuthentication { until, why },
            _ => Health::BackingOff { until, why },
        });
        self.pause(shared, pause).await;
    }

    async fn pause(&self, shared: &Shared, pause: Duration) {
        select(pin!(self.asked(shared)), self.dealer.host.sleep(pause)).await;
    }
}

/// However a watch ends, with an error or dropped: nobody watches any more.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.health(Health::Stopped);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("name", &self.name)
            .field("config", &self.dealer.config)
            .finish_non_exhaustive()
    }
}
