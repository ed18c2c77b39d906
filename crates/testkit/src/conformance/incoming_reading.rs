//! Listing, fetching, keys and waiting.

use super::fixtures::{message, same};
use super::incoming::{InKit, Transport, closed, keys, list, made, read, there, with_messages};
use super::report::Verdict;
use super::trial::{Check, broken, need_line, not_tried};
use postrider_core::{ErrorKind, MessageId, Query, Settle, Wake};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn lists(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 3);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    if all.len() != 3 || all.iter().collect::<BTreeSet<_>>().len() != 3 {
        return broken(format!("3 messages have the keys {all:?}"));
    }
    if let Some(id) = all.iter().find(|id| MessageId::parse(id.as_str()).ok().as_ref() != Some(*id)) {
        return broken(format!("{id} is not a key that can be stored as text"));
    }
    let first = list(kit, &*bench, &mut transport, &Query::all().limit(2))?;
    let rest = list(kit, &*bench, &mut transport, &Query::all().limit(2).after(all[1].clone()))?;
    let none = list(kit, &*bench, &mut transport, &Query::all().after(all[2].clone()))?;
    let paged: Vec<_> = first.messages.iter().chain(&rest.messages).map(|m| m.id.clone()).collect();
    if paged != all || !first.more || rest.more || !none.messages.is_empty() {
        return broken(format!("in pages of 2 they are {paged:?}, more: {}, {}", first.more, rest.more));
    }
    for (at, id) in all.iter().enumerate() {
        let bytes = kit.good("fetching", read(kit, &*bench, &mut transport, id)?)?;
        if !same(&bytes, message(at + 1).as_bytes()) {
            return broken(format!("number {} of the list is not message {}", at + 1, at + 1));
        }
    }
    closed(kit, &*bench, transport)?;
    let empty = (kit.bench)();
    let none = list(kit, &*empty, &mut made(kit, &*empty)?, &Query::all())?;
    if none.messages.is_empty() && !none.more { Ok(()) } else { broken("an empty mailbox lists something") }
}

pub(super) fn fetches(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 1);
    let texts = [
        "\r\n",
        "Subject: no body\r\n\r\n",
        "Subject: dots\r\n\r\n.\r\n..\r\n...\r\n",
        "A: b\r\n\r\n+OK\r\n",
    ];
    texts.iter().for_each(|text| bench.deliver(text.as_bytes()));
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let first = message(1);
    let texts: Vec<&str> = [first.as_str()].into_iter().chain(texts).collect();
    // In any order, and twice.
    for (id, text) in all.iter().zip(&texts).rev() {
        for _ in 0..2 {
            let bytes = kit.good("fetching", read(kit, &*bench, &mut transport, id)?)?;
            if !same(&bytes, text.as_bytes()) {
                let got = String::from_utf8_lossy(&bytes).into_owned();
                return broken(format!("the message {text:?} is fetched as {got:?}"));
            }
        }
    }
    closed(kit, &*bench, transport)
}

pub(super) fn pieces(kit: &InKit<'_>) -> Check {
    need_line((kit.bench)().line())?;
    for delivery in (0..20).map(crate::Delivery::Random).chain([crate::Delivery::OneByOne]) {
        let bench = with_messages(kit, 2);
        drop(need_line(bench.line())?.delivery(delivery));
        let mut transport = made(kit, &*bench)?;
        let all = keys(kit, &*bench, &mut transport)?;
        for (at, id) in all.iter().enumerate() {
            let bytes = kit.good("fetching", read(kit, &*bench, &mut transport, id)?)?;
            if !same(&bytes, message(at + 1).as_bytes()) {
                return broken(format!("{delivery:?}: message {} is not as it was", at + 1));
            }
        }
        closed(kit, &*bench, transport)?;
    }
    Ok(())
}

pub(super) fn stable_keys(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 3);
    let mut transport = made(kit, &*bench)?;
    let listing = list(kit, &*bench, &mut transport, &Query::all())?;
    if listing.messages.iter().any(|m| !m.stable) {
        return Err(Verdict::NotOffered("it says itself that its keys are not stable".into()));
    }
    let before: Vec<_> = listing.messages.into_iter().map(|m| m.id).collect();
    closed(kit, &*bench, transport)?;
    let again = keys(kit, &*bench, &mut made(kit, &*bench)?)?;
    if again != before {
        return broken(format!("another session has other keys: {before:?}, then {again:?}"));
    }
    let removed = bench.remove(0);
    bench.deliver(message(4).as_bytes());
    let after = keys(kit, &*bench, &mut made(kit, &*bench)?)?;
    let kept = &before[usize::from(removed)..];
    match after.split_last() {
        Some((new, old)) if old == kept && !before.contains(new) => Ok(()),
        _ => broken(format!("one went, one came: {before:?} became {after:?}")),
    }
}

pub(super) fn gone(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 2);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    closed(kit, &*bench, transport)?;
    let mut transport = made(kit, &*bench)?;
    let foreign = MessageId::new("conformance-other", ["me", "1"]);
    match read(kit, &*bench, &mut transport, &foreign)? {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {}
        other => return broken(format!("a foreign key gives {other:?}")),
    }
    if !bench.remove(0) {
        return not_tried("the bench can't take a message away");
    }
    match read(kit, &*bench, &mut transport, &all[0])? {
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        other => return broken(format!("a message that is gone gives {other:?}")),
    }
    let bytes = kit.good("fetching the other", read(kit, &*bench, &mut transport, &all[1])?)?;
    if same(&bytes, message(2).as_bytes()) { Ok(()) } else { broken("it gave another message") }
}

pub(super) fn injection(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 2);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let key = all[0].as_str();
    let stem = key.rsplit_once('/').map_or(key, |(stem, _)| stem);
    for part in
        ["1:*", "*", "1%0D%0AX%20DELETE", "%2e%2e/%2e%2e/x", "..%2f..%2fetc%2fpasswd", "%00", "-1", "x"]
    {
        let Ok(id) = MessageId::parse(&format!("{stem}/{part}")) else { continue };
        if let Ok(bytes) = read(kit, &*bench, &mut transport, &id)? {
            return broken(format!("the key {id} gives a message of {} bytes", bytes.len()));
        }
        let settled = kit.drive(&*bench, transport.settle(std::slice::from_ref(&id), &Settle::Delete))?;
        kit.note(&settled);
    }
    for name in ["x\r\na9 EXPUNGE", "x\" y", "x\0y", "../../etc", ""] {
        let how = Settle::Move(name.into());
        let settled = kit.drive(&*bench, transport.settle(&all[..1], &how))?;
        kit.note(&settled);
        let control = name.chars().any(char::is_control);
        if settled.is_ok() && (control || name.is_empty() || name.contains("..")) {
            return broken(format!("it moves a message to {name:?}"));
        }
    }
    let closed = kit.drive(&*bench, transport.close())?;
    kit.note(&closed);
    if there(&*bench).iter().map(|m| m.0).eq([1, 2]) { Ok(()) } else { broken("the mailbox has changed") }
}

pub(super) fn wait(kit: &InKit<'_>) -> Check {
    let bench = with_messages(kit, 1);
    let mut transport = made(kit, &*bench)?;
    let all = keys(kit, &*bench, &mut transport)?;
    let limit = Duration::from_secs(1);
    let begun = bench.host().now();
    let outcome = kit.drive(&*bench, transport.wait(limit))?;
    kit.note(&outcome);
    let took = bench.host().now().saturating_sub(begun);
    match outcome {
        Err(e) if e.kind() == ErrorKind::Unsupported => return Err(Verdict::NotOffered(e.message().into())),
        Err(e) => return broken(format!("waiting failed: {e}")),
        Ok(Wake::News | Wake::Elapsed) if took > limit + Duration::from_secs(30) => {
            return broken(format!("it was to wait for 1 s at most, and waited {took:?}"));
        }
        Ok(_) => {}
    }
    bench.deliver(message(2).as_bytes());
    let found = came(kit, &*bench, &mut transport, &all[0])?;
    if found { Ok(()) } else { broken("what came while it was not waiting is never listed") }
}

/// After a message came: waits, as a host app does, until it is listed; a minute at most.
fn came(
    kit: &InKit<'_>,
    bench: &super::incoming::Bench,
    transport: &mut Transport,
    last: &MessageId,
) -> Result<bool, Verdict> {
    for _ in 0..60 {
        let outcome = kit.drive(bench, transport.wait(Duration::from_secs(1)))?;
        kit.good("waiting", outcome)?;
        let listing = list(kit, bench, transport, &Query::all().after(last.clone()))?;
        if !listing.messages.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
