//! The dialogue with the server, on stderr.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

static SHOWN: AtomicBool = AtomicBool::new(false);

/// True if lines may come at any time, so that nothing else should draw on stderr.
pub(crate) fn is_shown() -> bool {
    SHOWN.load(Ordering::Relaxed)
}

/// Shows what transports log while `mail.debug` is true, and warnings. They mask secrets themselves.
pub(crate) fn show() {
    SHOWN.store(true, Ordering::Relaxed);
    let wanted = Targets::new()
        .with_target("postrider::wire", tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_target("postrider_net", tracing_subscriber::filter::LevelFilter::WARN);
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false);
    // Fails only if there is a subscriber already, and then that one shows it.
    let _ = tracing_subscriber::registry().with(wanted).with(lines).try_init();
}
