//! Transports `maildir` for Postrider: messages out of a local maildir and into one
//! (<https://cr.yp.to/proto/maildir.html>, folders as Maildir++ has them).
//!
//! | where | what |
//! |---|---|
//! | `config` | the property tables and [`MaildirConfig`] |
//! | `transport` | [`MaildirIncoming`] and [`MaildirOutgoing`] |
//! | `directory` | the three directories: listing, finding and moving files |
//! | `draft` | a file on its way in: tmp, fsync, into new, fsync |
//! | `name` | what a file name says: key, order and flags; pure |
//! | `folder` | what a mailbox name is as a directory; pure |
//!
//! - **Keys** are `maildir:<folder>/<unique part of the file name>`. They stay when flags change and when another
//!   program moves the message from `new` to `cur`, and mean another message never. No path is made of a key: it is
//!   compared with what the directories hold.
//! - **Order** is by the time in the names, for that is all there is. A message by another program whose name says
//!   that it is older than one already listed does not come after that one.
//! - **Other processes** may work in the same maildir. Nothing is locked, for nothing need be: a file whose name has
//!   changed meanwhile is looked for again.
//! - **Blocking.** Files are read and written by the system's blocking calls, in pieces of at most 64 KiB, so that no
//!   runtime is needed. A listing reads the whole directory in one go, and delivering waits for the disk. On a disk
//!   that may hang, run it on a thread of its own.
//! - **Old files in tmp** that crashed programs left are not cleared away.
//!
//! ```
//! use postrider_core::{Body, Envelope, OutgoingTransport, Result};
//! use postrider_maildir::{MaildirConfig, MaildirOutgoing};
//!
//! async fn keep(body: Body<'_>) -> Result<()> {
//!     let mut config = MaildirConfig::new("/var/mail/archive");
//!     config.create = true;
//!     let envelope = Envelope::parse(None, ["archive@example.org"])?;
//!     MaildirOutgoing::new(config)?.send(&envelope, body).await.map(drop)
//! }
//! ```

// The colon in the names and the durability of a directory are Unix's.
#![cfg(unix)]

mod config;
mod directory;
mod draft;
mod folder;
mod name;
mod transport;

pub use config::MaildirConfig;
pub use transport::{MaildirIncoming, MaildirOutgoing};

use postrider_core::{
    Capability, Host, IncomingTransport, OutgoingTransport, Properties, Result, TransportFactory, register,
};
use std::sync::Arc;

/// Incoming `maildir`.
pub const INCOMING: TransportFactory = TransportFactory::incoming("maildir", &incoming)
    .about("Messages out of a local maildir")
    .properties(&[MaildirConfig::INCOMING])
    .capabilities(&[
        Capability::Connect,
        Capability::Unseen,
        Capability::Seen,
        Capability::Move,
        Capability::Delete,
    ]);
register!(INCOMING);

/// Outgoing `maildir`.
pub const OUTGOING: TransportFactory = TransportFactory::outgoing("maildir", &outgoing)
    .about("Messages into a local maildir, whoever the recipients are")
    .properties(&[MaildirConfig::OUTGOING])
    .capabilities(&[Capability::Connect]);
register!(OUTGOING);

fn incoming(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(MaildirIncoming::new(MaildirConfig::read_incoming(properties)?, host)?))
}

fn outgoing(properties: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(MaildirOutgoing::new(MaildirConfig::read_outgoing(properties)?)?))
}
