//! Hints of what is fetched next: with them all is as without them, but perhaps sooner.

use super::fixtures::{HELD, LARGE, message, same};
use super::incoming::{Bench, InKit, Transport, closed, keys, made, read, there, with_messages};
use super::incoming_faults::ahead;
use super::report::Verdict;
use super::trial::{Check, broken};
use postrider_core::{ErrorKind, MessageId, Query, Settle};

/// A call between two fetches, by name.
type Between = (&'static str, fn(&InKit<'_>, &Bench, &mut Transport, &[MessageId]) -> Check);

pub(super) fn prefetch(kit: &InKit<'_>) -> Check {
    let marked = reading_marks(kit)?;
    orders(kit, marked)?;
    in_between(kit, marked)?;
    gone(kit)?;
    unread(kit)?;
    bounded(kit)
}

/// Whether a message that is read is marked as seen, hint or no hint. That is another promise's matter.
fn reading_marks(kit: &InKit<'_>) -> Result<bool, Verdict> {
    let bench = with_messages(kit, 1);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    fetch(kit, &*bench, &mut transport, &all, 0, "without a hint")?;
    closed(kit, &*bench, transport)?;
    Ok(there(&*bench) != [(1, false)])
}

/// The four messages are there, and none is marked that would not be by reading.
fn untouched(bench: &Bench, marked: bool, how: &str) -> Check {
    let has = there(bench);
    let all = has.iter().map(|message| message.0).eq([1, 2, 3, 4]);
    if all && (marked || has.iter().all(|message| !message.1)) {
        return Ok(());
    }
    broken(format!("after fetching alone, {how}, the mailbox has {has:?}"))
}

/// Fetches message `at` + 1, which has to work.
fn fetch(
    kit: &InKit<'_>,
    bench: &Bench,
    t: &mut Transport,
    all: &[MessageId],
    at: usize,
    how: &str,
) -> Check {
    let Some(id) = all.get(at) else { return broken("it lists too little") };
    let outcome = read(kit, bench, t, id)?;
    let bytes = kit.good(&format!("fetching message {} {how}", at + 1), outcome)?;
    if same(&bytes, message(at + 1).as_bytes()) {
        return Ok(());
    }
    broken(format!("{how} message {} is another one, or torn", at + 1))
}

/// As hinted, in other orders, only some of them, others, and twice.
fn orders(kit: &InKit<'_>, marked: bool) -> Check {
    let orders: [(&[usize], &[usize], &str); 8] = [
        (&[0, 1, 2, 3], &[0, 1, 2, 3], "as it was hinted"),
        (&[0, 1, 2, 3], &[3, 2, 1, 0], "in the other order than hinted"),
        (&[0, 1, 2], &[2, 0, 1, 3], "in no order"),
        (&[0, 1, 2, 3], &[2], "alone of those hinted"),
        (&[1, 2], &[0, 3], "which was not hinted"),
        (&[0, 0, 1, 1], &[0, 1, 0, 1], "hinted twice"),
        (&[], &[1, 0], "after an empty hint"),
        (&[3, 0], &[3, 3, 0, 0], "fetched twice"),
    ];
    for (hint, order, how) in orders {
        let bench = with_messages(kit, 4);
        let mut transport = made(kit, &*bench)?;
        let all = keys(kit, &*bench, &mut transport)?;
        hinted(&mut transport, &all, hint);
        for at in order {
            fetch(kit, &*bench, &mut transport, &all, *at, how)?;
        }
        closed(kit, &*bench, transport)?;
        untouched(&*bench, marked, how)?;
    }
    Ok(())
}

fn hinted(transport: &mut Transport, all: &[MessageId], hint: &[usize]) {
    let ids: Vec<MessageId> = hint.iter().filter_map(|at| all.get(*at).cloned()).collect();
    transport.prefetch(&ids);
}

const CALLS: [Between; 7] = [
    ("list", |kit, bench, t, all| match keys(kit, bench, t)? == all {
        true => Ok(()),
        false => broken("after a hint it lists something else"),
    }),
    ("settle", |kit, bench, t, all| {
        let settled = kit.drive(bench, t.settle(&all[..1], &Settle::Keep))?;
        kit.good("settling after a hint", settled)
    }),
    ("connect", |kit, bench, t, _| {
        let connected = kit.drive(bench, t.connect())?;
        match connected {
            Err(error) if error.kind() != ErrorKind::Unsupported => {
                broken(format!("after a hint connect() fails: {error}"))
            }
            _ => Ok(()),
        }
    }),
    ("another hint", |_, _, t, all| {
        hinted(t, all, &[2, 1]);
        Ok(())
    }),
    ("a fetch that is given up", |kit, bench, t, all| {
        let half = kit.drive(bench, async { t.fetch(&all[1]).await?.chunk().await.map(drop) })?;
        kit.good("fetching half of a message", half)
    }),
    ("a body that is not read", |kit, bench, t, all| {
        let begun = kit.drive(bench, async { t.fetch(&all[1]).await.map(drop) })?;
        kit.good("beginning to fetch a message", begun)
    }),
    ("a page", |kit, bench, t, all| {
        let query = Query::all().limit(2).after(all[0].clone());
        let listed = kit.drive(bench, t.list(&query))?;
        kit.good("listing after a hint", listed).map(drop)
    }),
];

/// Any other call may come between the hint and the fetches, and between these.
fn in_between(kit: &InKit<'_>, marked: bool) -> Check {
    for (name, call) in CALLS {
        for when in 0..2 {
            let bench = with_messages(kit, 4);
            let mut transport = made(kit, &*bench)?;
            let all = keys(kit, &*bench, &mut transport)?;
            if all.len() != 4 {
                return broken(format!("of 4 messages it lists {}", all.len()));
            }
            hinted(&mut transport, &all, &[0, 1, 2, 3]);
            for at in 0..4 {
                if at == when {
                    call(kit, &*bench, &mut transport, &all)?;
                }
                fetch(kit, &*bench, &mut transport, &all, at, &format!("after a hint and {name}"))?;
            }
            closed(kit, &*bench, transport)?;
            untouched(&*bench, marked, &format!("after a hint and {name}"))?;
        }
    }
    Ok(())
}

/// A message that is gone is `NotFound` when its turn comes, and the others are there.
fn gone(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 4);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let foreign = MessageId::new("conformance-other", ["me", "1"]);
    transport.prefetch(&[all[0].clone(), foreign.clone(), all[1].clone()]);
    fetch(kit, &*bench, &mut transport, &all, 0, "beside a foreign key in the hint")?;
    let outcome = read(kit, &*bench, &mut transport, &foreign)?;
    if !outcome.is_err_and(|e| matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound)) {
        return broken("a foreign key that was hinted is no error, or another one");
    }
    fetch(kit, &*bench, &mut transport, &all, 1, "behind a foreign key in the hint")?;
    closed(kit, &*bench, transport)?;
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    closed(kit, &*bench, transport)?;
    if !bench.remove(1) {
        return Ok(());
    }
    let mut transport = made(kit, &*bench)?;
    hinted(&mut transport, &all, &[0, 1, 2, 3]);
    for at in 0..4 {
        if at != 1 {
            fetch(kit, &*bench, &mut transport, &all, at, "beside one in the hint that is gone")?;
            continue;
        }
        match read(kit, &*bench, &mut transport, &all[1])? {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return broken(format!("a message that was hinted and is gone gives {other:?}")),
        }
    }
    closed(kit, &*bench, transport)
}

/// A hint that nothing comes of.
fn unread(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 4);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    hinted(&mut transport, &all, &[0, 1, 2, 3]);
    closed(kit, &*bench, transport)?;
    let mut transport = made(kit, &*bench)?;
    hinted(&mut transport, &all, &[0, 1, 2, 3]);
    if bench.line().is_some_and(|line| line.dials() > 1) {
        return broken("a hint alone connects");
    }
    drop(transport);
    untouched(&*bench, false, "or rather hinting alone")
}

/// Of what was hinted no more is held than without.
fn bounded(kit: &InKit<'_>) -> Check {
    let mut held = Vec::new();
    for hint in [&[][..], &[0, 1]] {
        let bench = (kit.bench)();
        if bench.given().is_none() || !(bench.deliver_large(LARGE) && bench.deliver_large(LARGE)) {
            return Ok(());
        }
        let mut transport = made(kit, &*bench)?;
        let all = keys(kit, &*bench, &mut transport)?;
        hinted(&mut transport, &all, hint);
        held.push(ahead(kit, &*bench, &mut transport, &all[0])?.1);
    }
    match held[..] {
        [without, with] if with > HELD.max(without) => {
            broken(format!("with a hint it held {with} bytes at once, without {without}"))
        }
        _ => Ok(()),
    }
}
