//! `postrider outbox`.
//!
//! | file | what is in it |
//! |---|---|
//! | `args.rs` | its command line |
//! | `place.rs` | from file or URL to an outbox |
//! | `look.rs` | `list` and `show` |
//! | `change.rs` | `add`, `retry`, `hold`, `drop` |
//! | `run.rs` | `run` |

mod args;
mod change;
mod look;
mod place;
mod run;

pub(crate) use args::OutboxCommand;

use crate::exit::{Code, Failure};
use crate::output::{Output, clean};
use mail_parser::DateTime;
use postrider::outbox::{Action, Event};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;

pub(crate) fn run(runtime: &Runtime, command: &OutboxCommand, out: &mut Output) -> Result<Code, Failure> {
    match command {
        OutboxCommand::Add(args) => change::add(runtime, args, out),
        OutboxCommand::List(args) => look::list(runtime, args, out),
        OutboxCommand::Show(args) => look::show(runtime, args, out),
        OutboxCommand::Retry(args) => {
            let action = if args.unsure { Action::Repeat } else { Action::Retry };
            change::act(runtime, action, &args.which, out)
        }
        OutboxCommand::Hold(args) => change::act(runtime, Action::Hold, args, out),
        OutboxCommand::Drop(args) => {
            let action = if args.arrived { Action::Sent } else { Action::Drop };
            change::act(runtime, action, &args.which, out)
        }
        OutboxCommand::Run(args) => run::run(runtime, args, out),
    }
}

/// A time as people and machines read it.
fn when(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    DateTime::from_timestamp(i64::try_from(seconds).unwrap_or(0)).to_rfc3339()
}

/// What was said last: by the server, or in our words.
fn said(reply: Option<&postrider::Reply>, why: Option<&str>) -> String {
    match (reply, why) {
        (Some(reply), Some(why)) => format!("{} ({})", clean(&reply.to_string()), clean(why)),
        (Some(reply), None) => clean(&reply.to_string()),
        (None, Some(why)) => clean(why),
        (None, None) => "-".to_owned(),
    }
}

/// An event on a line.
fn line(event: &Event) -> String {
    let said = said(event.reply.as_ref(), event.why.as_deref());
    format!("{} {:<8} {}  {said}", event.letter, event.state, clean(&event.address))
}
