//! Connections that break, servers that fall silent, callers that give up, messages of any size.

use super::drive::GivenUp;
use super::fixtures::{HELD, LARGE, message, same};
use super::incoming::{Bench, InKit, Transport, keys, made, read, there, with_messages};
use super::report::Verdict;
use super::trial::{Check, broken, need_line, not_tried};
use crate::Delivery;
use postrider_core::{Error, ErrorKind, MessageId, Query, Result, Settle};
use std::cell::Cell;

/// How far a session came.
#[derive(Default)]
struct Progress {
    settling: Cell<bool>,
    settled: Cell<bool>,
    torn: Cell<bool>,
}

/// Lists, hints at messages 2 and 3, reads message 2, deletes message 1.
async fn session(transport: &mut Transport, progress: &Progress) -> Result<()> {
    let ids: Vec<MessageId> =
        transport.list(&Query::all()).await?.messages.into_iter().map(|m| m.id).collect();
    let [first, second, ..] = &*ids else {
        return Err(Error::new(ErrorKind::NotFound, postrider_core::Phase::List, "it lists too little"));
    };
    // Something of message 3 may be on its way when message 1 is settled.
    transport.prefetch(ids.get(1..).unwrap_or_default());
    let bytes = transport.fetch(second).await?.read_all(1 << 20).await?;
    if !same(&bytes, message(2).as_bytes()) {
        progress.torn.set(true);
    }
    progress.settling.set(true);
    match transport.settle(std::slice::from_ref(first), &Settle::Delete).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => return Err(error),
        Ok(()) => progress.settled.set(true),
    }
    Ok(())
}

/// Only message 1 may be gone, and only if it was to be.
fn nothing_lost(bench: &Bench, progress: &Progress, place: &str) -> Check {
    if progress.torn.get() {
        return broken(format!("{place}: message 2 was given as whole, and it is not"));
    }
    let left: Vec<usize> = there(bench).iter().map(|m| m.0).collect();
    if left == [1, 2, 3] || (left == [2, 3] && progress.settling.get()) {
        return Ok(());
    }
    broken(format!("{place}: of messages 1, 2 and 3 there are {left:?}"))
}

/// The same transport does what it is told next.
fn goes_on(kit: &InKit<'_>, bench: &Bench, transport: &mut Transport, place: &str) -> Check {
    let listed = keys(kit, bench, transport).map_err(|v| at(place, v))?;
    let last = listed.last().ok_or_else(|| Verdict::broken(format!("{place}: it lists nothing")))?;
    let bytes = kit.good(&format!("{place}: fetching"), read(kit, bench, transport, last)?)?;
    if same(&bytes, message(3).as_bytes()) { Ok(()) } else { broken(format!("{place}: message 3 is torn")) }
}

fn at(place: &str, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Broken(seen) => Verdict::Broken(format!("{place}: {seen}")),
        other => other,
    }
}

pub(super) fn cuts(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 3);
    let line = need_line(bench.line())?;
    let mut transport = made(kit, &*bench)?;
    let outcome = kit.drive(&*bench, session(&mut transport, &Progress::default()))?;
    kit.good("a whole session", outcome)?;
    let outcome = kit.drive(&*bench, transport.close())?;
    kit.good("closing", outcome)?;
    let (answers, said) = (line.received(), line.sent_count());
    let places = (0..=answers).flat_map(|n| [(0, n), (1, n)]).chain((0..=said).map(|n| (2, n)));
    for (kind, n) in places {
        let bench = with_messages(kit, 3);
        let line = need_line(bench.line())?;
        let place = match kind {
            0 => format!("cut after {n} of {answers} bytes of the server"),
            1 => format!("silence after {n} of {answers} bytes of the server"),
            _ => format!("broken after {n} of {said} bytes of the client"),
        };
        drop(match kind {
            0 => line.clone().cut_after(n),
            1 => line.clone().stall_after(n),
            _ => line.clone().cut_client_after(n),
        });
        let mut transport = made(kit, &*bench)?;
        let progress = Progress::default();
        let outcome = kit.drive(&*bench, session(&mut transport, &progress)).map_err(|v| at(&place, v))?;
        kit.note(&outcome);
        if outcome.is_ok() && n % 2 == 0 {
            let ended = kit.drive(&*bench, transport.close()).map_err(|v| at(&place, v))?;
            kit.note(&ended);
            let gone = there(&*bench).len() == 2;
            if ended.is_ok() && progress.settled.get() && !gone {
                return broken(format!("{place}: it says that message 1 is deleted, and it is there"));
            }
        } else {
            line.heal();
            goes_on(kit, &*bench, &mut transport, &place)?;
        }
        nothing_lost(&*bench, &progress, &place)?;
    }
    Ok(())
}

pub(super) fn cancellation(kit: &InKit<'_>) -> Check {
    for (delivery, stride) in [(Delivery::Whole, 1), (Delivery::Random(1), 1), (Delivery::OneByOne, 13)] {
        for polls in (0..40_000).step_by(stride) {
            let bench = with_messages(kit, 3);
            match bench.line() {
                Some(line) => drop(line.delivery(delivery)),
                None if delivery != Delivery::Whole => break,
                None => {}
            }
            let mut transport = made(kit, &*bench)?;
            let progress = Progress::default();
            let work = GivenUp::after(polls, session(&mut transport, &progress));
            let outcome = kit.drive(&*bench, work)?;
            let place = format!("given up at await {polls} ({delivery:?})");
            if let Some(line) = bench.line() {
                drop(line.delivery(Delivery::Whole));
            }
            goes_on(kit, &*bench, &mut transport, &place)?;
            let closed = kit.drive(&*bench, transport.close())?;
            kit.note(&closed);
            nothing_lost(&*bench, &progress, &place)?;
            if let Some(outcome) = outcome {
                kit.good("a whole session", outcome)?;
                break;
            }
        }
    }
    Ok(())
}

/// How far the transport reads ahead of what it hands out.
pub(super) fn memory(kit: &InKit<'_>) -> Check {
    let bench = (kit.bench)();
    if bench.given().is_none() || !bench.deliver_large(LARGE) {
        return not_tried("the bench has no large messages, or can't tell how much of one was read");
    }
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let (read, most) = ahead(kit, &*bench, &mut transport, &all[0])?;
    if read < LARGE - 1_000 {
        return broken(format!("of a message of {LARGE} bytes it gave {read}"));
    }
    if most > HELD {
        return broken(format!("of a message of {LARGE} bytes it held {most} at once"));
    }
    Ok(())
}

/// Fetches a large message: how much there was of it, and how far the transport was ahead of what it handed out.
pub(super) fn ahead(
    kit: &InKit<'_>,
    bench: &Bench,
    transport: &mut Transport,
    id: &MessageId,
) -> std::result::Result<(u64, u64), Verdict> {
    let before = bench.given().unwrap_or_default();
    let most = Cell::new(0);
    let outcome = kit.drive(bench, async {
        let mut body = transport.fetch(id).await?;
        let mut read = 0;
        loop {
            let ahead = (bench.given().unwrap_or_default() - before).saturating_sub(read);
            most.set(most.get().max(ahead));
            match body.chunk().await? {
                Some(chunk) => read += chunk.len() as u64,
                None => return Ok(read),
            }
        }
    })?;
    let read = kit.good("fetching a large message", outcome)?;
    Ok((read, most.get()))
}

/// Where there is a `maxsize`, it counts.
pub(super) fn maxsize(kit: &InKit<'_>) -> Check {
    if !kit.factory.specs().any(|spec| spec.name == "maxsize") {
        return not_tried("it has no property maxsize");
    }
    let bench = with_messages(kit, 3);
    let large = "Subject: large\r\n\r\n".to_owned() + &"a line of a large message\r\n".repeat(3_000);
    bench.deliver(large.as_bytes());
    let over = [(format!("mail.{}.maxsize", kit.factory.name), "20KiB".to_owned())];
    let made = kit.registry()?.incoming(kit.factory.name, &kit.properties(&*bench, &over)?, bench.host());
    let mut transport = kit.good("making it", made)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let last = all.last().ok_or_else(|| Verdict::broken("it lists nothing"))?;
    match read(kit, &*bench, &mut transport, last)? {
        Err(error) if error.kind() == ErrorKind::Limit => {}
        Err(error) => return broken(format!("a message above maxsize is {:?}: {error}", error.kind())),
        Ok(bytes) => {
            return broken(format!("with maxsize=20KiB it gives a message of {} bytes", bytes.len()));
        }
    }
    let bytes = kit.good("fetching a small one", read(kit, &*bench, &mut transport, &all[0])?)?;
    if same(&bytes, message(1).as_bytes()) && there(&*bench).len() == 4 {
        return Ok(());
    }
    broken("after a message above maxsize another one is torn, or one is gone")
}
