//! Incoming transport `imap` (and `imaps`): one mailbox over IMAP4rev1 (RFC 3501) or IMAP4rev2 (RFC 9051).
//!
//! ```no_run
//! # use std::sync::Arc; use postrider_core::*;
//! # async fn example(host: Arc<dyn Host>) -> Result<()> {
//! use postrider_imap::{Imap, ImapConfig, Login};
//!
//! let target = Target::new("mail.example.org", 993, TlsMode::Implicit)?;
//! let login = Login::password(&target, "me", "secret");
//! let mut imap = Imap::new(ImapConfig::new(target, login), host);
//! let ids: Vec<MessageId> = imap.list(&Query::unseen()).await?.messages.into_iter().map(|m| m.id).collect();
//! // Asked for in windows from now on, instead of one at a time.
//! imap.prefetch(&ids);
//! for id in &ids {
//!     let _bytes = imap.fetch(id).await?.read_all(1 << 20).await?;
//! }
//! imap.settle(&ids, &Settle::Seen).await?;
//! Box::new(imap).close().await
//! # }
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the property table and [`ImapConfig`] |
//! | `transport.rs` | [`Imap`], the contract |
//! | `session_keeper.rs`, `session_ahead.rs`, `session_join.rs` | the driver: one session after another, and messages fetched over several |
//! | `session.rs` | the driver: greeting, STARTTLS, capabilities, LOGOUT |
//! | `session_dialogue.rs`, `session_flight.rs` | the driver: commands, what is heard, and how long it may take; commands that leave together |
//! | `session_login.rs`, `session_mailbox.rs`, `session_listing.rs`, `session_search.rs`, `session_message.rs`, `session_window.rs`, `session_settle.rs`, `session_wait.rs`, `session_folders.rs`, `session_append.rs` | the driver: one file for each thing that can be done |
//! | `auth.rs`, `bounds.rs`, `state.rs`, `capabilities.rs`, `mailbox.rs`, `listing.rs`, `key.rs`, `pieces.rs`, `plan.rs`, `sizes.rs`, `window.rs` | pure: signing in, bounds on answers, what is known of the session, of the server, of mailboxes, what a page is made of, message keys, messages in pieces, what is to be fetched, how long messages are, what was asked for |
//! | `deflate.rs` | a connection that is compressed (RFC 4978) |
//! | `codec/` | pure: bytes to responses and bodies, commands to bytes |

mod auth;
mod bounds;
mod capabilities;
mod codec;
mod config;
mod deflate;
mod key;
mod listing;
mod mailbox;
mod pieces;
mod plan;
mod session;
mod session_ahead;
mod session_append;
mod session_dialogue;
mod session_flight;
mod session_folders;
mod session_join;
mod session_keeper;
mod session_listing;
mod session_login;
mod session_mailbox;
mod session_message;
mod session_search;
mod session_settle;
mod session_wait;
mod session_window;
mod sizes;
mod state;
mod transport;
mod window;

pub use capabilities::Capabilities;
pub use config::ImapConfig;
pub use mailbox::{Mailbox, Namespace, Namespaces, SpecialUse};
pub use postrider_wire::sasl::Mechanism;
pub use postrider_wire::{Login, Timing};
pub use transport::Imap;

use postrider_core::{
    Alias, Capability, Host, IncomingTransport, Properties, Result, Target, TransportFactory, register,
};
use std::sync::Arc;

/// What a registry knows of this transport: `imap`, and `imaps` which is the same with TLS from the first byte.
pub const FACTORY: TransportFactory = TransportFactory::incoming("imap", &make)
    .about("IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051): one mailbox, with flags, folders and IDLE")
    .aliases(&[Alias::new("imaps", &[("mail.imaps.ssl.enable", "true")])])
    .properties(&[Target::PROPERTIES, Login::PROPERTIES, Timing::PROPERTIES, ImapConfig::PROPERTIES])
    .capabilities(&[
        Capability::Connect,
        Capability::Unseen,
        Capability::Seen,
        Capability::Move,
        Capability::Delete,
    ]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Imap::new(ImapConfig::read(properties)?, host)))
}
