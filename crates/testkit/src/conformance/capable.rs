//! What a transport says it can do, against what it does.

use super::bench::{Bench, Condition};
use super::fixtures::{ONE, TWO, address, message};
use super::incoming::{self, InKit, with_messages};
use super::outgoing::{self, OutKit, send, to};
use super::report::Verdict;
use super::sliding::Sliding;
use super::trial::{Check, Kit, broken, not_tried};
use postrider_core::{
    Capability, ErrorKind, Query, RecipientOutcome, Result as Answer, Settle, Verdict as Word,
};
use std::collections::BTreeSet;

/// What was seen of a capability.
enum Seen {
    Can,
    /// The transport's own words.
    Cannot(String),
    /// Why nothing was seen of it.
    Untried(&'static str),
}

/// A capability of this direction, and how it is looked for.
type Trial<'k, B> = (Capability, fn(&Kit<'k, B>) -> Result<Seen, Verdict>);

pub(super) fn outgoing(kit: &OutKit<'_>) -> Check {
    judged(
        kit,
        &[
            (Capability::Connect, connects_out),
            (Capability::Recipients, tells_apart),
            (Capability::Batch, at_once),
        ],
    )
}

pub(super) fn incoming(kit: &InKit<'_>) -> Check {
    judged(
        kit,
        &[
            (Capability::Connect, connects_in),
            (Capability::Unseen, unseen),
            (Capability::Seen, |kit| settles(kit, |_| Settle::Seen)),
            (Capability::Move, |kit| settles(kit, |other| Settle::Move(other.to_owned()))),
            (Capability::Delete, |kit| settles(kit, |_| Settle::Delete)),
        ],
    )
}

fn judged<'k, B: Bench + ?Sized>(kit: &Kit<'k, B>, trials: &[Trial<'k, B>]) -> Check {
    let said = kit.factory.capabilities;
    let known: BTreeSet<Capability> = trials.iter().map(|trial| trial.0).collect();
    if let Some(other) = said.iter().find(|capability| !known.contains(capability)) {
        return broken(format!("{} transports have no capability {other}", kit.factory.direction()));
    }
    if said.iter().collect::<BTreeSet<_>>().len() != said.len() {
        return broken("it names a capability twice");
    }
    let mut untried = None;
    for (capability, trial) in trials {
        match (said.contains(capability), trial(kit)?) {
            (true, Seen::Cannot(why)) => {
                return broken(format!(
                    "it says that it has the capability {capability}, and has not: {why}"
                ));
            }
            (false, Seen::Can) => {
                return broken(format!("it has the capability {capability} and does not say so"));
            }
            (true, Seen::Untried(why)) => {
                untried = Some(format!("{capability}: {why}; all else is as it says"))
            }
            _ => {}
        }
    }
    untried.map_or(Ok(()), |why| not_tried(&why))
}

/// `Unsupported` is how a transport says no. Any other error says that it tried.
fn seen<T>(outcome: &Answer<T>) -> Seen {
    match outcome {
        Err(error) if error.kind() == ErrorKind::Unsupported => Seen::Cannot(error.message().to_owned()),
        _ => Seen::Can,
    }
}

fn connects_out(kit: &OutKit<'_>) -> Result<Seen, Verdict> {
    let bench = (kit.bench)();
    let mut transport = outgoing::made(kit, &*bench)?;
    Ok(seen(&kit.drive(&*bench, transport.connect())?))
}

fn connects_in(kit: &InKit<'_>) -> Result<Seen, Verdict> {
    let bench = with_messages(kit, 1);
    let mut transport = incoming::made(kit, &*bench)?;
    Ok(seen(&kit.drive(&*bench, transport.connect())?))
}

/// One of two is refused, and it says which.
fn tells_apart(kit: &OutKit<'_>) -> Result<Seen, Verdict> {
    let mut bench = (kit.bench)();
    if !address(TWO).is_some_and(|two| bench.arrange(&Condition::RefuseRecipient(two))) {
        return Ok(Seen::Untried("the bench can't refuse a recipient"));
    }
    let mut transport = outgoing::made(kit, &*bench)?;
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE, TWO])?, message(1).into_bytes().into())?;
    let told: &[RecipientOutcome] = match &outcome {
        Ok(receipt) => &receipt.recipients,
        Err(error) => error.recipients(),
    };
    // What is done with a message for both is a property's to say.
    Ok(match told {
        [one, two] if !matches!(one.verdict, Word::Refused(_)) && matches!(two.verdict, Word::Refused(_)) => {
            Seen::Can
        }
        _ => Seen::Cannot("of two, one is refused, and it does not say which".into()),
    })
}

fn at_once(kit: &OutKit<'_>) -> Result<Seen, Verdict> {
    let bench = (kit.bench)();
    let mut transport = outgoing::made(kit, &*bench)?;
    let mut batch = Sliding::new(vec![to(&[ONE])?, to(&[ONE])?, to(&[ONE])?]);
    kit.drive(&*bench, transport.send_all(&mut batch))?;
    Ok(match batch.most_open {
        0 | 1 => Seen::Cannot("it takes one message after the other".into()),
        _ => Seen::Can,
    })
}

fn unseen(kit: &InKit<'_>) -> Result<Seen, Verdict> {
    let bench = with_messages(kit, 1);
    let mut transport = incoming::made(kit, &*bench)?;
    Ok(seen(&kit.drive(&*bench, transport.list(&Query::unseen()))?))
}

fn settles(kit: &InKit<'_>, how: fn(&str) -> Settle) -> Result<Seen, Verdict> {
    let bench = with_messages(kit, 1);
    let mut transport = incoming::made(kit, &*bench)?;
    let ids = incoming::keys(kit, &*bench, &mut transport)?;
    let outcome = kit.drive(&*bench, transport.settle(&ids, &how(bench.other())))?;
    kit.note(&outcome);
    Ok(seen(&outcome))
}
