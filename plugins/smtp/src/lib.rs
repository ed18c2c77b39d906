//! Outgoing transport `smtp` (and `smtps`): message submission by RFC 5321, RFC 6409 and RFC 8314.
//!
//! ```no_run
//! # use std::sync::Arc; use postrider_core::*;
//! # async fn example(host: Arc<dyn Host>) -> Result<()> {
//! use postrider_smtp::{Login, Smtp, SmtpConfig};
//!
//! let target = Target::new("mail.example.org", 465, TlsMode::Implicit)?;
//! let login = Login::password(&target, "me", "secret");
//! let mut smtp = Smtp::new(SmtpConfig::new(target, login), host);
//! let envelope = Envelope::parse(Some("me@example.org"), ["you@example.org"])?;
//! let receipt = smtp.send(&envelope, "Subject: hello\r\n\r\nBy Postrider.\r\n".into()).await?;
//! # Ok(()) }
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the property table and [`SmtpConfig`] |
//! | `transport.rs` | [`Smtp`], the contract |
//! | `session.rs` | the driver: greeting, EHLO, STARTTLS, AUTH, QUIT |
//! | `session_replies.rs` | the driver: commands, replies and their deadlines |
//! | `session_flow.rs` | the driver: messages under way, read and written at the same time |
//! | `session_body.rs` | the driver: a body, by DATA or BDAT |
//! | `session_late.rs` | the driver: deadlines while messages are under way |
//! | `intake.rs` | where the messages come from, and those that are sent again |
//! | `habits.rs` | what is remembered of a server: whether its PIPELINING and CHUNKING are what they say |
//! | `auth.rs` | pure: signing in |
//! | `engine/` | pure: replies, capabilities, commands, one transaction and its outcome; `flow*.rs`: many in flight |
//!
//! # Many messages in flight
//!
//! [`send_all`](OutgoingTransport::send_all) has a window of messages under way on its connection ([`Window`]): with
//! PIPELINING and CHUNKING whole messages follow each other without waiting for anything, with PIPELINING alone the
//! end of one leaves with the envelope of the next, and a server that offers neither is asked one thing at a time.
//! Each message still gets an outcome of its own; `docs/adr/0013-smtp-window.md` says how.

mod alarm;
mod auth;
mod config;
mod config_window;
mod engine;
mod habits;
mod intake;
mod session;
mod session_begin;
mod session_body;
mod session_flow;
mod session_late;
mod session_replies;
mod transport;

pub use config::SmtpConfig;
pub use config_window::Window;
pub use engine::{Capabilities, MailParameters};
pub use postrider_wire::dot::LineEnds;
pub use postrider_wire::sasl::Mechanism;
pub use postrider_wire::{Login, Timing};
pub use transport::Smtp;

use postrider_core::{
    Alias, Capability, Host, OutgoingTransport, Properties, Result, Target, TransportFactory, register,
};
use std::sync::Arc;

/// What a registry knows of this transport.
pub const FACTORY: TransportFactory = TransportFactory::outgoing("smtp", &make)
    .about("Message submission over SMTP (RFC 5321, RFC 6409)")
    .aliases(&[Alias::new("smtps", &[("mail.smtps.ssl.enable", "true")])])
    .properties(&[Target::PROPERTIES, Login::PROPERTIES, Timing::PROPERTIES, SmtpConfig::PROPERTIES])
    .capabilities(&[Capability::Connect, Capability::Recipients, Capability::Batch]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Smtp::new(SmtpConfig::read(properties)?, host)))
}
