//! `postrider outbox run`.

use super::args::RunArgs;
use super::{line, look, place};
use crate::args::SettingsArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::interrupted;
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::settings;
use postrider::outbox::{Event, Outbox, OutboxConfig, State, Storage, Way};
use postrider::{Direction, Error, Session};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How often the counts are looked at.
const TICK: Duration = Duration::from_millis(500);

pub(super) fn run(runtime: &Runtime, args: &RunArgs, out: &mut Output) -> Result<Code, Failure> {
    // First, for it asks for no password.
    let storage = place::open(runtime, args.outbox.as_deref(), false)?;
    let session = settings::session(&args.settings, Direction::Outgoing)?;
    let mut ways = Way::of(&session, args.settings.account.as_deref().unwrap_or("main"))?;
    for account in &args.also {
        ways.extend(Way::of(&another(&args.settings, account)?, account)?);
    }
    let config = OutboxConfig::read(&session.properties())?;
    let (tell, told) = unbounded_channel();
    let trouble = tell.clone();
    let outbox = Outbox::new(Arc::clone(&storage), &config, session.host(), ways)?
        .on_event(move |event| drop(tell.send(News::Event(Box::new(event.clone())))))
        .on_trouble(move |error: &Error| drop(trouble.send(News::Trouble(error.to_string()))));
    let seen = runtime.block_on(watch(&outbox, &storage, args.until_idle, told, out))?;
    let counts = runtime.block_on(storage.counts())?;
    if !out.is_json() {
        out.line(look::summary(&counts))?;
    }
    if !args.until_idle {
        return Ok(Code::Done);
    }
    let any = |states: &[State]| states.iter().any(|state| seen.get(state).is_some_and(|n| *n > 0));
    Ok(match () {
        () if any(&[State::Unsure]) => Code::Unsure,
        () if any(&[State::Rejected, State::Expired]) => Code::Refused,
        () if any(&[State::Deferred]) => Code::Deferred,
        () => Code::Done,
    })
}

enum News {
    Event(Box<Event>),
    Trouble(String),
}

/// Runs a worker, and says what happens as it happens. Gives how many recipients came to each state.
async fn watch(
    outbox: &Outbox,
    storage: &Arc<dyn Storage>,
    until_idle: bool,
    mut told: UnboundedReceiver<News>,
    out: &mut Output,
) -> Result<BTreeMap<State, u64>, Failure> {
    let progress = Progress::new("looking for messages");
    let mut seen = BTreeMap::new();
    let stop = interrupted();
    let work = async { if until_idle { outbox.run_until_idle(stop).await } else { outbox.run(stop).await } };
    let impatience = async {
        interrupted().await;
        let again = interrupted();
        tokio::time::sleep(TICK).await;
        progress.hidden(|| {
            output::note("postrider: waiting for answers to what was sent; Ctrl-C again leaves it in doubt")
        });
        again.await;
    };
    tokio::pin!(work, impatience);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let outcome = loop {
        tokio::select! {
            biased;
            Some(news) = told.recv() => say(&news, &progress, &mut seen, out)?,
            outcome = &mut work => break outcome,
            () = &mut impatience => return Err(Failure::interrupted()),
            _ = tick.tick() => {
                if let Ok(counts) = storage.counts().await {
                    progress.doing(look::summary(&counts));
                }
            }
        }
    };
    while let Ok(news) = told.try_recv() {
        say(&news, &progress, &mut seen, out)?;
    }
    progress.done();
    outcome?;
    Ok(seen)
}

fn say(
    news: &News,
    progress: &Progress,
    seen: &mut BTreeMap<State, u64>,
    out: &mut Output,
) -> Result<(), Failure> {
    match news {
        News::Event(event) => {
            *seen.entry(event.state).or_default() += 1;
            progress.hidden(|| if out.is_json() { out.value(event) } else { out.line(line(event)) })
        }
        News::Trouble(text) => {
            progress.hidden(|| output::note(format!("postrider: {text}")));
            Ok(())
        }
    }
}

/// The session of another account of the same file. What was given for one account's sign-in is not another's.
fn another(settings: &SettingsArgs, account: &str) -> Result<Session, Failure> {
    let other = SettingsArgs {
        account_file: settings.account_file.clone(),
        account: Some(account.to_owned()),
        property: settings.property.clone(),
        load: settings.load.clone(),
        verbose: settings.verbose,
        ..SettingsArgs::default()
    };
    settings::session(&other, Direction::Outgoing)
}
