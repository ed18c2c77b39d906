//! The driver's patience: what is done when the other side takes or says nothing.

use crate::alarm::Alarm;
use crate::session::LAST_WORDS;
use crate::session_flow::Drive;
use postrider_core::{Error, ErrorKind, Phase, timed_out};
use std::task::Context;
use std::time::Duration;

/// Longest wait for a server to close the connection that it has said to close (421), or to go on.
const PARTING: Duration = Duration::from_secs(30);

impl Drive<'_, '_, '_> {
    /// Nothing can be written any more. The server may have said why before it closed: that is heard first.
    pub(crate) fn fail(&mut self, error: Error) {
        self.write_alarm = Some(Alarm::new(self.session.channel.host().as_ref(), LAST_WORDS));
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
            let host = self.session.channel.host().as_ref();
            if self.write_alarm.get_or_insert_with(|| Alarm::new(host, limit)).poll(host, cx) {
                if self.failure.is_some() {
                    self.give_up(None);
                } else {
                    let what = "the server takes no more of the message";
                    self.fail(Error::new(ErrorKind::Timeout, self.flow.front().phase(), what));
                }
                return true;
            }
        } else {
            self.write_alarm = None;
        }
        let Some((command, number)) = self.flow.awaited() else {
            self.answer_alarm = None;
            return false;
        };
        let patience = self.session.patience(command);
        let patience = if self.flow.is_parting() { patience.min(PARTING) } else { patience };
        let host = self.session.channel.host().as_ref();
        let alarm = match &mut self.answer_alarm {
            Some((of, alarm)) => {
                if *of != number {
                    alarm.restart(host, patience);
                    *of = number;
                }
                alarm
            }
            none => &mut none.insert((number, Alarm::new(host, patience))).1,
        };
        if !alarm.poll(host, cx) {
            return false;
        }
        let error = timed_out(alarm.limit(), command.phase());
        self.flow.doubt_goodbye();
        self.give_up(Some(error));
        true
    }
}
