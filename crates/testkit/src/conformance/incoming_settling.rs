//! What becomes of messages that have been handled, and of all others.

use super::bench::Condition;
use super::fixtures::message;
use super::incoming::{Bench, InKit, Transport, closed, fill, keys, list, made, read, there, with_messages};
use super::report::Verdict;
use super::trial::{Check, broken, not_tried};
use postrider_core::{ErrorKind, Query, Settle};

const UNTOUCHED: [(usize, bool); 3] = [(1, false), (2, false), (3, false)];

pub(super) fn reading_changes_nothing(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 3);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let half = kit.drive(&*bench, async {
        let mut body = transport.fetch(&all[0]).await?;
        body.chunk().await.map(drop)
    })?;
    kit.good("fetching", half)?;
    for id in &all {
        kit.good("fetching", read(kit, &*bench, &mut transport, id)?)?;
    }
    closed(kit, &*bench, transport)?;
    let after = there(&*bench);
    if after == UNTOUCHED { Ok(()) } else { broken(format!("after reading alone the mailbox has {after:?}")) }
}

/// Settles messages 1 and 3 of 3 and closes. `Ok` if that can be done here.
fn settled(kit: &InKit<'_>, how: &Settle) -> Result<Box<Bench>, Verdict> {
    let bench = with_messages(kit, 3);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let ids = [all[0].clone(), all[2].clone()];
    // Twice: a message that is gone counts as settled.
    for _ in 0..2 {
        if let Err(error) = settle(kit, &*bench, &mut transport, &ids, how)? {
            closed(kit, &*bench, transport)?;
            let after = there(&*bench);
            if error.kind() != ErrorKind::Unsupported {
                return broken(format!("{how:?} is neither done nor Unsupported: {error}"));
            }
            if after != UNTOUCHED {
                return broken(format!("{how:?} is Unsupported, and the mailbox has {after:?}"));
            }
            return Err(Verdict::NotOffered(error.message().into()));
        }
    }
    closed(kit, &*bench, transport)?;
    // And in another session.
    let mut transport = made(kit, &*bench)?;
    if let Err(error) = settle(kit, &*bench, &mut transport, &ids, how)? {
        return broken(format!("{how:?} again, in another session: {error}"));
    }
    closed(kit, &*bench, transport)?;
    Ok(bench)
}

fn settle(
    kit: &InKit<'_>,
    bench: &Bench,
    transport: &mut Transport,
    ids: &[postrider_core::MessageId],
    how: &Settle,
) -> Result<postrider_core::Result<()>, Verdict> {
    let outcome = kit.drive(bench, transport.settle(ids, how))?;
    kit.note(&outcome);
    Ok(outcome)
}

fn expect(bench: &Bench, how: &str, wanted: &[(usize, bool)]) -> Check {
    let after = there(bench);
    if after == wanted { Ok(()) } else { broken(format!("after {how} of 1 and 3 the mailbox has {after:?}")) }
}

pub(super) fn keep(kit: &InKit<'_>) -> Check {
    expect(&*settled(kit, &Settle::Keep)?, "Keep", &UNTOUCHED)
}

pub(super) fn seen(kit: &InKit<'_>) -> Check {
    expect(&*settled(kit, &Settle::Seen)?, "Seen", &[(1, true), (2, false), (3, true)])
}

pub(super) fn delete(kit: &InKit<'_>) -> Check {
    expect(&*settled(kit, &Settle::Delete)?, "Delete", &[(2, false)])
}

pub(super) fn moves(kit: &InKit<'_>) -> Check {
    let other = (kit.bench)().other().to_owned();
    let bench = settled(kit, &Settle::Move(other.clone()))?;
    expect(&*bench, "Move", &[(2, false)])?;
    let moved = bench.moved(&other).unwrap_or_default();
    let has = |n| moved.iter().filter(|has| super::fixtures::same(has, message(n).as_bytes())).count();
    if (moved.len(), has(1), has(3)) == (2, 1, 1) {
        return Ok(());
    }
    broken(format!("1 and 3 are gone, and the other mailbox has {} messages", moved.len()))
}

pub(super) fn unseen(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 3);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let outcome = kit.drive(&*bench, transport.list(&Query::unseen()))?;
    kit.note(&outcome);
    match outcome {
        Err(e) if e.kind() == ErrorKind::Unsupported => return Err(Verdict::NotOffered(e.message().into())),
        Err(e) => return broken(format!("unseen messages can't be listed, and it is not Unsupported: {e}")),
        Ok(listing) if listing.messages.len() != 3 => {
            return broken(format!("of 3 unseen messages it lists {}", listing.messages.len()));
        }
        Ok(_) => {}
    }
    if settle(kit, &*bench, &mut transport, &all[1..2], &Settle::Seen)?.is_err() {
        return Ok(());
    }
    let left = list(kit, &*bench, &mut transport, &Query::unseen())?;
    if left.messages.iter().map(|m| &m.id).eq([&all[0], &all[2]]) {
        return closed(kit, &*bench, transport);
    }
    broken("a message that was marked as seen is still listed as unseen")
}

/// The server says no: then so must the transport, at the latest when it is closed.
pub(super) fn refused(kit: &InKit<'_>) -> Check {
    let mut bench = (kit.bench)();
    if !bench.arrange(&Condition::RefuseSettle) {
        return not_tried("the bench's server settles everything");
    }
    fill(&*bench, 3);
    let mut said = Vec::new();
    for how in [Settle::Delete, Settle::Seen, Settle::Move(bench.other().to_owned())] {
        let mut transport = made(kit, &*bench)?;
        let all = keys(kit, &*bench, &mut transport)?;
        let outcome = settle(kit, &*bench, &mut transport, &all[..1], &how)?;
        let closed = kit.drive(&*bench, transport.close())?;
        kit.note(&closed);
        if outcome.is_ok() && closed.is_ok() {
            said.push(how);
        }
    }
    let after = there(&*bench);
    if !said.is_empty() {
        return broken(format!("the server refused {said:?}, and it says that it was done"));
    }
    if after == UNTOUCHED { Ok(()) } else { broken(format!("all was refused, and there is {after:?}")) }
}
