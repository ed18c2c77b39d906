//! The properties that belong to a session and to no transport: `mail.<name>`.

use crate::{Address, Milliseconds, Property, PropertySpec};

/// The transport that messages come in by.
pub const STORE_PROTOCOL: Property<String> =
    Property::new("store.protocol", "Name of the incoming transport: imap, pop3, gmail, …");

/// The transport that messages go out by.
pub const TRANSPORT_PROTOCOL: Property<String> =
    Property::new("transport.protocol", "Name of the outgoing transport: smtp, gmail, …").default("smtp");

/// The address that a host app's messages are from where it has no better one. A default to ask for: an
/// envelope that has no sender has the null reverse path on purpose, and keeps it (RFC 5321 §4.5.5).
pub const FROM: Property<Address> =
    Property::new("from", "Address that messages are from where the program names no sender itself.")
        .shared();

/// A session that the host app has made and lends by name, instead of one made from these properties.
pub const SESSION_NAME: Property<String> = Property::new(
    "session.name",
    "Name of a session that the program lends. It is used as it is: every other property is without effect.",
);

/// The dialogue with every server, through `tracing`.
pub const DEBUG: Property<bool> =
    Property::new("debug", "Log the dialogue with every server; secrets are masked.")
        .default("false")
        .shared();

/// How many connections a mailer has at most.
pub const MAILER_CONNECTIONS: Property<usize> =
    Property::new("mailer.connections", "Most connections of one mailer at a time, 1 and up.").default("4");

/// How long a mailer keeps a connection that nobody uses.
pub const MAILER_IDLE_TIMEOUT: Property<Milliseconds> =
    Property::new("mailer.idletimeout", "Longest time an unused connection of a mailer is kept.")
        .default("45s");

/// All of them.
pub const PROPERTIES: &[PropertySpec] = &[
    STORE_PROTOCOL.spec(),
    TRANSPORT_PROTOCOL.spec(),
    FROM.spec(),
    SESSION_NAME.spec(),
    DEBUG.spec(),
    MAILER_CONNECTIONS.spec(),
    MAILER_IDLE_TIMEOUT.spec(),
];
