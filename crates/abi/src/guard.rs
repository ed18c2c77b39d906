//! Panics stop here: none crosses the boundary, for two Rust libraries can't catch each other's.

use postrider_core::{Error, ErrorKind, Phase};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Does `work` and catches its panic: what it said, shortened and printable.
pub(crate) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Unwind safe by poisoning: nobody uses what a panic left behind.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without words");
        let mut printable = String::new();
        for c in text.chars().take(300) {
            if c.is_control() { printable.extend(c.escape_default()) } else { printable.push(c) }
        }
        // The drop of what it was thrown with may panic too; then it is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        printable
    })
}

/// True in a plugin: a library has its own copy of this.
static INSIDE: AtomicBool = AtomicBool::new(false);

/// Remembers that this program is a plugin: the other side is its host.
pub(crate) fn inside() {
    INSIDE.store(true, Ordering::Relaxed);
}

fn other() -> &'static str {
    if INSIDE.load(Ordering::Relaxed) { "host" } else { "plugin" }
}

/// What a call gives that ended in a panic on the other side.
pub(crate) fn panicked(text: &str) -> Error {
    Error::new(ErrorKind::Plugin, Phase::Configure, format!("the {} panicked: {text}", other())).with_advice(
        "tell its author; what it was doing has been given up and the transport can't be used again",
    )
}

/// What a call gives when the object panicked in an earlier one.
pub(crate) fn poisoned() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Configure, "the plugin panicked in an earlier call")
        .with_advice("make the transport anew")
}

/// The other side broke the rules of the boundary.
pub(crate) fn malformed(what: &str) -> Error {
    Error::new(
        ErrorKind::Plugin,
        Phase::Configure,
        format!("the {} broke the boundary's rules: {what}", other()),
    )
    .with_advice("tell its author; `postrider plugin check` tries it")
}
