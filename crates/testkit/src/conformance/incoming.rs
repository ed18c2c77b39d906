//! The promises of a way in.

use super::bench::IncomingBench;
use super::fixtures::{message, same};
use super::report::{Report, Verdict};
use super::trial::{Check, Kit, Trial, broken};
use super::{
    capable, described, hostile, incoming_faults as faults, incoming_hints as hints,
    incoming_reading as reading,
};
use super::{incoming_settling as settling, secrecy};
use postrider_core::{
    ErrorKind, Host, IncomingTransport, Listing, MessageId, Phase, Query, Result as Answer, TransportFactory,
};
use std::sync::Arc;

pub(super) type Bench = dyn IncomingBench;
pub(super) type InKit<'k> = Kit<'k, Bench>;
pub(super) type Transport = Box<dyn IncomingTransport>;

pub(super) fn check(
    factory: &'static TransportFactory,
    bench: &dyn Fn() -> Box<Bench>,
    wanted: impl Fn(&str) -> bool,
) -> Report {
    Kit::new(factory, bench, attempt).judge(wanted, TRIALS)
}

/// The promises in the suite's order.
pub(super) const TRIALS: &[Trial<Bench>] = &[
    (
        "properties",
        "Every property is declared once, documented, and a secret if it is one",
        described::properties,
    ),
    (
        "bad-values",
        "A value that can't be used is refused by its key before anything is done",
        described::bad_values,
    ),
    ("make-without-io", "Making it does no I/O", described::made_without_io),
    ("lists", "Messages are listed in pages, oldest first, each once", reading::lists),
    ("fetches", "A message is fetched as it is", reading::fetches),
    ("pieces", "In what pieces bytes travel makes no difference", reading::pieces),
    ("prefetch", "A hint of what is fetched next changes nothing but the speed", hints::prefetch),
    ("stable-keys", "A message has the same key in every session, and no other has it", reading::stable_keys),
    ("gone", "A message that is gone is NotFound, and a foreign key is refused", reading::gone),
    ("injection", "No key and no name of a mailbox gives orders to the server", reading::injection),
    (
        "reading-changes-nothing",
        "Listing and fetching, whole or in part, change nothing",
        settling::reading_changes_nothing,
    ),
    ("unseen", "Only what is unseen is listed, or it is Unsupported", settling::unseen),
    ("keep", "Keep leaves a message as it is", settling::keep),
    ("seen", "Seen marks those messages and no others, or is Unsupported", settling::seen),
    ("move", "Move takes those messages and no others elsewhere, or is Unsupported", settling::moves),
    (
        "delete",
        "Delete and close() delete those messages and no others, or it is Unsupported",
        settling::delete,
    ),
    ("settle-refused", "What the server does not do is not said to be done", settling::refused),
    ("wait", "wait() ends in time, and what came meanwhile is listed", reading::wait),
    ("connect", "connect() changes nothing, or is Unsupported", connect),
    ("cuts", "A connection that is cut anywhere loses no message, and the next call works", faults::cuts),
    (
        "cancellation",
        "Every call can be given up at every await; no message is lost, and the next call works",
        faults::cancellation,
    ),
    ("memory", "A message is not kept in memory while it passes", faults::memory),
    ("maxsize", "A message larger than maxsize is a Limit error, and the next call works", faults::maxsize),
    ("deadlines", "A silent server is a Timeout within the time that was set", hostile::deadline),
    ("limits", "Endless and absurd answers end in an error soon", hostile::limits),
    (
        "starttls",
        "Nothing counts that is said before the TLS handshake, and nothing falls back to clear text",
        hostile::starttls,
    ),
    ("unreachable", "A host's error comes through as it is", hostile::unreachable),
    ("capabilities", "It can do what it says it can, and nothing else that can be said", capable::incoming),
    ("close", "It can be closed in any state", close),
    ("errors", "Errors have the right kind, phase, words and advice", secrecy::typed),
    ("secrets", "No secret shows in errors, logs, Debug, or clear text", secrecy::silent),
];

/// A bench with messages 1 to n.
pub(super) fn with_messages(kit: &InKit<'_>, count: usize) -> Box<Bench> {
    let bench = (kit.bench)();
    fill(&*bench, count);
    bench
}

pub(super) fn fill(bench: &Bench, count: usize) {
    (1..=count).for_each(|n| bench.deliver(message(n).as_bytes()));
}

/// A new transport over this bench.
pub(super) fn made(kit: &InKit<'_>, bench: &Bench) -> Result<Transport, Verdict> {
    let made = kit.registry()?.incoming(kit.factory.name, &kit.properties(bench, &[])?, bench.host());
    kit.good("making it", made)
}

/// Lists, which has to work.
pub(super) fn list(
    kit: &InKit<'_>,
    bench: &Bench,
    transport: &mut Transport,
    query: &Query,
) -> Result<Listing, Verdict> {
    let outcome = kit.drive(bench, transport.list(query))?;
    kit.good("listing", outcome)
}

/// The keys of all messages.
pub(super) fn keys(
    kit: &InKit<'_>,
    bench: &Bench,
    transport: &mut Transport,
) -> Result<Vec<MessageId>, Verdict> {
    let listing = list(kit, bench, transport, &Query::all())?;
    Ok(listing.messages.into_iter().map(|m| m.id).collect())
}

/// Fetches a message and reads it to its end.
pub(super) fn read(
    kit: &InKit<'_>,
    bench: &Bench,
    transport: &mut Transport,
    id: &MessageId,
) -> Result<Answer<Vec<u8>>, Verdict> {
    let work = async { transport.fetch(id).await?.read_all(1 << 20).await };
    let outcome = kit.drive(bench, work)?;
    kit.note(&outcome);
    Ok(outcome.map(|bytes| bytes.to_vec()))
}

/// Closes it, which has to work.
pub(super) fn closed(kit: &InKit<'_>, bench: &Bench, transport: Transport) -> Check {
    let outcome = kit.drive(bench, transport.close())?;
    kit.good("closing", outcome)
}

/// The numbers of the messages that are there, and whether they are seen.
pub(super) fn there(bench: &Bench) -> Vec<(usize, bool)> {
    let number = |bytes: &[u8]| (1..=9).find(|n| same(bytes, message(*n).as_bytes())).unwrap_or(0);
    bench.remaining().iter().map(|has| (number(&has.bytes), has.seen)).collect()
}

fn attempt(
    kit: &InKit<'_>,
    bench: &Bench,
    over: &[(String, String)],
    host: Arc<dyn Host>,
) -> Result<Answer<()>, Verdict> {
    fill(bench, 1);
    let made = kit.registry()?.incoming(kit.factory.name, &kit.properties(bench, over)?, host);
    let mut transport = match made {
        Ok(transport) => transport,
        Err(error) => return Ok(Err(error)),
    };
    let work = async {
        let listing = transport.list(&Query::all()).await?;
        for message in listing.messages {
            transport.fetch(&message.id).await?.read_all(1 << 20).await?;
        }
        transport.close().await
    };
    kit.drive(bench, work)
}

fn connect(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 2);
    let before = bench.remaining();
    let mut transport = made(kit, &*bench)?;
    let outcome = kit.drive(&*bench, transport.connect())?;
    kit.note(&outcome);
    if bench.remaining() != before {
        return broken("connect() changes the mailbox");
    }
    match outcome {
        Ok(()) => keys(kit, &*bench, &mut transport).map(drop),
        Err(e) if (e.kind(), e.phase()) == (ErrorKind::Unsupported, Phase::Configure) => {
            Err(Verdict::NotOffered(e.message().into()))
        }
        Err(e) => broken(format!("connect() fails where list() works: {e}")),
    }
}

fn close(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 1);
    closed(kit, &*bench, made(kit, &*bench)?)?;
    if bench.line().is_some_and(|line| line.dials() > 0) {
        return broken("closing it unused connects");
    }
    let mut transport = made(kit, &*bench)?;
    keys(kit, &*bench, &mut transport)?;
    if let Some(line) = bench.line() {
        drop(line.clone().stall_after(line.received()));
    }
    // Nothing is waiting to be deleted, so there is nothing that can fail; but nobody may hang.
    let outcome = kit.drive(&*bench, transport.close())?;
    kit.note(&outcome);
    if there(&*bench).len() != 1 { broken("closing it changes the mailbox") } else { Ok(()) }
}
