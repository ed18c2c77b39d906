//! A plugin's log lines, written by the host: a plugin has a `tracing` of its own, which nobody listens to.

use crate::buf::Text;
use crate::guard::guard;
use std::fmt::Write;
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes a line of this level.
pub(crate) type WriteLine = unsafe extern "C" fn(u32, Text, Text);
/// The most talkative level that is listened to: 0 none, 1 error, 5 trace.
pub(crate) type MostLevel = unsafe extern "C" fn() -> u32;

fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

pub(crate) unsafe extern "C" fn most() -> u32 {
    guard(|| LevelFilter::current().into_level().map_or(0, number)).unwrap_or(0)
}

pub(crate) unsafe extern "C" fn write(level: u32, from: Text, text: Text) {
    let _ = guard(|| {
        // SAFETY: both are lent for this call.
        let (from, text) = unsafe { (from.text(), text.text()) };
        match level {
            1 => tracing::error!(target: "postrider::plugin", from, "{text}"),
            2 => tracing::warn!(target: "postrider::plugin", from, "{text}"),
            3 => tracing::info!(target: "postrider::plugin", from, "{text}"),
            4 => tracing::debug!(target: "postrider::plugin", from, "{text}"),
            _ => tracing::trace!(target: "postrider::plugin", from, "{text}"),
        }
    });
}

/// In a plugin: hands what its `tracing` hears to the host. The first host counts; they are one program.
pub(crate) fn forward(write: Option<WriteLine>, most: Option<MostLevel>) {
    static SET: OnceLock<()> = OnceLock::new();
    if let (Some(write), Some(most)) = (write, most) {
        // A plugin may have a subscriber of its own: then that one is left alone.
        SET.get_or_init(|| drop(tracing::subscriber::set_global_default(Forward { write, most })));
    }
}

struct Forward {
    write: WriteLine,
    most: MostLevel,
}

impl Subscriber for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The host's level may change.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // SAFETY: a function of the host, which is never unloaded.
        number(*metadata.level()) <= unsafe { (self.most)() }
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let text = line.message + &line.fields;
        // SAFETY: as above; the texts are lent for the call.
        unsafe {
            (self.write)(
                number(*metadata.level()),
                Text::new(metadata.target().as_bytes()),
                Text::new(text.as_bytes()),
            );
        }
    }

    // What is told of spans stays in the plugin.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
