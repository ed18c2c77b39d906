//! The properties of a watched inbox: `mail.watch.<name>`.

use crate::{Bytes, Milliseconds, Property, Words};

/// What becomes of a message that was handled.
pub const WATCH_SETTLE: Property<String> = Property::new(
    "watch.settle",
    "What becomes of a message on the server once it was handled and that is written down: keep, seen, delete or \
     move:MAILBOX. Whatever it is, it is not handed over again.",
)
.default("keep");

/// What becomes of a message that can't be handled.
pub const WATCH_QUARANTINE: Property<String> = Property::new(
    "watch.quarantine",
    "What becomes of a message that was refused, or failed too often: keep (it stays where it is, and is not handed \
     over again), move:MAILBOX, or folder:DIRECTORY (a file there, and one beside it with the reason; then it is \
     settled as if it had been handled).",
)
.default("keep");

/// After how many failures a message is put aside.
pub const WATCH_FAILURES: Property<u32> = Property::new(
    "watch.failures",
    "After so many failures of the handler a message is put aside, 1 and up. Errors, panics and missed deadlines \
     count.",
)
.default("5");

/// After how many attempts that were cut short a message is put aside.
pub const WATCH_INTERRUPTIONS: Property<u32> = Property::new(
    "watch.interruptions",
    "After so many attempts that the end of the process cut short a message is put aside, 1 and up: it may be what \
     ends the process.",
)
.default("10");

/// How long a handler may take.
pub const WATCH_DEADLINE: Property<Milliseconds> =
    Property::new("watch.deadline", "Longest time a handler may take for one message.").default("5m");

/// When a message is handed over again.
pub const WATCH_RETRY: Property<Milliseconds> = Property::new(
    "watch.retry",
    "Time until a message is handed over again that failed, or whose handler said later. It doubles each time, up to \
     an hour.",
)
.default("30s");

/// How soon a silent link is noticed.
pub const WATCH_PROBE: Property<Milliseconds> = Property::new(
    "watch.probe",
    "Within this time a connection that has gone silent without being closed is noticed, 1s and up; so often the \
     server is asked for a sign of life.",
)
.default("5m");

/// The first pause after a failed connection.
pub const WATCH_BACKOFF: Property<Milliseconds> = Property::new(
    "watch.backoff",
    "First pause after a failed connection. It doubles each time and varies by a half; what the server says counts \
     where it is longer.",
)
.default("1s");

/// The longest pause.
pub const WATCH_BACKOFF_MAX: Property<Milliseconds> =
    Property::new("watch.backoffmax", "Longest pause after failed connections.").default("5m");

/// The pause after a failed sign-in.
pub const WATCH_AUTH_RETRY: Property<Milliseconds> =
    Property::new("watch.authretry", "Pause after a failed sign-in: to try often would lock the account.")
        .default("15m");

/// How many messages are fetched ahead.
pub const WATCH_AHEAD: Property<usize> =
    Property::new("watch.ahead", "Most messages fetched ahead of the handler, 1 and up.").default("64");

/// How many bytes are fetched ahead.
pub const WATCH_AHEAD_SIZE: Property<Bytes> = Property::new(
    "watch.aheadsize",
    "Most bytes fetched ahead of the handler, in memory or temporary files; one message is always allowed.",
)
.default("16MiB");

/// For how long handled messages are remembered.
pub const WATCH_REMEMBER: Property<u32> = Property::new(
    "watch.remember",
    "Days until the ledger forgets a message that is not in the mailbox any more.",
)
.default("90");

/// What is ours.
pub const WATCH_OWN: Property<Words> = Property::new(
    "watch.own",
    "Whose messages are our own coming back: addresses (me@example.org) in From or Sender, and domains \
     (@mail.example.org) of a Message-ID. Unset: the address in mail.from, and the user if it is one.",
);

/// The name of the mailbox in the ledger.
pub const WATCH_NAME: Property<String> = Property::new(
    "watch.name",
    "Name of the mailbox in the ledger, the same for all processes that watch it. Unset: made of the user, the host \
     and the folder.",
);
