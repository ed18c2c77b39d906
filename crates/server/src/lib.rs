//! A small SMTP, POP3 and IMAP server that lives inside the process that starts it.
//!
//! For demos, tests and authors of transports. **Never for production**: mail is held in memory, and
//! whoever reaches the port may talk to it.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let server = postrider_server::Server::builder().user("alice", "secret").start().await?;
//! // a client sends to alice@example.test through 127.0.0.1:{smtp_port}, trusting ca_pem() …
//! println!("{} {}", server.smtp_port(), server.ca_pem());
//! server.wait_for_messages("alice", "INBOX", 1).await;
//! assert_eq!(server.messages("alice", "INBOX").len(), 1);
//! server.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! What arrives is kept byte for byte: no `Received` or `Return-Path` is put in front, so that a test can
//! compare. The parser is deliberately naive and shares no code with the clients of this workspace, so that
//! a framing bug in those is not mirrored here; it is strict where a client ought to be (CRLF, nothing sent
//! past STARTTLS or DATA) because its job is to catch clients out.
//!
//! The map: [`Server`] and [`Builder`] are the handle; `listener` accepts; `conn` frames bytes; `store`
//! holds the mailboxes; `sasl` checks passwords; `smtp`, `pop3` and `imap` speak; `mime` looks into messages.

mod builder;
mod conn;
mod dates;
mod error;
mod imap;
mod listener;
mod mime;
mod options;
mod pop3;
mod sasl;
mod server;
mod smtp;
mod store;
mod tls;

pub use builder::Builder;
pub use options::Service;
pub use server::Server;
pub use smtp::Accepted;
