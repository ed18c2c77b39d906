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
//! | `smtp` | postrider-smtp | outgoing `smtp`, `smtps` |
//! | `pop3` | postrider-pop3 | incoming `pop3`, `pop3s` |
//! | `imap` | postrider-imap | incoming `imap`, `imaps` |
//! | `gmail` | postrider-gmail, which is made of the three above and brings their names too | outgoing `gmail`, incoming `gmail`, `gmail-pop3` |
//! | `net` (default) | postrider-net | `TokioHost` |
//!
//! A feature only links: it never changes what another does.

// A dependency that nobody names is dropped by the linker, and its registration with it.
#[cfg(feature = "gmail")]
use postrider_gmail as _;
#[cfg(feature = "imap")]
use postrider_imap as _;
#[cfg(feature = "pop3")]
use postrider_pop3 as _;
#[cfg(feature = "smtp")]
use postrider_smtp as _;

mod account_file;
mod inbox;
mod mailer;
mod pool;
mod session;
mod spool;

pub use account_file::AccountFile;
pub use inbox::Inbox;
pub use mailer::Mailer;
pub use postrider_core::*;
#[cfg(feature = "net")]
pub use postrider_net::TokioHost;
pub use session::{Session, SessionBuilder};
pub use spool::Spool;

/// lettre's message builder: [`Message`](message::Message) and what it is made of.
pub mod message {
    pub use lettre::message::{
        Attachment, Body, Mailbox, Mailboxes, Message, MessageBuilder, MultiPart, SinglePart, header,
    };
}
