//! The driver's patience: what is done when the other side takes or says nothing.

use crate::session::LAST_WORDS;
use crate::session_flow::Drive;
use postrider_core::{Error, ErrorKind, Phase, Result, within};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Longest wait for a server to close the connection that it has said to close (421), or to go on.
const PARTING: Duration = Duration::from_secs(30);

/// Gives the error of a deadline when it has passed.
pub(crate) type Timer = Pin<Box<dyn Future<Output = Error> + Send>>;

impl Drive<'_, '_, '_> {
    /// Nothing can be written any more. The server may have said why before it closed: that is heard first.
    pub(crate) fn fail(&mut self, error: Error) {
        let last_words = self.timer(LAST_WORDS, error.phase());
        self.write_timer = Some(last_words);
        self.failure = Some(error);
        if !self.flow.listens() {
            self.give_up(None);
        }
    }

    pub(crate) fn give_up(&mut self, error: Option<Error>) {
        let gone = || Error::new(ErrorKind::Closed, Phase::Data, "the server closed the connection");
        let cause = self.failure.take().or(error).unwrap_or_else(gone);
        self.flow.lost(cause, self.session.channel.redactor());
    }

    /// True if a deadline has passed, and something was done about it.
    pub(crate) fn too_late(&mut self, cx: &mut Context<'_>) -> bool {
        let waits = !self.session.channel.output().is_empty() || self.unflushed;
        // While it owes an answer it may be busy with that, and reads on behind it: the deadline of the answer counts.
        let stuck = waits && self.flow.awaited().is_none();
        if self.failure.is_some() || stuck {
            let limit = self.session.channel.timing().write_timeout;
            let timer = self.write_timer.take().unwrap_or_else(|| self.timer(limit, Phase::Data));
            let timer = self.write_timer.insert(timer);
            if timer.as_mut().poll(cx).is_ready() {
                if self.failure.is_some() {
                    self.give_up(None);
                } else {
                    let what = "the server takes no more of the message";
                    self.fail(Error::new(ErrorKind::Timeout, self.flow.front().phase(), what));
                }
                return true;
            }
        } else {
            self.write_timer = None;
        }
        let Some((command, number)) = self.flow.awaited() else {
            self.answer_timer = None;
            return false;
        };
        let timer = match self.answer_timer.take() {
            Some((of, timer)) if of == number => timer,
            _ => {
                let patience = self.session.patience(command);
                let patience = if self.flow.is_parting() { patience.min(PARTING) } else { patience };
                self.timer(patience, command.phase())
            }
        };
        let (_, timer) = self.answer_timer.insert((number, timer));
        let Poll::Ready(error) = timer.as_mut().poll(cx) else { return false };
        self.flow.doubt_goodbye();
        self.give_up(Some(error));
        true
    }

    fn timer(&self, limit: Duration, phase: Phase) -> Timer {
        let host = Arc::clone(self.session.channel.host());
        Box::pin(async move {
            match within(host.as_ref(), limit, phase, pending::<Result<Infallible>>()).await {
                Ok(never) => match never {},
                Err(error) => error,
            }
        })
    }
}
