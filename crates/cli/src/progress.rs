//! Progress on stderr, if a person may be watching.

use crate::transcript;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use postrider::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A bar, or a spinner where the end is not known. Shows nothing unless stderr is a terminal, nor beside the transcript.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A spinner with a word on what is being done.
    pub(crate) fn new(doing: impl Into<String>) -> Self {
        if transcript::is_shown() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(doing.into());
        bar.set_style(style("{spinner} {msg}"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// From here on it counts bytes.
    pub(crate) fn bytes(&self, total: Option<u64>) {
        self.0.set_style(style(match total {
            Some(_) => {
                "{spinner} {msg}  {bar:30}  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}"
            }
            None => "{spinner} {msg}  {binary_bytes}  {binary_bytes_per_sec}",
        }));
        self.0.set_position(0);
        if let Some(total) = total {
            self.0.set_length(total);
        }
    }

    /// Says what is being done now.
    pub(crate) fn doing(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }

    /// Counts.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Does something that prints while the line is out of the way.
    pub(crate) fn hidden<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }

    /// Clears the line, so that something else can be said.
    pub(crate) fn done(&self) {
        self.0.finish_and_clear();
    }

    /// The same body; each chunk is counted as it goes, and `ended` is set before its plain end is told.
    pub(crate) fn watch<'a>(&self, body: Body<'a>, ended: Arc<AtomicBool>) -> Body<'a> {
        let size = body.size();
        self.bytes(size);
        let bar = self.0.clone();
        let watched = Body::generate(body, move |mut body: Body<'a>| {
            let (bar, ended) = (bar.clone(), ended.clone());
            async move {
                let chunk: Option<Bytes> = body.chunk().await?;
                match &chunk {
                    Some(chunk) => bar.inc(chunk.len() as u64),
                    None => ended.store(true, Ordering::Release),
                }
                Ok(chunk.map(|chunk| (chunk, body)))
            }
        });
        match size {
            Some(size) => watched.with_size(size),
            None => watched,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
