//! `postrider outbox add`, `retry`, `hold` and `drop`.

use super::args::{AddArgs, WhichArgs};
use super::{line, place};
use crate::compose::compose;
use crate::exit::{Code, Failure};
use crate::output::{self, Output, clean, count};
use crate::settings;
use postrider::outbox::{Action, Letter, LetterId};
use postrider::{Properties, session_property};
use serde_json::json;
use tokio::runtime::Runtime;

/// Most bytes of a message that is read from a file or stdin.
const LARGEST: u64 = 1 << 30;
/// How many messages of a state are looked at at once.
const PAGE: usize = 200;

pub(super) fn add(runtime: &Runtime, args: &AddArgs, out: &mut Output) -> Result<Code, Failure> {
    let storage = place::open(runtime, args.outbox.as_deref(), true)?;
    // Only for a sender: no server is asked, and no password.
    let registry = args.send.settings.load.registry()?;
    let properties = Properties::new(settings::layers(&args.send.settings, &registry)?);
    let (envelope, body) = compose(&args.send, properties.read(&session_property::FROM)?.as_ref())?;
    let message = runtime.block_on(body.read_all(LARGEST))?;
    let mut letter = Letter::new(envelope, message)?;
    if let Some(time) = args.expire {
        letter = letter.expires_after(time);
    }
    let id = runtime.block_on(storage.enqueue(&letter))?;
    if out.is_json() {
        out.value(&json!({ "id": id, "message_id": letter.message_id() }))?;
    } else {
        let recipients = count(letter.envelope().to.len(), "recipient");
        out.line(format!("message {id} is in the outbox, for {recipients}: {}", clean(letter.message_id())))?;
    }
    Ok(Code::Done)
}

pub(super) fn act(
    runtime: &Runtime,
    action: Action,
    args: &WhichArgs,
    out: &mut Output,
) -> Result<Code, Failure> {
    let storage = place::open(runtime, args.place.outbox.as_deref(), false)?;
    let mut ids: Vec<LetterId> = args.id.iter().copied().map(LetterId).collect();
    if let Some(state) = args.state {
        let mut after = LetterId(0);
        loop {
            let page = runtime.block_on(storage.list(Some(state), after, PAGE))?;
            let Some(last) = page.last() else { break };
            after = last.id;
            ids.extend(page.iter().map(|entry| entry.id));
        }
    }
    let mut done = 0;
    for id in ids {
        let events = runtime.block_on(storage.act(action, id, args.to.as_deref()))?;
        done += events.len();
        for event in &events {
            if out.is_json() {
                out.value(event)?;
            } else {
                out.line(line(event))?;
            }
        }
    }
    if done == 0 {
        let hint = match action {
            Action::Retry => "; those in doubt are repeated by --unsure alone",
            Action::Repeat | Action::Sent => ": nobody is in doubt",
            _ => "",
        };
        output::note(format!("postrider: there was nothing to be done{hint}"));
        return Ok(Code::Nothing);
    }
    Ok(Code::Done)
}
