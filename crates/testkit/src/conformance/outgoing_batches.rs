//! Messages that go out together: each has an outcome of its own, soon, and a true one.

use super::bench::Condition;
use super::drive::GivenUp;
use super::fixtures::{ONE, TWO, address, message};
use super::outgoing::{Bench, OutKit, count, made, to};
use super::outgoing_faults::next_goes_out;
use super::sliding::{Said, Sliding};
use super::trial::{Check, broken, need_line};
use crate::Delivery;
use postrider_core::{Outcome, OutgoingTransport};

/// The message that is sent when the batch is over.
const NEXT: usize = 4;

/// Sends a batch to its end.
fn sent(
    kit: &OutKit<'_>,
    bench: &Bench,
    transport: &mut dyn OutgoingTransport,
    batch: &mut Sliding,
    place: &str,
) -> Check {
    let work = transport.send_all(batch);
    if kit.drive(bench, work).is_err() {
        return broken(format!(
            "{place}: it hangs; messages may come later, and what became of those that came is to be told meanwhile"
        ));
    }
    batch.errors().for_each(|error| kit.note_error(error));
    Ok(())
}

/// Three, the middle one to somebody who is refused, where that can be.
pub(super) fn batch(kit: &OutKit<'_>) -> Check {
    let mut bench = (kit.bench)();
    let refuses = address(TWO).is_some_and(|two| bench.arrange(&Condition::RefuseRecipient(two)));
    let mut transport = made(kit, &*bench)?;
    let mut batch = Sliding::new(vec![to(&[ONE])?, to(&[TWO])?, to(&[ONE])?]);
    sent(kit, &*bench, &mut *transport, &mut batch, "a batch")?;
    if !batch.ended {
        return broken("it leaves a batch before its end");
    }
    for at in 0..batch.len() {
        let has = count(&*bench, &message(at + 1));
        let wanted = usize::from(at != 1 || !refuses);
        match batch.said(at) {
            Said::Outcome(outcome) if has == wanted && outcome.is_ok() == (wanted == 1) => {}
            Said::Outcome(outcome) => {
                return broken(format!("message {}: {outcome:?}, and the backend has {has} of it", at + 1));
            }
            _ => truth(&*bench, &batch, at, "a batch")?,
        }
    }
    // One that is at its end from the beginning.
    let mut none = Sliding::new(Vec::new());
    sent(kit, &*bench, &mut *transport, &mut none, "an empty batch")
}

/// What is said of this message is what became of it.
fn truth(bench: &Bench, batch: &Sliding, at: usize, place: &str) -> Check {
    let (n, has) = (at + 1, count(bench, &message(at + 1)));
    if let Some(stray) = batch.stray {
        return broken(format!("{place}: it says what became of number {stray}, which it had not taken"));
    }
    match batch.said(at) {
        Said::Untaken if has == 0 => Ok(()),
        Said::Untaken => broken(format!("{place}: message {n} was not taken, and the backend has it")),
        Said::Nothing => broken(format!("{place}: it does not say what became of message {n}")),
        Said::Twice => broken(format!("{place}: it says twice what became of message {n}")),
        Said::Outcome(Ok(_)) if has == 1 => Ok(()),
        Said::Outcome(Ok(_)) => {
            broken(format!("{place}: message {n} is said to be delivered, and the backend has {has} of it"))
        }
        Said::Outcome(Err(error)) if error.outcome() == Outcome::Unsure => match has {
            0 | 1 if batch.is_read(at) => Ok(()),
            0 | 1 => {
                broken(format!("{place}: message {n} is unsure, though the end of its body was never read"))
            }
            _ => broken(format!("{place}: message {n} was sent {has} times, without being asked to")),
        },
        Said::Outcome(Err(_)) if has == 0 => Ok(()),
        Said::Outcome(Err(error)) => {
            let outcome = error.outcome();
            broken(format!("{place}: message {n} is {outcome:?}, and the backend has it ({error})"))
        }
    }
}

/// Cut, silenced, broken and given up at every place.
pub(super) fn breaks(kit: &OutKit<'_>) -> Check {
    given_up(kit)?;
    let bench = (kit.bench)();
    let Some(line) = bench.line() else { return Ok(()) };
    let mut batch = three()?;
    sent(kit, &*bench, &mut *made(kit, &*bench)?, &mut batch, "a batch")?;
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
            0 => line.clone().cut_after(n),
            1 => line.clone().stall_after(n),
            _ => line.clone().cut_client_after(n),
        });
        let mut transport = made(kit, &*bench)?;
        let mut batch = three()?;
        sent(kit, &*bench, &mut *transport, &mut batch, &place)?;
        for at in 0..batch.len() {
            truth(&*bench, &batch, at, &place)?;
        }
        line.heal();
        next_goes_out(kit, &*bench, &mut *transport, NEXT, &place)?;
    }
    Ok(())
}

fn three() -> Result<Sliding, super::report::Verdict> {
    Ok(Sliding::new(vec![to(&[ONE])?, to(&[ONE])?, to(&[ONE])?]))
}

/// The n-th await is the last, for every n.
fn given_up(kit: &OutKit<'_>) -> Check {
    for delivery in [Delivery::Whole, Delivery::Random(1)] {
        for polls in 0..20_000 {
            let bench = (kit.bench)();
            match bench.line() {
                Some(line) => drop(line.delivery(delivery)),
                None if delivery != Delivery::Whole => break,
                None => {}
            }
            let mut transport = made(kit, &*bench)?;
            let mut batch = three()?;
            let work = GivenUp::after(polls, transport.send_all(&mut batch));
            let ended = kit.drive(&*bench, work)?.is_some();
            let place = format!("given up at await {polls} ({delivery:?})");
            if let Some(line) = bench.line() {
                drop(line.delivery(Delivery::Whole));
            }
            next_goes_out(kit, &*bench, &mut *transport, NEXT, &place)?;
            for at in 0..batch.len() {
                let has = count(&*bench, &message(at + 1));
                match batch.said(at) {
                    // Nobody was there to hear it.
                    Said::Nothing if has > 1 => {
                        return broken(format!("{place}: the backend has {has} of message {}", at + 1));
                    }
                    Said::Nothing => {}
                    _ => truth(&*bench, &batch, at, &place)?,
                }
            }
            if ended {
                break;
            }
        }
    }
    Ok(())
}
