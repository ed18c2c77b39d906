//! `postrider outbox list` and `show`.

use super::args::{ListArgs, ShowArgs};
use super::{place, said, when};
use crate::exit::{Code, Failure};
use crate::headline::Head;
use crate::output::{Output, clean, count, size};
use postrider::outbox::{Count, Entry, LetterId, State, Storage};
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// How many messages are asked for at once.
const PAGE: usize = 200;

pub(super) fn list(runtime: &Runtime, args: &ListArgs, out: &mut Output) -> Result<Code, Failure> {
    let storage = place::open(runtime, args.place.outbox.as_deref(), false)?;
    let (mut rows, mut after, mut left) = (Vec::new(), LetterId(0), args.limit);
    while left > 0 && !out.is_gone() {
        let page = runtime.block_on(storage.list(args.state, after, left.min(PAGE)))?;
        let Some(last) = page.last() else { break };
        (after, left) = (last.id, left.saturating_sub(page.len()));
        for entry in &page {
            if out.is_json() {
                out.value(entry)?;
            } else {
                rows.push(row(entry));
            }
        }
    }
    if !out.is_json() {
        if !rows.is_empty() {
            out.table(&["ID", "SINCE", "FROM", "TO", "STATE", "NEXT TRY"], rows)?;
        }
        out.line(summary(&runtime.block_on(storage.counts())?))?;
    }
    Ok(Code::Done)
}

/// How many recipients are in each state, in a line.
pub(super) fn summary(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "the outbox is empty".to_owned();
    }
    let one = |c: &Count| format!("{} {}", c.recipients, c.state);
    let all = counts.iter().map(one).collect::<Vec<_>>().join(", ");
    let doubt = counts.iter().any(|c| c.state == State::Unsure);
    let advice = "; those in doubt wait for you: outbox retry --unsure, or outbox drop --arrived";
    format!("recipients: {all}{}", if doubt { advice } else { "" })
}

fn row(entry: &Entry) -> Vec<String> {
    let to = match entry.recipients.as_slice() {
        [] => "-".to_owned(),
        [one] => clean(&one.address),
        [first, rest @ ..] => format!("{} and {} more", clean(&first.address), rest.len()),
    };
    let next = entry.recipients.iter().filter_map(|r| r.due).min();
    vec![
        entry.id.to_string(),
        when(entry.enqueued),
        entry.sender.as_deref().map_or("<>".to_owned(), clean),
        to,
        states(entry),
        next.map_or("-".to_owned(), when),
    ]
}

/// `deferred`, or `2 accepted, 1 unsure`.
fn states(entry: &Entry) -> String {
    let of = |state: State| entry.recipients.iter().filter(|r| r.state == state).count();
    let there: Vec<(usize, State)> =
        State::ALL.into_iter().map(|s| (of(s), s)).filter(|(n, _)| *n > 0).collect();
    match there.as_slice() {
        [(1, only)] => only.to_string(),
        _ => there.iter().map(|(n, state)| format!("{n} {state}")).collect::<Vec<_>>().join(", "),
    }
}

pub(super) fn show(runtime: &Runtime, args: &ShowArgs, out: &mut Output) -> Result<Code, Failure> {
    let storage = place::open(runtime, args.place.outbox.as_deref(), false)?;
    let id = LetterId(args.id);
    let gone = || Failure::new(Code::NoInput, format!("there is no message {id} in the outbox"));
    let message = runtime.block_on(storage.message(id))?.ok_or_else(gone)?;
    if args.message {
        out.bytes(&message)?;
        out.flush()?;
        return Ok(Code::Done);
    }
    let entry = runtime.block_on(storage.entry(id))?.ok_or_else(gone)?;
    let events = runtime.block_on(all_events(&storage, id))?;
    let mut head = Head::default();
    head.add(&message);
    let headline = head.headline();
    if out.is_json() {
        out.value(&json!({ "message": entry, "head": headline, "events": events }))?;
        return Ok(Code::Done);
    }
    let dash = || "-".to_owned();
    out.line(format!("message     {id}, {}, since {}", size(entry.size), when(entry.enqueued)))?;
    out.line(format!("Message-ID  {}", clean(&entry.message_id)))?;
    out.line(format!("sender      {}", entry.sender.as_deref().map_or("<>".to_owned(), clean)))?;
    out.line(format!("From        {}", headline.from.unwrap_or_else(dash)))?;
    out.line(format!("Subject     {}", headline.subject.unwrap_or_else(dash)))?;
    if let Some(expires) = entry.expires {
        out.line(format!("given up    {}", when(expires)))?;
    }
    out.line("")?;
    let rows = entry.recipients.iter().map(|r| {
        let next = r.due.map_or_else(dash, when);
        let via = r.via.as_deref().map_or_else(dash, clean);
        vec![
            clean(&r.address),
            r.state.to_string(),
            r.tries.to_string(),
            next,
            via,
            said(r.reply.as_ref(), r.why.as_deref()),
        ]
    });
    out.table(&["RECIPIENT", "STATE", "TRIES", "NEXT TRY", "VIA", "LAST WORDS"], rows.collect())?;
    if !events.is_empty() {
        out.line("")?;
        let rows = events.iter().map(|e| {
            vec![when(e.at), clean(&e.address), e.state.to_string(), said(e.reply.as_ref(), e.why.as_deref())]
        });
        out.table(&["WHEN", "RECIPIENT", "CAME TO BE", "BECAUSE"], rows.collect())?;
    }
    out.line("")?;
    out.line(count(entry.recipients.len(), "recipient"))?;
    Ok(Code::Done)
}

async fn all_events(
    storage: &Arc<dyn Storage>,
    id: LetterId,
) -> postrider::Result<Vec<postrider::outbox::Event>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = storage.events(Some(id), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.number;
        all.extend(page);
    }
}
