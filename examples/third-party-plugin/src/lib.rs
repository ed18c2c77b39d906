//! Outgoing transport `lmtp` for Postrider: delivery into a local mail store (RFC 2033).
//!
//! LMTP is SMTP's dialogue with one difference that matters: after the message, the server answers once for each
//! recipient. So one mailbox may be full while the others have the message, and the receipt says so.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the property table and [`LmtpConfig`] |
//! | `transport.rs` | [`Lmtp`], the contract |
//! | `session.rs` | the driver: greeting, LHLO, one message, QUIT |
//! | `reply.rs` | pure: replies |
//! | `transaction.rs` | pure: what became of each recipient |
//!
//! Left out, to stay readable: pipelining, delivery-status wishes (DSN), STARTTLS (`tls=implicit` works), signing in,
//! and hearing a refusal while the message is still being written.

mod config;
mod reply;
mod session;
mod transaction;
mod transport;

pub use config::LmtpConfig;
pub use transport::Lmtp;

// docs: factory
use postrider_core::{
    Capability, Host, OutgoingTransport, Properties, Result, Target, TransportFactory, register,
};
use postrider_wire::Timing;
use std::sync::Arc;

/// What a registry knows of this transport.
pub const FACTORY: TransportFactory = TransportFactory::outgoing("lmtp", &make)
    .about("Delivery into a local mail store over LMTP (RFC 2033)")
    .properties(&[Target::PROPERTIES, Timing::PROPERTIES, LmtpConfig::PROPERTIES])
    .preset(&[("mail.lmtp.host", "localhost"), ("mail.lmtp.tls", "none")])
    .capabilities(&[Capability::Connect, Capability::Recipients]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Lmtp::new(LmtpConfig::read(properties)?, host)))
}
// docs: end
