//! Connections that break, servers that fall silent, callers that give up.

use super::bench::Condition;
use super::drive::GivenUp;
use super::fixtures::{HELD, LARGE, ONE, message, tracked};
use super::outgoing::{Bench, OutKit, count, made, send, to};
use super::trial::{Check, broken, need_line, not_tried};
use crate::{Delivery, body};
use bytes::Bytes;
use postrider_core::{Body, ErrorKind, Outcome, OutgoingTransport, Receipt, Repeat, Result as Answer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was said of message 1 must be what became of it; message 2 must then go out by the same transport.
fn true_outcome(
    kit: &OutKit<'_>,
    bench: &Bench,
    transport: &mut dyn OutgoingTransport,
    outcome: &Answer<Receipt>,
    ended: bool,
    place: &str,
) -> Check {
    let has = count(bench, &message(1));
    if bench.delivered().len() != has {
        return broken(format!("{place}: the backend has a part of the message, or more than it"));
    }
    match outcome {
        Ok(_) if has != 1 => {
            return broken(format!("{place}: it says delivered, and the backend has {has} of it"));
        }
        Err(error) if error.outcome() == Outcome::Unsure => {
            if !ended {
                return broken(format!("{place}: unsure, though the end of the body was never read"));
            }
            if has > 1 {
                return broken(format!("{place}: sent {has} times, without being asked to"));
            }
        }
        Err(error) if has > 0 => {
            let outcome = error.outcome();
            return broken(format!("{place}: it says {outcome:?}, and the backend has it ({error})"));
        }
        _ => {}
    }
    if let Some(line) = bench.line() {
        line.heal();
    }
    next_goes_out(kit, bench, transport, 2, place)
}

/// Message `n` goes out by the same transport.
pub(super) fn next_goes_out(
    kit: &OutKit<'_>,
    bench: &Bench,
    transport: &mut dyn OutgoingTransport,
    n: usize,
    place: &str,
) -> Check {
    let outcome = send(kit, bench, transport, &to(&[ONE])?, message(n).into_bytes().into())?;
    kit.good(&format!("{place}: sending the next message"), outcome)?;
    match count(bench, &message(n)) {
        1 => Ok(()),
        n => broken(format!("{place}: the backend has {n} of the next message")),
    }
}

/// After each of the server's bytes the end or silence; after each of the client's a broken pipe.
pub(super) fn cuts(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let line = need_line(bench.line())?;
    let outcome =
        send(kit, &*bench, &mut *made(kit, &*bench)?, &to(&[ONE])?, message(1).into_bytes().into())?;
    kit.good("sending", outcome)?;
    let (answers, said) = (line.received(), line.sent_count());
    let places = (0..=answers).flat_map(|n| [(0, n), (1, n)]).chain((0..=said).map(|n| (2, n)));
    for (kind, n) in places {
        let bench = (kit.bench)();
        let line = need_line(bench.line())?;
        let place = match kind {
            0 => format!("cut after {n} of {answers} bytes of the server"),
            1 => format!("silence after {n} of {answers} bytes of the server"),
            _ => format!("broken after {n} of {said} bytes of the client"),
        };
        drop(match kind {
            0 => line.cut_after(n),
            1 => line.stall_after(n),
            _ => line.cut_client_after(n),
        });
        let mut transport = made(kit, &*bench)?;
        let (body, ended) = tracked(message(1));
        let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, body)?;
        let ended = ended.load(Ordering::Relaxed);
        true_outcome(kit, &*bench, &mut *transport, &outcome, ended, &place)?;
    }
    Ok(())
}

/// The server took the message and nobody heard it say so.
pub(super) fn unsure(kit: &OutKit<'_>) -> Check {
    let mut bench = (kit.bench)();
    if !bench.arrange(&Condition::LoseReply) {
        return not_tried("the bench can't lose an answer");
    }
    let mut transport = made(kit, &*bench)?;
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, message(1).into_bytes().into())?;
    match &outcome {
        Err(error) if (error.kind(), error.repeat()) == (ErrorKind::Unsure, Repeat::MayDuplicate) => {}
        other => {
            return broken(format!("the answer to the end of the message is lost, and it says {other:?}"));
        }
    }
    true_outcome(kit, &*bench, &mut *transport, &outcome, true, "the answer is lost")
}

pub(super) fn body_fails(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let mut transport = made(kit, &*bench)?;
    let body = body::failing_after("Subject: half\r\n\r\nhalf\r\n");
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, body)?;
    let has = bench.delivered().len();
    match outcome {
        _ if has > 0 => return broken("the body failed, and the backend has a message"),
        Err(error) if error.kind() == ErrorKind::Body => {}
        other => return broken(format!("the body failed, and it says {other:?}")),
    }
    next_goes_out(kit, &*bench, &mut *transport, 2, "after a body that failed")
}

/// The n-th await is the last, for every n.
pub(super) fn cancellation(kit: &OutKit<'_>) -> Check {
    unheard(kit)?;
    // Byte by byte there are thousands: every seventh of them, and every one where the pieces are larger.
    for (delivery, stride) in [(Delivery::Whole, 1), (Delivery::Random(1), 1), (Delivery::OneByOne, 7)] {
        for polls in (0..20_000).step_by(stride) {
            let bench = (kit.bench)();
            match bench.line() {
                Some(line) => drop(line.delivery(delivery)),
                None if delivery != Delivery::Whole => break,
                None => {}
            }
            let mut transport = made(kit, &*bench)?;
            let (body, _) = tracked(message(1));
            let envelope = to(&[ONE])?;
            let work = GivenUp::after(polls, transport.send(&envelope, body));
            let outcome = kit.drive(&*bench, work)?;
            let place = format!("given up at await {polls} ({delivery:?})");
            if let Some(line) = bench.line() {
                drop(line.delivery(Delivery::Whole));
            }
            next_goes_out(kit, &*bench, &mut *transport, 2, &place)?;
            let has = count(&*bench, &message(1));
            let (all, most) = (bench.delivered().len(), if polls == 0 { 0 } else { 1 });
            if has > most || all != has + 1 {
                return broken(format!("{place}: the backend has {has} of it, {all} messages in all"));
            }
            if outcome.is_some() {
                break;
            }
        }
    }
    Ok(())
}

/// Given up while the answer to the end of the message is on its way: the server has it, and nobody heard.
fn unheard(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    let Some(line) = bench.line() else { return Ok(()) };
    let outcome =
        send(kit, &*bench, &mut *made(kit, &*bench)?, &to(&[ONE])?, message(1).into_bytes().into())?;
    kit.good("sending", outcome)?;
    let answers = line.received();
    for polls in 1..200 {
        let bench = (kit.bench)();
        let line = need_line(bench.line())?;
        drop(line.clone().stall_after(answers - 1));
        let mut transport = made(kit, &*bench)?;
        let envelope = to(&[ONE])?;
        let work = GivenUp::after(polls, transport.send(&envelope, tracked(message(1)).0));
        let ended = kit.drive(&*bench, work)?.is_some();
        line.heal();
        let place = format!("given up at await {polls} with the last answer on its way");
        next_goes_out(kit, &*bench, &mut *transport, 2, &place)?;
        let has = count(&*bench, &message(1));
        if has > 1 || bench.delivered().len() != has + 1 {
            return broken(format!("{place}: the backend has {has} of it"));
        }
        if ended {
            break;
        }
    }
    Ok(())
}

/// How far the transport reads ahead of what has left it.
pub(super) fn memory(kit: &OutKit<'_>) -> Check {
    let bench = (kit.bench)();
    if bench.taken().is_none() {
        return not_tried("the bench can't tell how much has left the transport");
    }
    let mut transport = made(kit, &*bench)?;
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, message(1).into_bytes().into())?;
    kit.good("sending", outcome)?;
    let before = bench.taken().unwrap_or_default();
    let most = Arc::new(AtomicU64::new(0));
    let (held, far_end) = (Arc::clone(&most), &*bench);
    let lines = Bytes::from("a line of a large message, of which there are many\r\n".repeat(640));
    let body = Body::generate(0u64, move |read| {
        let gone = far_end.taken().unwrap_or_default().saturating_sub(before);
        held.fetch_max(read.saturating_sub(gone), Ordering::Relaxed);
        let lines = lines.clone();
        async move { Ok((read < LARGE).then(|| (lines.clone(), read + lines.len() as u64))) }
    });
    let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, body)?;
    kit.good("sending a large message", outcome)?;
    match most.load(Ordering::Relaxed) {
        most if most > HELD => broken(format!("of a message of {LARGE} bytes it held {most} at once")),
        _ => Ok(()),
    }
}
