//! Outgoing transport `sendmail` for Postrider: by a local program that takes what Sendmail's does, such as those of
//! Postfix, Exim, OpenSMTPD, msmtp and many others.
//!
//! | where | what |
//! |---|---|
//! | `config` | the property table and [`SendmailConfig`] |
//! | `transport` | [`Sendmail`] and its `OutgoingTransport` |
//! | `process` | the program and its pipes, neither of which ever blocks |
//! | `arguments` | what the program is told: `-i -f SENDER -- RECIPIENT…`; pure |
//! | `exit` | what its exit code means (sysexits.h); pure |
//!
//! No shell ever sees an argument, and an address that begins with a hyphen is an address.
//!
//! | how it ends | outcome |
//! |---|---|
//! | `EX_OK` (0) | accepted, for every recipient: the program tells no more |
//! | `EX_NOUSER` (67), `EX_NOHOST` (68) | rejected; unsure if there were several recipients, for others may have got it |
//! | `EX_DATAERR` (65), `EX_UNAVAILABLE` (69), `EX_CANTCREAT` (73), `EX_PROTOCOL` (76), `EX_NOPERM` (77) | rejected |
//! | `EX_OSERR` (71), `EX_IOERR` (74), `EX_TEMPFAIL` (75) | deferred |
//! | `EX_USAGE` (64), `EX_NOINPUT` (66), `EX_OSFILE` (72), `EX_CONFIG` (78) | not sent: a fault of the configuration |
//! | any other code, killed, or no end in time | unsure; not sent if it had not got the whole message |
//!
//! - The end of its input is the end of the message. So if the message fails half-way, or the call is dropped, the
//!   program is killed first, with all it has started, and its input closed only when it is gone.
//! - What it writes to stderr stands in the error, up to 2 KiB.
//! - It is looked at every 1 to 20 ms, on the host's clock: no thread and no runtime is needed. Only to start it, and
//!   the moment until a killed one is gone, block.
//! - Sendmail's own program says `EX_TEMPFAIL` in its interactive mode (`-odi`) also when it has queued the message;
//!   a repeat would then duplicate it. Its other modes don't.
//!
//! ```
//! use postrider_core::{Body, Envelope, Host, OutgoingTransport, Result};
//! use postrider_sendmail::{Sendmail, SendmailConfig};
//! use std::sync::Arc;
//!
//! async fn tell_root(body: Body<'_>, host: Arc<dyn Host>) -> Result<()> {
//!     let envelope = Envelope::parse(None, ["root@localhost"])?;
//!     Sendmail::new(SendmailConfig::default(), host).send(&envelope, body).await.map(drop)
//! }
//! ```

// Process groups and pipes that don't block are Unix's.
#![cfg(unix)]

mod arguments;
mod config;
mod exit;
mod process;
mod transport;

pub use config::SendmailConfig;
pub use transport::Sendmail;

use postrider_core::{Capability, Host, OutgoingTransport, Properties, Result, TransportFactory, register};
use std::sync::Arc;

/// `sendmail`.
pub const FACTORY: TransportFactory = TransportFactory::outgoing("sendmail", &make)
    .about("By a local program that takes what Sendmail's does")
    .properties(&[SendmailConfig::PROPERTIES])
    .capabilities(&[Capability::Connect]);
register!(FACTORY);

fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Sendmail::new(SendmailConfig::read(properties)?, host)))
}
