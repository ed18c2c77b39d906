//! The dialogue of a session, for `mail.debug`.

use crate::Redactor;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Writes what is said to `tracing` (target `postrider::wire`, level DEBUG), secrets masked.
#[derive(Debug)]
pub(crate) struct Transcript {
    on: bool,
    name: &'static str,
    session: u64,
    pub(crate) redactor: Redactor,
}

impl Transcript {
    pub(crate) fn new(on: bool, name: &'static str) -> Self {
        Self { on, name, session: NEXT.fetch_add(1, Ordering::Relaxed), redactor: Redactor::default() }
    }

    pub(crate) fn client(&self, line: &[u8]) {
        self.write("C", line);
    }

    pub(crate) fn server(&self, line: &[u8]) {
        self.write("S", line);
    }

    /// Something that happened and is not a line.
    pub(crate) fn note(&self, text: &str) {
        if self.on {
            tracing::debug!(target: "postrider::wire", "{}#{} {text}", self.name, self.session);
        }
    }

    fn write(&self, who: &str, bytes: &[u8]) {
        if !self.on {
            return;
        }
        for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // Masked before it is shortened: half a secret would not be known as one.
            let shown: String =
                self.redactor.clean(&String::from_utf8_lossy(line)).chars().take(1_000).collect();
            let shown = shown.escape_debug();
            tracing::debug!(target: "postrider::wire", "{}#{} {who}: {shown}", self.name, self.session);
        }
    }
}
