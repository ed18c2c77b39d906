//! Outgoing transport `lettre`: lettre's own SMTP client behind the contract, over a connection the host lends.
//!
//! It shows how to wrap the client you have, and it is what Postrider's own `smtp` is measured against. Nobody
//! needs it to send mail.
//!
//! ```no_run
//! # use std::sync::Arc; use postrider_core::*;
//! # async fn example(host: Arc<dyn Host>) -> Result<()> {
//! use postrider_lettre::{Lettre, LettreConfig, Login};
//!
//! let target = Target::new("mail.example.org", 465, TlsMode::Implicit)?;
//! let login = Login::password(&target, "me", "secret");
//! let mut lettre = Lettre::new(LettreConfig::new(target, login), host);
//! let envelope = Envelope::parse(Some("me@example.org"), ["you@example.org"])?;
//! let receipt = lettre.send(&envelope, "Subject: hello\r\n\r\nBy lettre.\r\n".into()).await?;
//! # Ok(()) }
//! ```
//!
//! # What lettre's client can't do
//!
//! | | here | with `smtp` |
//! |---|---|---|
//! | memory | the message is read whole, `maxsize` at most, and copied twice | constant |
//! | SIZE of the server | not known: too large a message is refused after it was sent | refused before |
//! | a refusal while the body goes out | heard only at its end | ends the sending at once |
//! | an answer before the end of the body | taken for the one to the end: a broken server's `250` would pass for an acceptance | an error |
//! | some recipients refused | the message is cancelled | `sendpartial` sends to the others |
//! | delivery reports (DSN) | wishes of the envelope are left out | passed on where offered |
//! | PIPELINING | none: a round trip for each command | used where offered |
//! | sign-in | PLAIN, LOGIN, XOAUTH2: lettre hides what else is offered | SCRAM, OAUTHBEARER, EXTERNAL too |
//! | deadlines | one for each command, one for the whole message (`finaltimeout`) | one for each write |
//! | `Unsure` | lettre does not tell: derived from what the connection saw leave | exact |
//! | transcript | up to STARTTLS only | whole |
//! | address forms | what lettre's parser takes | RFC 5321 and RFC 6531 |
//!
//! Where lettre itself would change or endanger a message, this crate steps in: lone CR and LF become CRLF (lettre
//! stuffs no dot behind a lone LF), and the line end that lettre puts behind every message is not doubled.
//!
//! lettre's feature `tracing`, which this crate does not set, logs every line at debug level, passwords included.
//! lettre brings tokio's `net`, `time` and `rt` for a connector of its own; no code of it runs here, so no runtime
//! is needed.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the property table and [`LettreConfig`] |
//! | `transport.rs` | [`Lettre`], the contract |
//! | `session.rs` | one connection: open, one message, QUIT |
//! | `session_sign_in.rs` | AUTH |
//! | `session_starttls.rs` | STARTTLS by hand, before lettre gets the connection |
//! | `lent.rs` | the connection as lettre wants it |
//! | `told.rs` | pure: what lettre's answers and errors mean |

mod config;
mod lent;
mod session;
mod session_sign_in;
mod session_starttls;
mod told;
mod transport;

pub use config::LettreConfig;
pub use postrider_wire::{Login, Timing};
pub use transport::Lettre;

use postrider_core::{
    Capability, Host, OutgoingTransport, Properties, Result, Target, TransportFactory, register,
};
use std::sync::Arc;

/// What a registry knows of this transport.
pub const FACTORY: TransportFactory = TransportFactory::outgoing("lettre", &make)
    .about("lettre's SMTP client behind the contract; for comparison")
    .properties(&[Target::PROPERTIES, Login::PROPERTIES, Timing::PROPERTIES, LettreConfig::PROPERTIES])
    .capabilities(&[Capability::Connect, Capability::Recipients]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Lettre::new(LettreConfig::read(properties)?, host)))
}
