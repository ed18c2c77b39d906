//! The tokio and rustls [`Host`](postrider_core::Host) for Postrider: the only crate that opens a socket.
//!
//! ```no_run
//! # async fn f() -> postrider_core::Result<()> {
//! use postrider_core::{Host, Target, TlsMode};
//! let host = postrider_net::TokioHost::new();
//! let connection = host.connect(&Target::new("mail.example.org", 993, TlsMode::Implicit)?).await?;
//! assert!(connection.tls().is_some());
//! # Ok(()) }
//! ```
//!
//! What happens in [`connect`](postrider_core::Host::connect), file by file: `config` makes or finds the TLS
//! configuration (`roots` and `pem` read the certificates, `config_choice` and `verify` are for targets that choose
//! whom to trust and what to speak), `place` is the server or the proxy before it, `name` and `resolve` turn its
//! name into addresses, `dial` races them from where `local` says, `proxy` asks for the way on (`proxy_http`,
//! `proxy_socks`), `tls` does the handshake over a `tap` that remembers the first bytes,
//! `binding` ties the session to its channel, `stream` is what the transport gets, and `tls_error` puts what
//! went wrong into words. `certificate` reads what a server has shown, for people.
//!
//! `secrets` looks up what is kept elsewhere, by file, command, environment and keyring; `oauth` gets access tokens.

mod binding;
mod certificate;
mod config;
mod config_choice;
mod dial;
mod host;
mod local;
mod name;
mod oauth;
mod parked;
mod pem;
mod place;
mod proxy;
mod proxy_http;
mod proxy_socks;
mod resolve;
mod roots;
mod secrets;
mod stream;
mod tap;
mod through;
mod tls;
mod tls_error;
mod tls_error_certificate;
mod verify;

pub use certificate::Certificate;
pub use host::{TokioHost, TokioHostBuilder};
pub use secrets::Keyring;
