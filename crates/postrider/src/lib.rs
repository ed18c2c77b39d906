//! Mail for Rust programs: choose transports at build time, configure them at run time.
//!
//! ```no_run
//! # async fn example() -> postrider::Result<()> {
//! use postrider::{Session, message::Message};
//!
//! let session = Session::builder()
//!     .overrides("mail.smtp.host=mail.example.org\nmail.smtp.user=me\nmail.smtp.password=secret")?
//!     .build()?;
//! let message = Message::builder()
//!     .from("me@example.org".parse().unwrap())
//!     .to("you@example.org".parse().unwrap())
//!     .subject("Hello")
//!     .body("By Postrider.".to_owned())
//!     .unwrap();
//! let receipt = session.mailer()?.send_message(&message).await?;
//! println!("{}", receipt.reply);
//! # Ok(()) }
//! ```
//!
//! | feature | links | names |
//! |---|---|---|
//! | `smtp` | postrider-smtp, as `postrider::smtp` | outgoing `smtp`, `smtps` |
//! | `pop3` | postrider-pop3, as `postrider::pop3` | incoming `pop3`, `pop3s` |
//! | `imap` | postrider-imap, as `postrider::imap` | incoming `imap`, `imaps` |
//! | `gmail` | postrider-gmail, as `postrider::gmail`, which is made of the three above and brings their names too | outgoing `gmail`, incoming `gmail`, `gmail-pop3` |
//! | `maildir` | postrider-maildir, as `postrider::maildir`; on Unix | outgoing and incoming `maildir`: a local directory |
//! | `sendmail` | postrider-sendmail, as `postrider::sendmail`; on Unix | outgoing `sendmail`: a local program |
//! | `memory` | postrider-memory, as `postrider::memory` | outgoing and incoming `memory`: for the tests of a program |
//! | `lettre` | postrider-lettre, as `postrider::lettre` | outgoing `lettre`: that crate's SMTP client, for comparison |
//! | `async-imap` | postrider-async-imap, as `postrider::async_imap` | incoming `async-imap`: that crate's client, for comparison |
//! | `sqlite` | SQLite, compiled in: `postrider::ledger::SqliteLedger`, `postrider::outbox::SqliteOutbox` | |
//! | `postgres` | a client of PostgreSQL: `postrider::ledger::PostgresLedger`, `postrider::outbox::PostgresOutbox` | |
//! | `net` (default) | postrider-net | the host `TokioHost` |
//!
//! A feature only links: it never changes what another does, nor which transport a session chooses. That is
//! what `mail.transport.protocol` (unset: `smtp`) and `mail.store.protocol` (no default) say.
//!
//! | file | what is in it |
//! |---|---|
//! | `session*.rs`, `setup.rs` | [`Session`]: properties, a registry and a host |
//! | `live.rs` | [`Session::apply`]: new settings while it runs |
//! | `mailer*.rs`, `route.rs` | [`Mailer`]: sending by the settings of the moment |
//! | `pool*.rs`, `room.rs` | so many connections and no more, shared by all who send |
//! | `rules/` | [`SendingRules`]: what holds for every message |
//! | `inbox/`, `spool.rs` | [`Inbox`]: receiving; [`Watch`]: a watched inbox; [`Spool`]: a message that has arrived whole |
//! | `outbox/` | [`outbox`]: messages that wait durably, and workers that send them |
//! | `doctor/` | [`doctor`]: why mail does not go out or come in |
//! | `account_file.rs`, `account_reader.rs` | [`AccountFile`]: settings in TOML |
//! | `settings/` | [`settings`]: property files, the environment, forms, lent sessions |

// Naming the plugin crates here is what links them: a dependency that nobody names is dropped by the
// linker, and its registration with it.
#[cfg(feature = "async-imap")]
pub use postrider_async_imap as async_imap;
#[cfg(feature = "gmail")]
pub use postrider_gmail as gmail;
#[cfg(feature = "imap")]
pub use postrider_imap as imap;
#[cfg(feature = "lettre")]
pub use postrider_lettre as lettre;
#[cfg(feature = "maildir")]
pub use postrider_maildir as maildir;
#[cfg(feature = "memory")]
pub use postrider_memory as memory;
#[cfg(feature = "pop3")]
pub use postrider_pop3 as pop3;
#[cfg(feature = "sendmail")]
pub use postrider_sendmail as sendmail;
#[cfg(feature = "smtp")]
pub use postrider_smtp as smtp;

mod account_file;
mod account_reader;
pub mod doctor;
mod inbox;
mod live;
mod mailer;
mod mailer_config;
mod mailer_sender;
mod mailer_share;
pub mod outbox;
mod pool;
mod pool_connection;
mod pool_desk;
mod pool_door;
mod pool_drive;
mod pool_duty;
mod pool_opening;
mod pool_place;
mod pool_plan;
mod pool_watch;
mod room;
mod route;
mod rules;
mod session;
mod session_builder;
pub mod settings;
mod setup;
mod spool;

pub use account_file::AccountFile;
pub use inbox::{
    Answer, Arrival, Counts, Event, Handler, HandlerError, Health, Inbox, Marks, Quarantine, Status, Watch,
    WatchConfig, WatchHandle,
};
pub use live::{Applied, Trial};
pub use mail_parser; // what an Arrival's header is parsed into
pub use mailer::Mailer;
pub use mailer_config::MailerConfig;
pub use postrider_core::*;
#[cfg(feature = "net")]
pub use postrider_net::TokioHost;
pub use rules::{AddressPatterns, AutoResponseSuppress, AutoSubmitted, SendingRules};
pub use session::Session;
pub use session_builder::SessionBuilder;
pub use spool::Spool;

/// The examples of docs/sending.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sending.md")]
mod documentation_of_sending {}

/// The ledger of handled messages: what keeps a message from being handed over twice.
pub mod ledger {
    pub use postrider_store::ledger::*;
}

/// lettre's message builder: [`Message`](message::Message) and what it is made of.
pub mod message {
    pub use lettre::message::{
        Attachment, Body, Mailbox, Mailboxes, Message, MessageBuilder, MultiPart, SinglePart, header,
    };
}
