//! What authors of Postrider transports test with: dialogues in text files, a virtual [`Host`] with its own
//! clock, faults at every byte, and a suite that tries every promise of the contract ([`conformance`]).
//!
//! ```
//! use postrider_core::{Host, Target, TlsMode};
//! use postrider_testkit::{Dialogue, VirtualHost, run};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let dialogue = Dialogue::parse("S: 220 hello\nC: QUIT\nS: 221 bye\nCUT\n").unwrap();
//! let host = VirtualHost::play(&dialogue);
//! let said = run(&host, async {
//!     let mut line = host.connect(&Target::new("mail.example", 25, TlsMode::None)?).await?;
//!     line.write_all(b"QUIT\r\n").await.unwrap();
//!     let mut said = String::new();
//!     line.read_to_string(&mut said).await.unwrap();
//!     Ok::<_, postrider_core::Error>(said)
//! });
//! assert_eq!(said.unwrap().unwrap(), "220 hello\r\n221 bye\r\n");
//! host.assert_followed();
//! ```
//!
//! [`Host`]: postrider_core::Host

// A test kit speaks by panicking.
#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

pub mod body;
pub mod conformance;
mod dialogue;
mod executor;
mod host;
mod player;
mod quirk;
pub mod secrets;
pub mod sweep;

pub use dialogue::Dialogue;
pub use executor::{Hang, run, run_polls};
pub use host::{Delivery, VirtualHost};
pub use quirk::{Quirk, Quirky, trickling};

/// A small server that lives in a test: bytes in, bytes out, no I/O. A new one is made for each dial.
pub trait Script: Send {
    /// What it says before it is spoken to.
    fn greet(&mut self) -> Vec<u8>;

    /// What it answers to these bytes, which may be any piece of what the client sends.
    fn receive(&mut self, bytes: &[u8]) -> Vec<u8>;

    /// The client starts a TLS handshake: false lets it fail.
    fn start_tls(&mut self) -> bool {
        true
    }

    /// What it says when all it said has been read, for endless talkers.
    fn more(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// What happens when there is nothing more to read.
    fn ending(&self) -> Ending {
        Ending::Open
    }
}

/// What a reader meets when a [`Script`] has nothing more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Silence.
    Open,
    /// The end of the connection.
    Closed,
    /// A reset.
    Reset,
}
