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
//! | `session_submit.rs` | the driver: one message |
//! | `auth.rs` | pure: signing in |
//! | `engine/` | pure: replies, the queue that pairs them, capabilities, commands, the transaction and its outcome |

mod auth;
mod config;
mod engine;
mod session;
mod session_replies;
mod session_submit;
mod transport;

pub use config::SmtpConfig;
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
    .capabilities(&[Capability::Connect, Capability::Recipients]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Smtp::new(SmtpConfig::read(properties)?, host)))
}
