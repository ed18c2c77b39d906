//! Incoming transport `pop3` for Postrider: RFC 1939 with CAPA (2449), STLS (2595), SASL (5034), response
//! codes (2449, 3206) and UTF8 (6856).
//!
//! | where | what |
//! |---|---|
//! | `config` | the property table and [`Pop3Config`] |
//! | `transport` | [`Pop3`] and its `IncomingTransport` |
//! | `session`, `_exchange` | the driver: one connection; a command and its reply |
//! | `session_login`, `_maildrop`, `_message`, `_delete` | the driver: signing in, listings, a message, deletions |
//! | `session_ahead` | the driver: RETRs ahead of the fetches, and getting rid of what comes in vain |
//! | `session_keeper`, `_call` | one session after another, and one attempt at a call of the contract |
//! | `auth` | how to sign in: SASL, APOP or USER and PASS |
//! | `engine` | what the server's lines mean; pure |
//!
//! Where the server has PIPELINING (RFC 2449 §6.6), what [`prefetch`](postrider_core::IncomingTransport::prefetch)
//! was told is asked for ahead, in a window that opens as messages are fetched in that order; deletions and listings
//! go out together as well. A server that has it not after all is found out and gets one command at a time.
//!
//! Reading changes nothing in the maildrop. Yet to some servers a message that RETR gave counts as read: Dovecot marks
//! it `\Seen` for IMAP unless its `pop3_no_flag_updates` is set, also if it was asked for ahead and then not wanted. One that
//! deletes what was read says `EXPIRE 0` (RFC 2449 §6.7), and there nothing is asked for ahead.
//!
//! A POP3 session sees a frozen maildrop and deletes only when it ends by QUIT:
//! [`close`](postrider_core::IncomingTransport::close) and [`wait`](postrider_core::IncomingTransport::wait)
//! do that. A deletion whose session was lost before is asked for again in the next one.
//!
//! ```
//! use postrider_core::{Host, IncomingTransport, Query, Result, Settle, Target, TlsMode};
//! use postrider_pop3::{Login, Pop3, Pop3Config};
//! use std::sync::Arc;
//!
//! async fn drain(host: Arc<dyn Host>) -> Result<()> {
//!     let target = Target::new("pop.example.org", 995, TlsMode::Implicit)?;
//!     let login = Login::password(&target, "alice", "an app password");
//!     let mut pop3 = Box::new(Pop3::new(Pop3Config::new(target, login), host));
//!     let listing = pop3.list(&Query::all()).await?;
//!     let ids: Vec<_> = listing.messages.into_iter().map(|message| message.id).collect();
//!     pop3.prefetch(&ids);
//!     for id in &ids {
//!         let _bytes = pop3.fetch(id).await?.read_all(1 << 20).await?;
//!     }
//!     pop3.settle(&ids, &Settle::Delete).await?;
//!     pop3.close().await // deletes
//! }
//! ```

mod auth;
mod config;
mod engine;
mod session;
mod session_ahead;
mod session_call;
mod session_delete;
mod session_exchange;
mod session_keeper;
mod session_login;
mod session_maildrop;
mod session_message;
mod transport;

pub use config::Pop3Config;
pub use postrider_wire::sasl::Mechanism;
pub use postrider_wire::{Login, Timing};
pub use transport::{Pop3, Stat};

use postrider_core::{
    Alias, Capability, Host, IncomingTransport, Properties, Result, Target, TransportFactory, register,
};
use std::sync::Arc;

/// `pop3`, and `pop3s` which is the same with TLS from the first byte.
pub const FACTORY: TransportFactory = TransportFactory::incoming("pop3", &make)
    .about("POP3 (RFC 1939): one maildrop, no folders and no flags")
    .aliases(&[Alias::new("pop3s", &[("mail.pop3s.ssl.enable", "true")])])
    .properties(&[Target::PROPERTIES, Login::PROPERTIES, Timing::PROPERTIES, Pop3Config::PROPERTIES])
    .capabilities(&[Capability::Connect, Capability::Delete]);
register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Pop3::new(Pop3Config::read(properties)?, host)))
}
