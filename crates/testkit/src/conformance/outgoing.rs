//! The promises of a way out.

use super::bench::OutgoingBench;
use super::fixtures::{ONE, TWO, envelope, holds, message};
use super::report::{Report, Verdict};
use super::trial::{Check, Kit, Trial, broken};
use super::{capable, described, hostile, outgoing_batches as batches, outgoing_faults as faults};
use super::{outgoing_outcomes as outcomes, secrecy};
use postrider_core::{
    Body, Envelope, ErrorKind, Host, OutgoingTransport, Phase, Receipt, Result as Answer, TransportFactory,
};
use std::sync::Arc;

pub(super) type Bench = dyn OutgoingBench;
pub(super) type OutKit<'k> = Kit<'k, Bench>;

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
    ("delivers", "What is sent arrives whole, once, for every recipient, and the receipt says so", delivers),
    ("pieces", "In what pieces bytes travel makes no difference", pieces),
    ("recipients", "Each recipient has an outcome of their own, and it is true", outcomes::recipients),
    ("refusals", "A refused message is Rejected or Deferred, and nothing else", outcomes::refusals),
    ("batch", "Each message of a batch has its own outcome, while others are still to come", batches::batch),
    ("connect", "connect() sends nothing, or is Unsupported", connect),
    ("injection", "No message can become two, or give orders to the server", outcomes::injection),
    (
        "cuts",
        "A connection that is cut anywhere gives a true outcome, and the next message goes out",
        faults::cuts,
    ),
    (
        "batch-breaks",
        "A batch that is cut or given up anywhere has true outcomes, and the next message goes out",
        batches::breaks,
    ),
    ("unsure", "Unsure if the end of the message was out and no answer came, and only then", faults::unsure),
    ("body-fails", "A body that breaks off is not sent", faults::body_fails),
    (
        "cancellation",
        "A send can be given up at every await, and the next message is whole",
        faults::cancellation,
    ),
    ("memory", "A message is not kept in memory while it passes", faults::memory),
    ("deadlines", "A silent server is a Timeout within the time that was set", hostile::deadline),
    ("limits", "Endless and absurd answers end in an error soon", hostile::limits),
    (
        "starttls",
        "Nothing counts that is said before the TLS handshake, and nothing falls back to clear text",
        hostile::starttls,
    ),
    ("unreachable", "A host's error comes through as it is", hostile::unreachable),
    ("capabilities", "It can do what it says it can, and nothing else that can be said", capable::outgoing),
    ("close", "It can be closed in any state, and that undoes nothing", close),
    ("errors", "Errors have the right kind, phase, words and advice", secrecy::typed),
    ("secrets", "No secret shows in errors, logs, Debug, or clear text", secrecy::silent),
];

/// Makes the transport over its bench.
pub(super) fn make(
    kit: &OutKit<'_>,
    bench: &Bench,
    over: &[(String, String)],
    host: Arc<dyn Host>,
) -> Result<Answer<Box<dyn OutgoingTransport>>, Verdict> {
    Ok(kit.registry()?.outgoing(kit.factory.name, &kit.properties(bench, over)?, host))
}

/// A new transport over this bench.
pub(super) fn made(kit: &OutKit<'_>, bench: &Bench) -> Result<Box<dyn OutgoingTransport>, Verdict> {
    let made = make(kit, bench, &[], bench.host())?;
    kit.good("making it", made)
}

/// Sends, and notes what went wrong.
pub(super) fn send(
    kit: &OutKit<'_>,
    bench: &Bench,
    transport: &mut dyn OutgoingTransport,
    envelope: &Envelope,
    body: Body<'_>,
) -> Result<Answer<Receipt>, Verdict> {
    let outcome = kit.drive(bench, transport.send(envelope, body))?;
    kit.note(&outcome);
    Ok(outcome)
}

/// How many messages the backend has that end in this one.
pub(super) fn count(bench: &Bench, message: &str) -> usize {
    bench.delivered().iter().filter(|has| holds(&has.bytes, message.as_bytes())).count()
}

/// An envelope of the suite's own, whose addresses are good.
pub(super) fn to(addresses: &[&str]) -> Result<Envelope, Verdict> {
    envelope(addresses).map_err(|e| Verdict::broken(e.to_string()))
}

fn attempt(
    kit: &OutKit<'_>,
    bench: &Bench,
    over: &[(String, String)],
    host: Arc<dyn Host>,
) -> Result<Answer<()>, Verdict> {
    let mut transport = match make(kit, bench, over, host)? {
        Ok(transport) => transport,
        Err(error) => return Ok(Err(error)),
    };
    let outcome = kit.drive(bench, transport.send(&to(&[ONE])?, message(1).into_bytes().into()))?;
    if outcome.is_ok() {
        let closed = kit.drive(bench, transport.close())?;
        kit.note(&closed);
    }
    Ok(outcome.map(drop))
}

fn delivers(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let mut transport = made(kit, &*bench)?;
    let envelope = to(&[ONE, TWO])?;
    for n in 1..=2 {
        let outcome = send(kit, &*bench, &mut *transport, &envelope, message(n).into_bytes().into())?;
        let receipt = kit.good("sending", outcome)?;
        let named: Vec<&str> = receipt.recipients.iter().map(|r| r.address.as_str()).collect();
        if named != [ONE, TWO] || !receipt.is_complete() {
            return broken(format!("the receipt for {ONE} and {TWO} says: {:?}", receipt.recipients));
        }
    }
    let delivered = bench.delivered();
    let mut for_whom = [0, 0];
    for has in &delivered {
        for (n, address) in [ONE, TWO].iter().enumerate() {
            let known = !has.recipients.is_empty();
            for_whom[n] += usize::from(!known || has.recipients.iter().any(|r| r == address));
        }
    }
    // A backend may keep a copy for each recipient, or one for all.
    if for_whom[0] < 2 || for_whom[1] < 2 || !(2..=4).contains(&delivered.len()) {
        return broken(format!("two messages for two: the backend has {} copies", delivered.len()));
    }
    for n in 1..=2 {
        if count(&*bench, &message(n)) * 2 != delivered.len() {
            return broken(format!("message {n} did not arrive as it was sent"));
        }
    }
    let closed = kit.drive(&*bench, transport.close())?;
    kit.good("closing", closed)
}

fn pieces(kit: &OutKit<'_>) -> Check {
    super::trial::need_line((kit.bench)().line())?;
    let deliveries = (0..20).map(crate::Delivery::Random).chain([crate::Delivery::OneByOne]);
    for delivery in deliveries {
        let bench = (kit.bench)();
        if let Some(line) = bench.line() {
            drop(line.delivery(delivery));
        }
        let mut transport = made(kit, &*bench)?;
        let (body, _) = super::fixtures::tracked(message(1));
        let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, body)?;
        kit.good(&format!("sending in pieces ({delivery:?})"), outcome)?;
        if count(&*bench, &message(1)) != 1 {
            return broken(format!("{delivery:?}: the message did not arrive as it was sent"));
        }
    }
    Ok(())
}

fn connect(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let mut transport = made(kit, &*bench)?;
    let outcome = kit.drive(&*bench, transport.connect())?;
    if !bench.delivered().is_empty() {
        return broken("connect() sent something");
    }
    match outcome {
        Ok(()) => {
            let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, message(1).into_bytes().into())?;
            kit.good("sending after connect()", outcome).map(drop)
        }
        Err(e) if (e.kind(), e.phase()) == (ErrorKind::Unsupported, Phase::Configure) => {
            Err(Verdict::NotOffered(e.message().into()))
        }
        Err(e) => broken(format!("connect() fails where send() works: {e}")),
    }
}

fn close(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let closed = kit.drive(&*bench, made(kit, &*bench)?.close())?;
    kit.good("closing it unused", closed)?;
    if bench.line().is_some_and(|line| line.dials() > 0) {
        return broken("closing it unused connects");
    }
    let mut transport = made(kit, &*bench)?;
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, message(1).into_bytes().into())?;
    kit.good("sending", outcome)?;
    // What was accepted stays accepted, whatever becomes of the goodbye.
    if let Some(line) = bench.line() {
        drop(line.clone().stall_after(line.received()));
    }
    let closed = kit.drive(&*bench, transport.close())?;
    kit.good("closing it while the server is silent", closed)?;
    if count(&*bench, &message(1)) != 1 { broken("closing it undid what was sent") } else { Ok(()) }
}
