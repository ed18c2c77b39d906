//! The properties of an outbox: `mail.outbox.<name>`.

use crate::{Milliseconds, Property, Words};

/// By which transports it sends.
pub const OUTBOX_TRANSPORTS: Property<Words> = Property::new(
    "outbox.transports",
    "Names of the transports an outbox sends by, the preferred one first: smtp, gmail. Unset: the one of \
     mail.transport.protocol.",
);

/// In which order its accounts are used.
pub const OUTBOX_ORDER: Property<String> = Property::new(
    "outbox.order",
    "How an outbox chooses among several accounts or transports: failover (the first that works) or roundrobin. \
     Either way it goes on to the next where one could not be reached, and never with a message in doubt.",
)
.default("failover");

/// How many messages it has in flight.
pub const OUTBOX_IN_FLIGHT: Property<usize> = Property::new(
    "outbox.inflight",
    "Most messages that one worker of an outbox has in hand at a time, 1 and up. If it is killed, at most so many are \
     in doubt.",
)
.default("32");

/// What is done with a message that may have been accepted.
pub const OUTBOX_UNSURE: Property<String> = Property::new(
    "outbox.unsure",
    "What an outbox does with a message that may have been accepted and got no answer: report (it stays until \
     somebody decides), repeat (somebody may get it twice) or sent (somebody may get it never).",
)
.default("report");

/// When a deferred message is tried for the second time.
pub const OUTBOX_RETRY: Property<Milliseconds> = Property::new(
    "outbox.retry",
    "How long an outbox waits after the first try of a message that was deferred or reached no server, give or take a \
     fifth.",
)
.default("1m");

/// How the waits grow.
pub const OUTBOX_RETRY_FACTOR: Property<u32> =
    Property::new("outbox.retryfactor", "Each further wait is so many times as long, 1 and up.").default("2");

/// How long the waits get.
pub const OUTBOX_RETRY_MAX: Property<Milliseconds> =
    Property::new("outbox.retrymax", "Longest wait between two tries.").default("4h");

/// How old a message gets.
pub const OUTBOX_EXPIRE: Property<Milliseconds> = Property::new(
    "outbox.expire",
    "How long a message is tried that says nothing of it itself (RFC 5321 §4.5.4.1: 4 or 5 days).",
)
.default("120h");

/// How long it remembers.
pub const OUTBOX_KEEP: Property<Milliseconds> = Property::new(
    "outbox.keep",
    "How long an outbox keeps a message and its events when nothing is to be done about it any more.",
)
.default("168h");

/// How many messages an account may send.
pub const OUTBOX_RATE: Property<String> = Property::new(
    "outbox.rate",
    "Most messages that one worker of an outbox sends by this account in any stretch of time: 100/1m, 2000/24h. \
     Unset: no limit.",
);

/// How many messages a recipient's domain gets.
pub const OUTBOX_DOMAIN_RATE: Property<Words> = Property::new(
    "outbox.domainrate",
    "Most messages that one worker of an outbox sends to one domain of recipients in any stretch of time: 20/1m for \
     every domain, example.org=5/1m for one. Unset: no limit.",
);

/// How often it looks.
pub const OUTBOX_POLL: Property<Milliseconds> = Property::new(
    "outbox.poll",
    "How often an outbox looks for messages of other processes. Those of its own it notices at once.",
)
.default("2s");

/// After how long a worker counts as dead.
pub const OUTBOX_LEASE: Property<Milliseconds> = Property::new(
    "outbox.lease",
    "A worker that has not been heard of for so long is taken for dead, and its messages pass on.",
)
.default("15s");

/// How long it takes to stop.
pub const OUTBOX_STOP_TIMEOUT: Property<Milliseconds> = Property::new(
    "outbox.stoptimeout",
    "How long a worker that is to stop waits for answers to what it has sent. After that it is in doubt.",
)
.default("30s");
