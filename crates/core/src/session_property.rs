//! The properties that belong to a session and to no transport: `mail.<name>`.

pub use crate::outbox_property::*;
pub use crate::watch_property::*;
use crate::{Address, Milliseconds, Property, PropertySpec, Words};

/// The transport that messages come in by.
pub const STORE_PROTOCOL: Property<String> =
    Property::new("store.protocol", "Name of the incoming transport: imap, pop3, gmail, …");

/// The transport that messages go out by.
pub const TRANSPORT_PROTOCOL: Property<String> =
    Property::new("transport.protocol", "Name of the outgoing transport: smtp, gmail, …").default("smtp");

/// The address that a host app's messages are from where it has no better one. A default to ask for: an
/// envelope that has no sender has the null reverse path on purpose, and keeps it (RFC 5321 §4.5.5).
pub const FROM: Property<Address> =
    Property::new(
        "from",
        "mail.from: address that messages are from where the program names no sender itself. mail.<transport>.from: \
         sender of the envelope, where bounces go, of messages that bring no envelope of their own.",
    )
    .shared();

/// A session that the host app has made and lends by name, instead of one made from these properties.
pub const SESSION_NAME: Property<String> = Property::new(
    "session.name",
    "Name of a session that the program lends. It is used as it is: every other property is without effect.",
);

/// The name that goes with [`FROM`].
pub const FROM_NAME: Property<String> =
    Property::new("from.name", "Display name that goes with mail.from in a From header.").shared();

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

/// When a mailer opens another connection.
pub const MAILER_GROW_AT: Property<usize> = Property::new(
    "mailer.growat",
    "Messages in flight on every connection of a mailer before it opens another one, as long as mailer.connections \
     allows, 1 and up. Where all are open, messages share them.",
)
.default("1");

/// How much a mailer sends over one connection.
pub const MAILER_MESSAGES_PER_CONNECTION: Property<usize> = Property::new(
    "mailer.messagesperconnection",
    "Most messages over one connection of a mailer, 1 and up; then it says goodbye. Unset: no limit.",
);

/// How long a mailer uses one connection.
pub const MAILER_CONNECTION_AGE: Property<Milliseconds> = Property::new(
    "mailer.connectionage",
    "Longest time a connection of a mailer takes messages; then it says goodbye. Unset: no limit.",
);

/// How long a message waits for a connection.
pub const MAILER_WAIT_TIMEOUT: Property<Milliseconds> = Property::new(
    "mailer.waittimeout",
    "Longest time a message waits until a connection of the mailer has room for it. Unset: no limit.",
);

/// Who may send.
pub const SEND_ALLOWED_SENDERS: Property<Words> = Property::new(
    "send.allowedsenders",
    "The only senders allowed, in envelope, From and Sender: me@example.org, *@example.org, *@*.example.org. \
     Unset: everybody. Others are an error before any server is asked.",
);

/// Whom nothing is sent to.
pub const SEND_BLOCKED_RECIPIENTS: Property<Words> = Property::new(
    "send.blockedrecipients",
    "Recipients that nothing is sent to, whatever their case: you@example.org, *@example.org, \
     *@*.example.org, noreply@*. They are reported as suppressed.",
);

/// Whether the domains of documentation and tests count as recipients.
pub const SEND_ALLOW_RESERVED: Property<bool> = Property::new(
    "send.allowreserved",
    "Send to domains reserved for documentation and tests too: example.com, example.net, example.org and \
     those under .example, .test, .invalid and .localhost (RFC 2606, RFC 6761).",
)
.default("false");

/// Who gets a copy of every message.
pub const SEND_AUDIT: Property<Words> = Property::new(
    "send.audit",
    "Addresses that get a copy of every message that was sent, in a transaction of its own and invisible in \
     the message. That a copy fails changes nothing for the message.",
);

/// How many recipients go together.
pub const SEND_RECIPIENTS_PER_TRANSACTION: Property<usize> = Property::new(
    "send.recipientspertransaction",
    "Most recipients of one transaction, 1 and up; more are sent to in several. Unset: all in one.",
);

/// How a message says that a program wrote it (RFC 3834 §5).
pub const SEND_AUTO_SUBMITTED: Property<String> = Property::new(
    "send.autosubmitted",
    "Auto-Submitted header for messages without one: auto-generated, auto-replied or auto-notified.",
);

/// How a message asks not to be answered by programs.
pub const SEND_AUTO_RESPONSE_SUPPRESS: Property<Words> = Property::new(
    "send.autoresponsesuppress",
    "X-Auto-Response-Suppress header for messages without one: All, or some of DR, NDR, RN, NRN, OOF, \
     AutoReply.",
);

/// Where everything goes instead.
pub const SEND_REDIRECT: Property<Address> = Property::new(
    "send.redirect",
    "For staging: every message goes to this address and to nobody else. Blocked recipients and audit copies \
     don't matter then.",
);

/// All of them.
pub const PROPERTIES: &[PropertySpec] = &[
    STORE_PROTOCOL.spec(),
    TRANSPORT_PROTOCOL.spec(),
    FROM.spec(),
    SESSION_NAME.spec(),
    DEBUG.spec(),
    MAILER_CONNECTIONS.spec(),
    MAILER_IDLE_TIMEOUT.spec(),
    MAILER_GROW_AT.spec(),
    MAILER_MESSAGES_PER_CONNECTION.spec(),
    MAILER_CONNECTION_AGE.spec(),
    MAILER_WAIT_TIMEOUT.spec(),
    FROM_NAME.spec(),
    SEND_ALLOWED_SENDERS.spec(),
    SEND_BLOCKED_RECIPIENTS.spec(),
    SEND_ALLOW_RESERVED.spec(),
    SEND_AUDIT.spec(),
    SEND_RECIPIENTS_PER_TRANSACTION.spec(),
    SEND_AUTO_SUBMITTED.spec(),
    SEND_AUTO_RESPONSE_SUPPRESS.spec(),
    SEND_REDIRECT.spec(),
    WATCH_SETTLE.spec(),
    WATCH_QUARANTINE.spec(),
    WATCH_FAILURES.spec(),
    WATCH_INTERRUPTIONS.spec(),
    WATCH_DEADLINE.spec(),
    WATCH_RETRY.spec(),
    WATCH_PROBE.spec(),
    WATCH_BACKOFF.spec(),
    WATCH_BACKOFF_MAX.spec(),
    WATCH_AUTH_RETRY.spec(),
    WATCH_AHEAD.spec(),
    WATCH_AHEAD_SIZE.spec(),
    WATCH_REMEMBER.spec(),
    WATCH_OWN.spec(),
    WATCH_NAME.spec(),
    OUTBOX_TRANSPORTS.spec(),
    OUTBOX_ORDER.spec(),
    OUTBOX_IN_FLIGHT.spec(),
    OUTBOX_UNSURE.spec(),
    OUTBOX_RETRY.spec(),
    OUTBOX_RETRY_FACTOR.spec(),
    OUTBOX_RETRY_MAX.spec(),
    OUTBOX_EXPIRE.spec(),
    OUTBOX_KEEP.spec(),
    OUTBOX_RATE.spec(),
    OUTBOX_DOMAIN_RATE.spec(),
    OUTBOX_POLL.spec(),
    OUTBOX_LEASE.spec(),
    OUTBOX_STOP_TIMEOUT.spec(),
];
