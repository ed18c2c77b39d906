//! Gmail for Postrider: outgoing `gmail`, incoming `gmail` (IMAP) and `gmail-pop3`.
//!
//! They are the transports smtp, imap and pop3 with Google's servers, ports and TLS set and not to be changed,
//! and with errors that name Gmail's own causes and what to do about them. Chosen by name, never guessed from a
//! host name.
//!
//! ```text
//! mail.transport.protocol=gmail
//! mail.store.protocol=gmail
//! mail.gmail.user=me@gmail.com
//! mail.gmail.password=abcd efgh ijkl mnop
//! ```
//!
//! The password is an app password, with or without the blanks Google shows it with; the one of the account is
//! not accepted. Instead, `mail.gmail.auth.token` takes an OAuth 2 access token of scope
//! `https://mail.google.com/`, and `mail.gmail.oauth.refreshtoken` with `oauth.clientid` and `oauth.clientsecret` has
//! fresh ones got from Google. `gmail-pop3` reads `mail.gmail.…` where `mail.gmail-pop3.…` is not set.
//!
//! Gmail hides a message from POP once any client has read it, deleted or not, unless `recent` is set: what is
//! fetched has to be kept safe before the session ends.
//!
//! | file | what is in it |
//! |---|---|
//! | `config.rs` | the presets, the keys that may be set, and the typed configurations |
//! | `transport.rs` | [`Gmail`], the contract over another transport |
//! | `cause.rs`, `causes.rs` | pure: which cause an error has, and the table of causes |

mod cause;
mod causes;
mod config;
mod transport;

pub use config::{imap, pop3, smtp};
pub use postrider_imap::ImapConfig;
pub use postrider_pop3::Pop3Config;
pub use postrider_smtp::{Login, SmtpConfig, Timing};
pub use transport::Gmail;

use config::{IMAP, POP3, SMTP};
use postrider_core::{
    Host, IncomingTransport, OutgoingTransport, Properties, Result, TransportFactory, register,
};
use postrider_imap::Imap;
use postrider_pop3::Pop3;
use postrider_smtp::Smtp;
use std::sync::Arc;

/// Outgoing `gmail`.
pub const OUTGOING: TransportFactory = TransportFactory::outgoing("gmail", &make_outgoing)
    .about("Gmail and Google Workspace, sending by smtp.gmail.com")
    .properties(SMTP.properties)
    .preset(SMTP.preset)
    .capabilities(postrider_smtp::FACTORY.capabilities);
register!(OUTGOING);

/// Incoming `gmail`, by IMAP.
pub const INCOMING: TransportFactory = TransportFactory::incoming("gmail", &make_incoming)
    .about("Gmail and Google Workspace, receiving by IMAP from imap.gmail.com")
    .properties(IMAP.properties)
    .preset(IMAP.preset)
    .capabilities(postrider_imap::FACTORY.capabilities);
register!(INCOMING);

/// Incoming `gmail-pop3`.
pub const INCOMING_POP3: TransportFactory = TransportFactory::incoming("gmail-pop3", &make_pop3)
    .about("Gmail and Google Workspace, receiving by POP3 from pop.gmail.com")
    .prefixes(&["gmail"])
    .properties(POP3.properties)
    .preset(POP3.preset)
    .capabilities(postrider_pop3::FACTORY.capabilities);
register!(INCOMING_POP3);

fn make_outgoing(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Gmail::new(Smtp::new(config::read_smtp(properties)?, host))))
}

fn make_incoming(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Gmail::new(Imap::new(config::read_imap(properties)?, host))))
}

fn make_pop3(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Gmail::new(Pop3::new(config::read_pop3(properties)?, host))))
}
