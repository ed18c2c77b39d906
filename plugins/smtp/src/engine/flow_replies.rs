//! What follows from the answers. Pure.

use super::flow::Flow;
use super::flow_state::{Expected, Flight, Kept, News, Stage};
use super::{Command, SmtpReply, refusal};
use bytes::BytesMut;
use postrider_core::{Error, ErrorKind, Phase, Receipt, Result};
use postrider_wire::Redactor;

impl Flow {
    /// Takes the next answer.
    pub(crate) fn take(&mut self, reply: SmtpReply, out: &mut BytesMut, redactor: &Redactor) {
        let front = self.expected.front().copied();
        let Some(Expected { command, flight, .. }) = front.filter(|e| e.end <= self.written) else {
            return self.early(&reply, redactor);
        };
        self.expected.pop_front();
        self.answers += 1;
        // Whatever it said, it goes on.
        self.hung_up = false;
        self.take_due(reply, command, flight, out, redactor);
        if self.is_parting() && !self.over && self.awaited().is_none() {
            self.lost(unasked(), redactor);
        }
    }

    /// Takes the answer to a command that has left.
    fn take_due(
        &mut self,
        reply: SmtpReply,
        command: Command,
        flight: u64,
        out: &mut BytesMut,
        redactor: &Redactor,
    ) {
        if !command.takes(reply.code) {
            return self.lost(misfit(command.phase(), &reply, redactor), redactor);
        }
        if reply.code == 421 {
            return self.goodbye(command, flight, reply, redactor);
        }
        if command == Command::Reset {
            if !reply.is_success() {
                let what = "the server refused to forget a message";
                let error = Error::new(ErrorKind::Protocol, Phase::Reset, what);
                self.lost(error.with_reply(reply.to_core(redactor)), redactor);
            }
            return;
        }
        let Some(at) = flight.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else { return };
        let is_last = at + 1 == self.flights.len();
        let Some(flight) = self.flights.get_mut(at) else { return };
        flight.owed = flight.owed.saturating_sub(1);
        flight.touched = true;
        let answered = flight.owed == 0;
        match &mut flight.transaction {
            None if command == Command::EndOfData && self.stage == Stage::Dot => {
                self.stage = Stage::Idle;
                self.reset(out);
            }
            None => {}
            Some(_) if command == Command::EndOfData => self.finish(at, reply, out, redactor),
            Some(transaction) => {
                let unknown = command == Command::Chunk && is_unknown(&reply);
                transaction.take(command, reply);
                if unknown {
                    self.cannot_chunk(at, None, redactor);
                } else if is_last && self.stage == Stage::Body && transaction.is_hopeless() {
                    self.refuse(out, redactor);
                } else if is_last && self.stage == Stage::Answers {
                    // At once: what comes behind the last answer comes while the body is due.
                    self.speak(out, redactor);
                }
            }
        }
        if answered {
            self.tidy();
        }
    }

    /// The answer to the end of data.
    fn finish(&mut self, at: usize, end: SmtpReply, out: &mut BytesMut, redactor: &Redactor) {
        let Some(flight) = self.flights.get_mut(at) else { return };
        let Some(transaction) = &mut flight.transaction else { return };
        if self.plan.chunking && is_unknown(&end) && !transaction.is_hopeless() {
            return self.cannot_chunk(at, Some(end), redactor);
        }
        if end.is_refusal() && transaction.is_out_of_step(Some(&end)) && self.blames_pipelining(at) {
            return;
        }
        let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) else { return };
        let (success, refusal) = (end.is_success(), end.is_refusal());
        let outcome = transaction.finished(end, redactor);
        let contradicts = success && outcome.is_err();
        self.tell(at, outcome, true);
        if contradicts {
            let what = "the server's answers do not fit together";
            self.lost(Error::new(ErrorKind::Protocol, Phase::EndOfData, what), redactor);
        } else if refusal && at + 1 == self.flights.len() {
            self.reset(out);
        }
    }

    /// The last message is refused before the end of its data: it is told, and the server is to forget it.
    pub(super) fn refuse(&mut self, out: &mut BytesMut, redactor: &Redactor) {
        self.tell_refused(redactor);
        self.stage = Stage::Idle;
        self.reset(out);
        self.tidy();
    }

    /// Nobody takes it, and the server waits for it.
    pub(super) fn refuse_by_dot(&mut self, out: &mut BytesMut, redactor: &Redactor) {
        self.tell_refused(redactor);
        out.extend_from_slice(b".\r\n");
        self.said(out, Command::EndOfData);
        self.stage = Stage::Dot;
    }

    /// The server waits for a body that it must not get.
    pub(super) fn abandon(&mut self, redactor: &Redactor) {
        self.tell_refused(redactor);
        let what = "the connection was given up so that no empty message is sent";
        self.lost(Error::new(ErrorKind::Closed, Phase::Data, what), redactor);
    }

    fn tell_refused(&mut self, redactor: &Redactor) {
        let Some(at) = self.flights.len().checked_sub(1) else { return };
        let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) else { return };
        if transaction.is_out_of_step(None) && self.blames_pipelining(at) {
            return;
        }
        let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) else { return };
        let refused = transaction.refused(redactor);
        self.tell(at, Err(refused), true);
    }

    /// A refusal that speaks of a bad sequence: if commands were sent together, that may be the reason, and
    /// the message is tried again one command at a time. True if so.
    fn blames_pipelining(&mut self, at: usize) -> bool {
        if !self.plan.pipelined {
            // It says so to a client that keeps to the sequence: pipelining was not to blame.
            self.acquitted = true;
            return false;
        }
        self.out_of_step = true;
        self.again(at)
    }

    /// A server that offers CHUNKING and does not know BDAT takes the body for commands: the connection must end.
    fn cannot_chunk(&mut self, at: usize, end: Option<SmtpReply>, redactor: &Redactor) {
        self.no_chunking = true;
        if !self.again(at)
            && let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut())
        {
            let outcome = match end {
                Some(end) => transaction.finished(end, redactor),
                None => Err(transaction.refused(redactor)),
            };
            self.tell(at, outcome, true);
        }
        let what = "the server offers CHUNKING and does not know BDAT";
        let error = Error::new(ErrorKind::Protocol, Phase::Data, what);
        self.lost(error.with_advice("set chunking=false"), redactor);
    }

    /// An answer to what has not wholly left: while a body is due, a refusal of it; otherwise nothing that can
    /// be believed.
    fn early(&mut self, reply: &SmtpReply, redactor: &Redactor) {
        let command = self.front();
        let in_body = matches!(command, Command::Chunk | Command::EndOfData);
        self.hung_up |= reply.code == 421;
        if in_body && reply.is_refusal() {
            let at = match self.expected.front() {
                Some(front) => usize::try_from(front.flight.saturating_sub(self.first)).unwrap_or(usize::MAX),
                None => self.flights.len().saturating_sub(1),
            };
            let what = "the server refused the message while it was sent";
            let error = refusal(Phase::Data, reply, what, redactor);
            if let Some(transaction) = self.flights.get_mut(at).and_then(|f| f.transaction.as_mut()) {
                let error = error.with_recipients(transaction.outcomes(redactor, false));
                self.tell(at, Err(error), true);
            }
            let what = "the server stopped listening in the middle of a message";
            return self.lost(Error::new(ErrorKind::Closed, Phase::Data, what), redactor);
        }
        let what = "the server answered before the end of the message";
        let error = match command {
            _ if self.hung_up => closes(command.phase(), reply, redactor),
            _ if in_body => Error::new(ErrorKind::Protocol, Phase::Data, what),
            _ => Error::new(ErrorKind::Protocol, command.phase(), "the server answered before it was asked")
                .with_reply(reply.to_core(redactor)),
        };
        self.lost(error, redactor);
    }

    /// 421: the connection ends, whatever was asked (RFC 5321 §3.8), and what came behind that was not heard. Unless
    /// the server says so and goes on, as some do that mean one message by it: if a whole one stands behind, the
    /// end is waited for.
    fn goodbye(&mut self, command: Command, flight: u64, reply: SmtpReply, redactor: &Redactor) {
        self.hung_up = true;
        let cause = closes(command.phase(), &reply, redactor);
        let at = flight.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        if let Some(flight) = self.flights.get_mut(at)
            && let Some(transaction) = &mut flight.transaction
        {
            let fresh = !flight.touched && self.plan.served;
            let whole = flight.end.is_some_and(|end| end <= self.written);
            (flight.owed, flight.touched) = (flight.owed.saturating_sub(1), true);
            let outcome = if command == Command::EndOfData {
                transaction.finished(reply, redactor)
            } else {
                transaction.take(command, reply);
                match fresh {
                    true if !matches!(flight.body, Kept::Gone) => {
                        self.again(at);
                        return self.part(cause, redactor);
                    }
                    // If the server goes on, the others may get it.
                    _ if whole && matches!(command, Command::Rcpt(_)) => return self.part(cause, redactor),
                    _ => Err(transaction.refused(redactor)),
                }
            };
            self.tell(at, outcome, false);
            // This message had its word: those behind it may try another connection.
            self.plan.served = true;
        }
        self.part(cause, redactor);
    }

    /// Nothing more is said, and what has left is heard if it is answered.
    fn part(&mut self, cause: Error, redactor: &Redactor) {
        let whole = |f: &Flight| f.transaction.is_some() && f.end.is_some_and(|end| end <= self.written);
        if !self.flights.iter().any(whole) {
            return self.lost(cause, redactor);
        }
        self.stage = Stage::Idle;
        self.parting.get_or_insert(cause);
    }

    /// Tells what became of a message. `answered` says that the server had its say.
    pub(super) fn tell(&mut self, at: usize, outcome: Result<Receipt>, answered: bool) {
        let Some(flight) = self.flights.get_mut(at) else { return };
        if flight.transaction.take().is_none() {
            return;
        }
        self.open = self.open.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(flight.size);
        flight.body = Kept::Gone;
        self.news.push_back(News::Outcome(flight.index, outcome));
        if answered {
            self.plan.served = true;
            self.plan.proven |= self.plan.pipelined && !self.out_of_step;
        }
    }

    /// Forgets the messages at the front of which nothing more is to come.
    pub(super) fn tidy(&mut self) {
        while self.flights.front().is_some_and(|f| f.transaction.is_none() && f.owed == 0) {
            self.flights.pop_front();
            self.first += 1;
        }
    }
}

/// The command is not known, or not there.
fn is_unknown(reply: &SmtpReply) -> bool {
    matches!(reply.code, 500 | 502)
}

fn closes(phase: Phase, reply: &SmtpReply, redactor: &Redactor) -> Error {
    let what = "the server closed the connection before it came to this message";
    Error::new(ErrorKind::Closed, phase, what).with_reply(reply.to_core(redactor))
}

/// Everything that has left is answered behind a goodbye.
fn unasked() -> Error {
    Error::new(ErrorKind::Closed, Phase::Sender, "the server closes the connection")
}

fn misfit(phase: Phase, reply: &SmtpReply, redactor: &Redactor) -> Error {
    Error::new(ErrorKind::Protocol, phase, "the server's answer does not fit what was asked")
        .with_reply(reply.to_core(redactor))
        .with_advice("a server that can't keep up with pipelined commands needs pipelining=false")
}
