//! Transports `memory` for Postrider: for the tests of programs that send and receive mail. Nothing leaves the
//! process; a test sees what was sent, offers what is to be received, and chooses what goes wrong.
//!
//! | where | what |
//! |---|---|
//! | `memory`, `memory_faults` | [`Memory`], what a test holds; what it can let go wrong |
//! | `state` | what both ends share |
//! | `fault` | [`SendFault`], [`Call`] |
//! | `config` | the property tables and [`MemoryConfig`] |
//! | `transport` | [`MemoryIncoming`] and [`MemoryOutgoing`] |
//!
//! A program that is set up by properties gets the same transports by `mail.transport.protocol=memory`,
//! `mail.store.protocol=memory` and `mail.memory.name=NAME`: its test holds [`Memory::named`] of that name. Tests with
//! names of their own don't see each other, and a name is forgotten with the last handle and transport that has it.
//! Only a name that is chosen is the test's own: `default` is shared by all who choose none.
//!
//! Keys are `memory:<name>/<folder>/<number>` and hold for this process, as the messages do.
//!
//! ```
//! use postrider_core::{Envelope, OutgoingTransport, Outcome, Properties, Layer, LayerKind, Reply, Result};
//! use postrider_memory::{Memory, SendFault};
//!
//! # async fn f() -> Result<()> {
//! let memory = Memory::new();
//! let mut out = memory.outgoing();
//! let envelope = Envelope::parse(Some("me@example.org"), ["you@example.org"])?;
//!
//! out.send(&envelope, "Subject: hello\r\n\r\n".into()).await?;
//! assert_eq!(memory.sent()[0].envelope, envelope);
//!
//! memory.next_send(SendFault::Deferred(Reply::new("451", None, "greylisted")));
//! let error = out.send(&envelope, "Subject: again\r\n\r\n".into()).await.unwrap_err();
//! assert_eq!(error.outcome(), Outcome::Deferred);
//! assert_eq!(memory.sent().len(), 1);
//! # Ok(()) }
//! ```

mod config;
mod fault;
mod memory;
mod memory_faults;
mod state;
mod transport;

pub use config::MemoryConfig;
pub use fault::{Call, SendFault};
pub use memory::Memory;
pub use state::{Sent, Stored};
pub use transport::{MemoryIncoming, MemoryOutgoing};

use postrider_core::{
    Capability, Host, IncomingTransport, OutgoingTransport, Properties, Result, TransportFactory, register,
};
use std::sync::Arc;

/// Incoming `memory`.
pub const INCOMING: TransportFactory = TransportFactory::incoming("memory", &incoming)
    .about("Messages that a test offers")
    .properties(&[MemoryConfig::INCOMING])
    .capabilities(&[
        Capability::Connect,
        Capability::Unseen,
        Capability::Seen,
        Capability::Move,
        Capability::Delete,
    ]);
register!(INCOMING);

/// Outgoing `memory`.
pub const OUTGOING: TransportFactory = TransportFactory::outgoing("memory", &outgoing)
    .about("Messages that a test looks at")
    .properties(&[MemoryConfig::OUTGOING])
    .capabilities(&[Capability::Connect, Capability::Recipients]);
register!(OUTGOING);

fn incoming(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    let config = MemoryConfig::read_incoming(properties)?;
    Ok(Box::new(MemoryIncoming::new(&Memory::named(&config.name), config, host)))
}

fn outgoing(properties: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    let config = MemoryConfig::read_outgoing(properties)?;
    Ok(Box::new(MemoryOutgoing::new(&Memory::named(&config.name), config)))
}
