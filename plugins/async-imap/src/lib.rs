//! Incoming transport `async-imap`: the crate async-imap's client behind the contract, over a connection the host
//! lends.
//!
//! It shows how to wrap the client you have, and it is what Postrider's own `imap` is measured against. Nobody
//! needs it to receive mail.
//!
//! ```no_run
//! # use std::sync::Arc; use postrider_core::*;
//! # async fn example(host: Arc<dyn Host>) -> Result<()> {
//! use postrider_async_imap::{AsyncImap, AsyncImapConfig, Login};
//!
//! let target = Target::new("mail.example.org", 993, TlsMode::Implicit)?;
//! let login = Login::password(&target, "me", "secret");
//! let mut imap = AsyncImap::new(AsyncImapConfig::new(target, login), host);
//! for message in imap.list(&Query::unseen()).await?.messages {
//!     let text = imap.fetch(&message.id).await?.read_all(1 << 20).await?;
//!     println!("{} bytes", text.len());
//! }
//! # Ok(()) }
//! ```
//!
//! # What async-imap's client can't do
//!
//! | | here | with `imap` |
//! |---|---|---|
//! | memory | a message is held whole, `maxsize` at most, and copied while it grows | constant |
//! | refusals | async-imap takes a NO to FETCH, STORE, EXPUNGE, SEARCH for a yes (its issue 95): every command goes through `run_command` and `read_response`, and its tagged status is checked here | checked |
//! | response codes | those its parser knows; of others the text alone | all |
//! | deadlines | one for each command, one for a whole message (`fetchtimeout`) | one for each silence, and a least rate |
//! | waiting | looks every `pollinterval`: its IDLE needs an ambient tokio timer | IDLE |
//! | sign-in | AUTHENTICATE alone; no LOGIN, no SASL-IR, no PREAUTH | all three |
//! | mailbox names | ASCII without `&`: it has no modified UTF-7 | any |
//! | servers without UIDPLUS or MOVE | deleting or moving is `Unsupported` | worked around |
//! | unknown untagged data | ends the connection | is passed over |
//! | an answer that is not a body | 2 MiB at most: its parser begins anew with every piece that comes | linear |
//! | transcript | up to the sign-in only | whole |
//!
//! async-imap writes each line it sends to `log` at trace level, passwords included. So it gets no password: it
//! sends a stand-in, and the connection puts the real line in its place.
//!
//! A connection that is used again is tried by NOOP first, for whether a call may be repeated can't be told
//! from async-imap's errors. async-imap brings tokio's `net` and `time` for a connector of its own; no code of it
//! runs here, so no runtime is needed.
//!
//! The keys of messages are those of `imap`: a host app can change from one to the other and lose nothing.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the property table and [`AsyncImapConfig`] |
//! | `transport.rs` | [`AsyncImap`], the contract |
//! | `session.rs` | one connection: commands and their answers |
//! | `session_open.rs` | greeting, capabilities, STARTTLS, sign-in, mailbox |
//! | `auth.rs` | pure: the answers to the server's challenges |
//! | `lent.rs` | the connection as async-imap wants it |
//! | `told.rs` | pure: what async-imap's answers and errors mean; message keys |

mod auth;
mod config;
mod lent;
mod session;
mod session_open;
mod told;
mod transport;

pub use config::AsyncImapConfig;
pub use postrider_wire::{Login, Timing};
pub use transport::AsyncImap;

use postrider_core::{
    Capability, Host, IncomingTransport, Properties, Result, Target, TransportFactory, register,
};
use std::sync::Arc;

/// What a registry knows of this transport.
pub const FACTORY: TransportFactory = TransportFactory::incoming("async-imap", &make)
    .about("async-imap's client behind the contract; for comparison")
    .properties(&[Target::PROPERTIES, Login::PROPERTIES, Timing::PROPERTIES, AsyncImapConfig::PROPERTIES])
    .capabilities(&[
        Capability::Connect,
        Capability::Unseen,
        Capability::Seen,
        Capability::Move,
        Capability::Delete,
    ]);

register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(AsyncImap::new(AsyncImapConfig::read(properties)?, host)))
}
