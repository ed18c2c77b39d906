//! The outbox: messages that wait durably, and workers that send them.
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")]
//! # async fn example(session: postrider::Session, stop: impl Future<Output = ()> + Send) -> postrider::Result<()> {
//! use postrider::Envelope;
//! use postrider::outbox::{Letter, Outbox, SqliteOutbox};
//! use std::sync::Arc;
//!
//! let storage = Arc::new(SqliteOutbox::open("outbox.db")?);
//! let outbox = Outbox::of(&session, storage)?.on_event(|event| println!("{} {}", event.address, event.state));
//! let envelope = Envelope::parse(Some("me@example.org"), ["you@example.org"])?;
//! outbox.enqueue(&Letter::new(envelope, "Subject: Hello\r\n\r\nBy Postrider.\r\n")?).await?;
//! outbox.run(stop).await?; // in a task of its own, for as long as the program runs
//! # Ok(()) }
//! ```
//!
//! What is promised, and by which order of steps, is in docs/guarantees.md; where messages are kept, and how one goes in
//! by a transaction of the host's, in [`Storage`] and its implementations.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | [`OutboxConfig`] |
//! | `run.rs` | a worker |
//! | `attempt.rs`, `given.rs` | one message: by which accounts, and the moment from which it may have been accepted |
//! | `verdict.rs`, `backoff.rs` | what an outcome means for each recipient; when it is tried again |
//! | `account.rs`, `turns.rs`, `rate.rs` | failover and round-robin; rates of accounts and domains |

mod account;
mod attempt;
mod backoff;
mod config;
mod given;
mod rate;
mod run;
mod turns;
mod verdict;

pub use backoff::Backoff;
pub use config::{Order, OutboxConfig, Unsure};
pub use postrider_store::outbox::*;
pub use rate::{DomainRates, Rate};

use crate::{Mailer, Session};
use account::{Account, Accounts};
use lettre::Message;
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, Layer, LayerKind, Phase, Result, session_property as key,
};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::Notify;
use turns::Turns;

/// Most bytes of a message that is put in as a stream.
const LARGEST: u64 = 1 << 30;

/// Messages that wait durably, with the accounts they go out by. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

/// What the clones share.
pub(super) struct Inner {
    storage: Arc<dyn Storage>,
    host: Arc<dyn Host>,
    accounts: Accounts,
    config: OutboxConfig,
    turns: Turns,
    wake: Notify,
    on_event: Option<Hear<Event>>,
    on_trouble: Option<Hear<Error>>,
}

/// Who is told.
type Hear<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// An account that an [`Outbox`] sends by.
#[derive(Clone, Debug)]
pub struct Way {
    name: String,
    mailer: Mailer,
    rate: Option<Rate>,
}

impl Way {
    /// By this mailer; the name is for people and events.
    pub fn new(name: impl Into<String>, mailer: Mailer) -> Self {
        Self { name: name.into(), mailer, rate: None }
    }

    /// At most so many messages.
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// The ways of a session: one for each transport of `mail.outbox.transports`, or the one of
    /// `mail.transport.protocol`, at the rate of `mail.outbox.rate`. Their names are `account`, and the transport's
    /// behind it if there are several.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn of(session: &Session, account: &str) -> Result<Vec<Self>> {
        let properties = session.properties();
        let rate = properties.read(&key::OUTBOX_RATE)?;
        let rate = rate.map(|text| text.parse::<Rate>()).transpose();
        let rate = rate.map_err(|why| properties.fault(&key::OUTBOX_RATE, &why))?;
        let transports = properties.read(&key::OUTBOX_TRANSPORTS)?.unwrap_or_default().0;
        if transports.is_empty() {
            return Ok(vec![Self { name: account.to_owned(), mailer: session.mailer()?, rate }]);
        }
        let chosen = format!("mail.{}", key::TRANSPORT_PROTOCOL.name());
        let way = |transport: &String| {
            let layer = Layer::new(LayerKind::Message, "mail.outbox.transports")
                .with(chosen.clone(), transport.as_str());
            let mailer = session.with_layer(layer)?.mailer()?;
            let name =
                if transports.len() == 1 { account.to_owned() } else { format!("{account}/{transport}") };
            Ok(Self { name, mailer, rate })
        };
        transports.iter().map(way).collect()
    }
}

impl Session {
    /// An outbox that sends by the transports of this session: [`Outbox::of`].
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin; no I/O happens.
    pub fn outbox(&self, storage: Arc<dyn Storage>) -> Result<Outbox> {
        Outbox::of(self, storage)
    }
}

impl Outbox {
    /// An outbox that sends by the transports of a session, as its properties `mail.outbox.…` say. What
    /// [`Session::apply`] brings counts for the one transport of `mail.transport.protocol`, for those of
    /// `mail.outbox.transports` not, nor for `mail.outbox.…` itself: make another outbox on the same storage then.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin; no I/O happens.
    pub fn of(session: &Session, storage: Arc<dyn Storage>) -> Result<Self> {
        let config = OutboxConfig::read(&session.properties())?;
        Self::new(storage, &config, session.host(), Way::of(session, "main")?)
    }

    /// An outbox that sends by these ways, the preferred one first.
    ///
    /// # Errors
    /// `Configuration` without any way, or for a number that can't be.
    pub fn new(
        storage: Arc<dyn Storage>,
        config: &OutboxConfig,
        host: Arc<dyn Host>,
        ways: Vec<Way>,
    ) -> Result<Self> {
        config.check()?;
        if ways.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, Phase::Configure, "an outbox has no way out")
                .with_advice("give it at least one account"));
        }
        let accounts = ways.into_iter().map(|way| Account::new(way.name, way.mailer, way.rate)).collect();
        Ok(Self(Arc::new(Inner {
            storage,
            host,
            accounts: Accounts::new(accounts, config.order, config.backoff),
            config: config.clone(),
            turns: Turns::new(config.domain_rates.clone()),
            wake: Notify::new(),
            on_event: None,
            on_trouble: None,
        })))
    }

    /// Hears of everything this process brings about, after it is written down. It must not block; a panic of it ends
    /// nothing. Other processes'
    /// events, and those of a process that was killed before it could tell, are in [`Storage::events`].
    ///
    /// Only before the outbox is cloned.
    pub fn on_event(mut self, hear: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.on_event = Some(Arc::new(hear));
        }
        self
    }

    /// Hears of a storage that fails; it is tried again.
    ///
    /// Only before the outbox is cloned.
    pub fn on_trouble(mut self, hear: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.on_trouble = Some(Arc::new(hear));
        }
        self
    }

    /// Puts a message in, in a transaction of its own, and wakes the worker of this process.
    ///
    /// # Errors
    /// What the storage fails by; the message is not in it then.
    ///
    /// # Cancellation
    /// It may be in it.
    pub async fn enqueue(&self, letter: &Letter) -> Result<LetterId> {
        let id = self.0.storage.enqueue(letter).await?;
        self.wake();
        Ok(id)
    }

    /// Puts a message in that comes as a stream. It is read whole first, into memory, at most 1 GiB.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue) and [`Letter::new`]; whatever stops the body short.
    ///
    /// # Cancellation
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_body(&self, envelope: Envelope, body: Body<'_>) -> Result<LetterId> {
        self.enqueue(&Letter::new(envelope, body.read_all(LARGEST).await?)?).await
    }

    /// Puts in a message made by lettre's builder, to the envelope of its headers ([`Mailer::envelope_of`]).
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue) and [`Letter::new`].
    ///
    /// # Cancellation
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_message(&self, message: &Message) -> Result<LetterId> {
        self.enqueue(&Letter::new(Mailer::envelope_of(message)?, message.formatted())?).await
    }

    /// Lets the worker of this process look for messages now: after the commit of a transaction that put some in.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Where the messages are.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.0.storage
    }
}

impl Inner {
    fn tell(&self, events: &[Event]) {
        if let Some(hear) = &self.on_event {
            events.iter().for_each(|event| hear_out(hear, event));
        }
    }

    fn trouble(&self, error: &Error) {
        if let Some(hear) = &self.on_trouble {
            hear_out(hear, error);
        }
    }
}

/// Tells somebody. Whoever panics on hearing it must not cut off the messages that are being sent meanwhile: all would
/// be in doubt. The panic has been printed by the program's hook.
fn hear_out<T>(hear: &Hear<T>, news: &T) {
    let _ = catch_unwind(AssertUnwindSafe(|| hear(news)));
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}
