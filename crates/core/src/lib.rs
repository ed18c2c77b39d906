//! The Postrider contract: what a mail transport is, how it is configured and how a host finds it.
//!
//! No I/O, no runtime, no TLS, no protocol. A transport author needs this crate and nothing else:
//!
//! 1. implement [`OutgoingTransport`] or [`IncomingTransport`];
//! 2. describe it in a constant [`TransportFactory`] with its table of properties;
//! 3. [`register!`] that constant.
//!
//! Data walks one way: text becomes a [`Layer`], layers become [`Properties`], a [`Registry`] picks the
//! factory, the factory makes a transport (no I/O yet), and the transport speaks through the
//! [`Connection`] its [`Host`] lends it.

mod address;
mod batch;
mod body;
mod body_source;
mod capability;
mod credential;
mod deadline;
mod diagnose;
mod diagnose_choice;
mod diagnose_make;
mod diagnose_tls;
mod diagnose_use;
mod diagnose_value;
mod diagnosis;
mod envelope;
mod error;
mod explain;
mod factory;
mod host;
mod incoming;
pub mod jakarta;
pub mod java_properties;
mod known;
mod layer;
pub mod line_ends;
mod message;
mod note;
mod outbox_property;
mod outgoing;
mod phase;
mod properties;
mod property;
mod proxy;
mod receipt;
mod registry;
mod secret;
pub mod session_property;
mod shown;
mod suggest;
mod target;
mod tls;
mod token_grant;
mod trust;
mod value;
mod watch_property;

pub use address::Address;
pub use batch::{Batch, Messages};
pub use body::Body;
pub use capability::Capability;
pub use credential::{Credential, SecretRef};
pub use deadline::{timed_out, within};
pub use diagnosis::{Diagnosis, DiagnosisKind, Severity};
pub use envelope::{Envelope, Notify, Recipient, ReturnContent};
pub use error::{Error, ErrorKind, Outcome, Repeat, Result};
pub use explain::{Covered, Explained};
pub use factory::{Alias, Direction, Make, MakeIncoming, MakeOutgoing, TransportFactory};
pub use host::{ChannelBinding, Connection, Fact, Host, TlsSession};
pub use incoming::IncomingTransport;
pub use layer::{Layer, LayerKind, Origin};
pub use message::{Flags, Listing, MessageId, MessageInfo, Query, Settle, Wake};
pub use note::{Note, NoteKind};
pub use outgoing::OutgoingTransport;
pub use phase::Phase;
pub use properties::Properties;
pub use property::{Check, Property, PropertySpec};
pub use proxy::{Proxy, ProxyKind};
pub use receipt::{Receipt, RecipientOutcome, Reply, Verdict};
pub use registry::Registry;
pub use secret::Secret;
pub use shown::without_login;
pub use target::{LocalAddress, Ports, Target, is_this_machine};
pub use tls::{TlsMode, TlsOptions};
pub use token_grant::TokenGrant;
pub use trust::{CipherSuite, Fingerprint, TlsVersion, Trust};
pub use value::{Bytes, Milliseconds, PropertyValue, ValueType, Words};

/// What the macros of this crate expand to. Not part of the contract.
#[doc(hidden)]
pub mod private {
    pub use crate::registry::Registered;
    pub use inventory;
}

pub use async_trait::async_trait;
