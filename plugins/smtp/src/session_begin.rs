//! The driver's next message, from the batch to its first command.

use crate::intake::{Feed, Letter};
use crate::session_flow::Drive;
use postrider_core::{Error, ErrorKind, Phase, Repeat, Result};
use std::task::{Context, Poll};

impl<'a> Drive<'_, '_, 'a> {
    /// Asks for the next message and begins it; false if there is none, or no room for one.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ended || !self.flow.has_room() {
            return false;
        }
        // Nothing is under way: while the next message is waited for, the connection is as good as unused.
        if self.flow.is_idle() && self.session.channel.output().is_empty() {
            self.session.channel.finish();
        }
        match self.intake.poll(cx) {
            Poll::Pending => {
                self.waited |= self.flow.is_idle();
                return false;
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(letter)) => self.start(letter, cx),
        }
        true
    }

    fn start(&mut self, letter: Letter<'a>, cx: &mut Context<'_>) {
        let Letter { index, envelope, body } = letter;
        // Everything that can be refused locally is, before a byte goes out.
        let caps = &self.session.caps;
        let lines = self.flow.lines.write(&envelope, body.size(), caps, self.config);
        if let Err(error) = lines.and_then(|()| self.check_size(body.size())) {
            return self.intake.report(index, Err(error));
        }
        if self.flow.is_idle()
            && let Err(error) = self.look(cx)
        {
            let served = self.flow.has_served();
            if served && error.kind() == ErrorKind::Closed {
                self.intake.again(Letter { index, envelope, body });
            } else {
                let safe = if served { Repeat::Safe } else { error.repeat() };
                self.intake.report(index, Err(error.with_repeat(safe)));
            }
            let what = Error::new(ErrorKind::Closed, Phase::Sender, "the connection was not fit for use");
            return self.flow.lost(what, self.session.channel.redactor());
        }
        if self.flow.lines.without_dsn {
            self.session.channel.note("the server does not offer DSN: delivery-status wishes are left out");
        }
        self.encoder.begin();
        self.scratch.clear();
        let waited = std::mem::take(&mut self.waited);
        self.flow.start(self.session.channel.output(), index, envelope, waited);
        self.feed = Some(match body.into_bytes() {
            Ok(bytes) => {
                self.flow.keep(Some(bytes.clone()));
                Feed::whole(bytes)
            }
            Err(body) => Feed::new(body),
        });
    }

    /// Looks what came while nothing was asked: a late answer would be taken for the next one.
    fn look(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let looked = self.session.channel.poll_read(cx, Phase::Sender);
        let begun = self.session.channel.begin(Phase::Sender);
        let words = &*self.session.channel.input();
        match looked {
            Poll::Ready(Err(error)) if words.is_empty() => Err(error),
            _ if words.starts_with(b"421") && self.flow.has_served() => {
                Err(Error::new(ErrorKind::Closed, Phase::Sender, "the server closed the connection"))
            }
            _ => begun,
        }
    }
}
