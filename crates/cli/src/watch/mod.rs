//! `postrider watch`.

mod args;
mod exec;
mod ledger;
mod maildir;
mod print;
mod program;
mod tell;

pub(crate) use args::WatchArgs;

use crate::exit::{Code, Failure};
use crate::interrupt::interrupted;
use crate::output::{self, Output, clean};
use crate::settings;
use exec::Exec;
use maildir::Maildir;
use postrider::{Direction, Health, Layer, LayerKind, Session, Status, Watch};
use print::{Line, Print};
use std::sync::{Arc, OnceLock};
use tell::Teller;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Watches a mailbox until it is interrupted, or once.
pub(crate) fn run(runtime: &Runtime, args: &WatchArgs, out: &mut Output) -> Result<Code, Failure> {
    if args.exec.is_none() && args.maildir.is_none() && !out.is_json() {
        return Err(Failure::usage(
            "watch wants to know what to do with a message: --exec COMMAND, --maildir DIR, or --json to print it",
        ));
    }
    let session = session(args)?;
    runtime.block_on(async {
        let name = Watch::mailbox_of(&session)?;
        let ledger = ledger::open(args.ledger.as_deref(), &name).await?;
        let (lines, printed) = mpsc::unbounded_channel();
        let handle = Arc::new(OnceLock::new());
        let watch = match (&args.exec, &args.maildir) {
            (Some(command), _) => {
                let (command, is_json, handle) = (command.clone(), out.is_json(), Arc::clone(&handle));
                Watch::new(&session, ledger, Exec { command, is_json, handle })?
            }
            (None, Some(directory)) => {
                let opened = Maildir::open(directory);
                let maildir = opened.map_err(|error| Failure::unwritable(directory.display(), &error))?;
                Watch::new(&session, ledger, maildir)?
            }
            (None, None) => Watch::new(&session, ledger, Print(lines.clone()))?,
        };
        let _ = handle.set(watch.handle());
        let events = (out.is_json() && (args.exec.is_some() || args.maildir.is_some())).then_some(lines);
        let teller = Teller::new(watch.handle(), events);
        watch_it(watch.observed(teller.observer()), args.once, printed, &teller, out).await
    })
}

/// The session with what the command line says beside its properties.
fn session(args: &WatchArgs) -> Result<Session, Failure> {
    let session = settings::session(&args.settings, Direction::Incoming)?;
    let mut layer = Layer::new(LayerKind::Overrides, "the command line");
    let options = [
        ("mail.watch.settle", "--settle", &args.settle),
        ("mail.watch.quarantine", "--quarantine", &args.quarantine),
    ];
    for (key, option, value) in options {
        if let Some(value) = value {
            layer.set_at(key, value.as_str(), option);
        }
    }
    Ok(session.with_layer(layer)?)
}

async fn watch_it(
    watch: Watch,
    once: bool,
    mut printed: mpsc::UnboundedReceiver<Line>,
    teller: &Teller,
    out: &mut Output,
) -> Result<Code, Failure> {
    let handle = watch.handle();
    let mut running = std::pin::pin!(watch.run());
    let mut first = std::pin::pin!(interrupted());
    let mut looked = std::pin::pin!(handle.when(|status| once && is_through(status)));
    let mut asked = false;
    let mut ended = None;
    let outcome = loop {
        tokio::select! {
            outcome = &mut running => break outcome,
            Some((line, written)) = printed.recv() => {
                let done = teller.hidden(|| out.value(&line).and_then(|()| out.flush()));
                if let Some(written) = written {
                    let _ = written.send(done.is_ok() && !out.is_gone());
                }
                // Nobody reads on: what was not read is not handled.
                if done.is_err() || out.is_gone() {
                    handle.stop();
                }
            }
            status = &mut looked, if ended.is_none() => {
                ended = Some(status);
                handle.stop();
            }
            () = teller.changed() => teller.tell(),
            () = &mut first => {
                if asked {
                    return Err(Failure::interrupted());
                }
                asked = true;
                handle.stop();
                teller.hidden(|| output::note("finishing the message in hand; Ctrl-C again to end at once"));
                first.set(interrupted());
            }
        }
    };
    teller.done();
    outcome?;
    match ended.map(|status: Status| status.health) {
        Some(Health::NeedsAuthentication { why, .. }) => Err(Failure::new(Code::Authentication, clean(&why))),
        Some(Health::BackingOff { why, .. }) => Err(Failure::new(Code::Connection, clean(&why))),
        _ => Ok(Code::Done),
    }
}

/// With --once: all that is there was handled, or it can't be.
fn is_through(status: &Status) -> bool {
    matches!(status.health, Health::Idle | Health::BackingOff { .. } | Health::NeedsAuthentication { .. })
}
