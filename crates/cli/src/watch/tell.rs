//! How it goes, on stderr: a live line at a terminal, a line for each change otherwise.

use super::print::Line;
use crate::output::{self, clean};
use crate::progress::Progress;
use postrider::{Event, Health, Status, WatchHandle};
use serde_json::json;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Tells how a watch is.
pub(super) struct Teller {
    handle: WatchHandle,
    progress: Progress,
    is_live: bool,
    told: Mutex<Status>,
    /// Events as lines of JSON, where stdout is not taken by messages.
    events: Option<mpsc::UnboundedSender<Line>>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Teller {
    pub(super) fn new(handle: WatchHandle, events: Option<mpsc::UnboundedSender<Line>>) -> Self {
        let is_live = std::io::stderr().is_terminal() && !crate::transcript::is_shown();
        let progress = Progress::new("starting");
        Self { handle, progress, is_live, told: Mutex::default(), events, notes: Arc::default() }
    }

    /// Takes notes of what a person or a machine wants to know of each message.
    pub(super) fn observer(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let (events, notes) = (self.events.clone(), Arc::clone(&self.notes));
        move |event| {
            let (what, id, reason) = match event {
                Event::Recorded(id) => ("recorded", Some(*id), None),
                Event::Postponed(id) => ("later", Some(*id), None),
                Event::Failed(id, why) => ("failed", Some(*id), Some(*why)),
                Event::Quarantined(id, why) => ("quarantined", Some(*id), Some(*why)),
                Event::Trouble(why) => ("trouble", None, Some(*why)),
                _ => return,
            };
            if let Some(events) = &events {
                let _ = events.send((json!({ "event": what, "id": id, "reason": reason }), None));
            } else if let Some(reason) = reason {
                let id = id.map_or_else(String::new, |id| format!("{id} "));
                let note = format!("{}{what}: {}", clean(&id), clean(reason));
                notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
            }
        }
    }

    /// Ready when there is something new to tell.
    pub(super) async fn changed(&self) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.handle.when(|status| *status != told).await;
    }

    /// Tells it.
    pub(super) fn tell(&self) {
        let status = self.handle.status();
        let notes: Vec<String> =
            std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        if !notes.is_empty() {
            self.hidden(|| notes.iter().for_each(output::note));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_live {
            self.progress.doing(clean(&line(&status)));
        } else if is_news(&told, &status) {
            output::note(clean(&line(&status)));
        }
        *told = status;
    }

    /// Does something that prints while the live line is out of the way.
    pub(super) fn hidden<T>(&self, work: impl FnOnce() -> T) -> T {
        self.progress.hidden(work)
    }

    /// Tells what is left, and how many messages came to what.
    pub(super) fn done(&self) {
        self.tell();
        self.progress.done();
        output::note(counts(&self.handle.status()));
    }
}

/// Between two looks there is nothing to say to a log.
fn is_news(told: &Status, now: &Status) -> bool {
    let passing = |health: &Health| matches!(health, Health::Polling | Health::Starting);
    let settled = |status: &Status| match &status.health {
        Health::BackingOff { why, .. } => format!("backing off: {why}"),
        health => health.to_string(),
    };
    told.degraded != now.degraded
        || (!passing(&now.health)
            && settled(told) != settled(now)
            && !(passing(&told.health) && was_idle(told, now)))
}

fn was_idle(told: &Status, now: &Status) -> bool {
    now.health == Health::Idle && told.health == Health::Polling && told.counts == now.counts
}

fn line(status: &Status) -> String {
    let degraded = status.degraded.as_ref().map_or_else(String::new, |why| format!("; degraded: {why}"));
    format!("{} ({}){degraded}", status.health, counts(status))
}

fn counts(status: &Status) -> String {
    let counts = &status.counts;
    let all = [
        (counts.handled, "handled"),
        (counts.refused, "refused"),
        (counts.failed, "failed"),
        (counts.later, "later"),
        (counts.quarantined, "quarantined"),
        (counts.settled, "settled"),
    ];
    let some: Vec<String> = all
        .iter()
        .filter(|(n, name)| *n > 0 || *name == "handled")
        .map(|(n, name)| format!("{n} {name}"))
        .collect();
    some.join(", ")
}
