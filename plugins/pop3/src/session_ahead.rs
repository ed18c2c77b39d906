//! Asking for messages before they are fetched, and getting rid of what was asked for in vain.

use crate::Pop3Config;
use crate::engine::maildrop::Trust;
use crate::engine::window::{LITTLE, Window};
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result, within};
use std::sync::Arc;
use std::time::Duration;

/// What is thrown away is waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// Queues RETRs for the messages that will be fetched next, as far as the window has room. They go out while
    /// the answers to those before them are read.
    pub(crate) fn ask_ahead(&mut self, window: &mut Window, config: &Pop3Config) {
        if !window.is_low() || !self.pipelines(config) {
            return;
        }
        // What was asked for and then not wanted would be lost.
        if self.capabilities.as_ref().is_some_and(|c| c.deletes_what_is_read()) {
            return;
        }
        let strict = self.maildrop.as_ref().is_some_and(|drop| !drop.is_lasting());
        let mut guess = usize::MAX;
        while let Some(name) = window.next_wanted() {
            let place = self.place(guess, name);
            let entry = place.and_then(|place| self.maildrop.as_ref()?.get(place));
            let good = |size: Option<u64>| size.is_none_or(|size| size <= config.max_size);
            let Some(entry) = entry.filter(|e| !e.deleted && good(e.size)) else {
                // The fetch will find out why.
                window.skip_wanted();
                continue;
            };
            if !window.fits(entry.size, strict) {
                return;
            }
            let (number, size) = (entry.number, entry.size);
            guess = place.map_or(guess, |place| place + 1);
            window.ask_wanted(size);
            self.queue_for(b"RETR", number);
        }
    }

    /// Where the message of this name is, if that is known without asking; probably at the place `guess`. A name
    /// that holds for one session means nothing before that session has given it out.
    pub(crate) fn place(&self, guess: usize, name: &str) -> Option<usize> {
        let drop = self.maildrop.as_ref()?;
        let meant = |i: &usize| self.listed || drop.get(*i).is_some_and(|e| e.trust != Trust::Session);
        drop.find_at(guess, name).filter(meant)
    }

    /// Reads what is in flight before the answer for `next`, or all of it, and throws it away. False if that was
    /// not possible soon: the session is of no use then.
    ///
    /// # Cancellation
    /// The rest can be read by another call.
    pub(crate) async fn drain(&mut self, window: &mut Window, next: Option<&str>) -> bool {
        let host = Arc::clone(self.channel.host());
        self.channel.expect_body();
        within(host.as_ref(), PATIENCE, Phase::Fetch, self.discard(window, next)).await.is_ok()
    }

    async fn discard(&mut self, window: &mut Window, next: Option<&str>) -> Result<()> {
        let wait = self.channel.timing().command();
        // Servers do not count that exactly.
        let mut left = 2 * LITTLE;
        loop {
            if let Some(body) = window.body() {
                while let Some(piece) = body.decoder.decode(self.channel.input()) {
                    body.read = body.read.saturating_add(piece.len() as u64);
                    left = left.checked_sub(piece.len() as u64).ok_or_else(too_much)?;
                }
                if body.decoder.is_ended() {
                    window.end();
                } else {
                    self.channel.fill_body(wait, Phase::Fetch).await?;
                }
                continue;
            }
            let Some(first) = window.first().filter(|first| next != Some(first.name.as_str())) else {
                break;
            };
            let behind = first.behind;
            let refusal = self.refusal_to(behind, Phase::Fetch).await?;
            window.answered(refusal.is_none());
        }
        if window.is_idle() {
            self.finish();
        }
        Ok(())
    }
}

fn too_much() -> Error {
    Error::new(ErrorKind::Limit, Phase::Fetch, "there is more to come than is worth reading in vain")
}
