//! Many messages on their way over one connection: what may be said, and whose answer comes next. Pure.
//!
//! Replies come in the order of the commands (RFC 2920 §3.1), whatever message they belong to. Each command
//! remembers where in the stream its last byte stands: an answer counts only once that byte has left, and a
//! message may have been taken only once the last byte of its end of data has.

use super::decimal::Decimal;
use super::flow_state::{Expected, Flight, Kept, News, Plan, Stage};
use super::{Command, EnvelopeLines, Step, Transaction};
use bytes::{Bytes, BytesMut};
use postrider_core::{Envelope, Error};
use postrider_wire::Redactor;
use std::collections::VecDeque;

/// Most commands of one envelope that are out at a time: a mistake in a list of thousands shows early.
const GROUP: usize = 100;

/// The messages under way on a connection.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(super) plan: Plan,
    /// The lines of the message that is to be begun.
    pub(crate) lines: EnvelopeLines,
    /// What was said since the driver last looked, if it is wanted.
    pub(crate) spoken: BytesMut,
    /// What the driver has not told yet.
    pub(crate) news: VecDeque<News>,
    pub(super) stage: Stage,
    pub(super) flights: VecDeque<Flight>,
    /// The number of the first of them.
    pub(super) first: u64,
    /// How many of them have no outcome yet.
    pub(super) open: usize,
    pub(super) expected: VecDeque<Expected>,
    pub(super) written: u64,
    pub(super) bytes: u64,
    /// RSET stands behind every message below this number.
    pub(super) reset_behind: u64,
    /// The next line of the envelope, and how many of its group are said.
    pub(super) next_line: usize,
    pub(super) grouped: usize,
    pub(super) answers: u64,
    /// Nothing was under way before the last message.
    pub(super) wary: bool,
    pub(super) over: bool,
    pub(super) hung_up: bool,
    /// The server has said goodbye while whole messages stand behind it: it is heard whether it means it.
    pub(super) parting: Option<Error>,
    pub(super) out_of_step: bool,
    pub(super) acquitted: bool,
    pub(super) no_chunking: bool,
}

impl Flow {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, ..Self::default() }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// True once the connection must not be used any more; everything is told then.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// True if nothing is under way and no answer is to come.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.expected.is_empty()
    }

    /// True if an answer may come.
    pub(crate) fn listens(&self) -> bool {
        !self.over && (!self.expected.is_empty() || self.stage == Stage::Body)
    }

    /// True if another message may begin.
    pub(crate) fn has_room(&self) -> bool {
        if self.over || self.is_parting() || self.out_of_step || self.stage != Stage::Idle {
            return false;
        }
        if !self.plan.pipelined {
            return self.is_idle();
        }
        let room = self.open < self.plan.messages && self.bytes < self.plan.bytes;
        self.open == 0 || (self.plan.proven && room)
    }

    /// True if bodies go by BDAT.
    pub(crate) fn is_chunked(&self) -> bool {
        self.plan.chunking
    }

    /// True if the connection has done some work.
    pub(crate) fn has_served(&self) -> bool {
        self.plan.served
    }

    /// The command whose answer is waited for, with a number that changes from one to the next; `None` while
    /// its last byte is still here.
    pub(crate) fn awaited(&self) -> Option<(Command, u64)> {
        let front = self.expected.front().filter(|e| e.end <= self.written)?;
        Some((front.command, self.answers))
    }

    /// The command that an answer, or the end of the connection, would belong to.
    pub(crate) fn front(&self) -> Command {
        self.expected.front().map_or(Command::Chunk, |e| e.command)
    }

    /// The connection has taken these bytes.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count as u64;
    }

    /// Begins the message whose [`lines`](Self::lines) have been written.
    ///
    /// A connection that was idle may turn out to be closed. If it `waited`, a body that can't be read twice waits
    /// for a sign of life, so that the message can go over another one.
    pub(crate) fn start(&mut self, out: &mut BytesMut, index: usize, envelope: Envelope, waited: bool) {
        self.wary = waited && self.plan.served && self.is_idle();
        // A message before this one that is refused at its end may leave its transaction open, and what follows would
        // go on with it: BDAT by the book (RFC 3030 §2), DATA at Postfix. Only RSET ends it for sure.
        if !self.flights.is_empty() {
            self.reset(out);
        }
        self.flights.push_back(Flight {
            index,
            transaction: Some(Transaction::new(envelope, self.plan.send_partial)),
            body: Kept::Untouched,
            size: 0,
            owed: 0,
            end: None,
            touched: false,
        });
        self.open += 1;
        (self.next_line, self.grouped, self.stage) = (0, 0, Stage::Envelope);
    }

    /// Says what can be said of the envelope now. False if answers have to come first.
    pub(crate) fn speak(&mut self, out: &mut BytesMut, redactor: &Redactor) -> bool {
        let Some(flight) = self.flights.back() else { return false };
        let Some(transaction) = &flight.transaction else { return false };
        let answered = flight.owed == 0;
        let (recipients, lost) = (transaction.recipients(), transaction.is_lost());
        match self.stage {
            Stage::Envelope if answered && lost => self.refuse(out, redactor),
            Stage::Envelope => {
                if answered {
                    self.grouped = 0;
                }
                let before = out.len();
                self.say_envelope(out, recipients, if self.plan.pipelined { GROUP } else { 1 });
                return self.stage != Stage::Envelope || out.len() > before;
            }
            Stage::Answers if answered => match transaction.step() {
                Step::SendBody => self.stage = Stage::Body,
                Step::SayData if self.plan.chunking => self.stage = Stage::Body,
                Step::LoneDot => self.refuse_by_dot(out, redactor),
                Step::Abandon => self.abandon(redactor),
                Step::Reset | Step::SayData => self.refuse(out, redactor),
            },
            _ => return false,
        }
        true
    }

    fn say_envelope(&mut self, out: &mut BytesMut, recipients: usize, group: usize) {
        let lines = self.next_line..(recipients + 1).min(self.next_line + group.saturating_sub(self.grouped));
        let start = out.len();
        out.extend_from_slice(self.lines.lines(lines.clone()));
        let mut end = start;
        for number in lines.clone() {
            end += self.lines.lines(number..number + 1).len();
            let command = number.checked_sub(1).map_or(Command::Mail, Command::Rcpt);
            self.expect(command, end);
        }
        if self.plan.debug {
            self.spoken.extend_from_slice(out.get(start..).unwrap_or_default());
        }
        (self.next_line, self.grouped) = (lines.end, self.grouped + lines.len());
        if self.next_line <= recipients {
            return;
        }
        if self.plan.chunking {
            // With one refusal the message may have to stay here.
            let wary = self.wary && self.flights.back().is_some_and(|f| matches!(f.body, Kept::Untouched));
            let alone = self.plan.send_partial || recipients == 1;
            let unconditional = self.plan.pipelined && alone && !wary;
            self.stage = if unconditional { Stage::Body } else { Stage::Answers };
        } else if self.grouped < group {
            let current = self.flights.back().and_then(|f| f.transaction.as_ref());
            if current.is_some_and(Transaction::may_say_data) {
                out.extend_from_slice(b"DATA\r\n");
                self.said(out, Command::Data);
            }
            self.stage = Stage::Answers;
        }
    }

    /// The body is in memory: it can be sent again.
    pub(crate) fn keep(&mut self, body: Option<Bytes>) {
        if let Some(flight) = self.flights.back_mut() {
            flight.body = body.map_or(Kept::Gone, Kept::Whole);
        }
    }

    /// Says BDAT for the next `length` bytes, which the caller puts behind it.
    pub(crate) fn chunk(&mut self, out: &mut BytesMut, length: usize, last: bool) {
        let before = out.len();
        out.extend_from_slice(b"BDAT ");
        out.extend_from_slice(Decimal::new(length as u64).as_bytes());
        out.extend_from_slice(if last { b" LAST\r\n" } else { b"\r\n" });
        if self.plan.debug {
            self.spoken.extend_from_slice(out.get(before..).unwrap_or_default());
        }
        self.count(length);
        self.expect(if last { Command::EndOfData } else { Command::Chunk }, out.len() + length);
        if last {
            self.end(out.len() + length);
        }
    }

    /// Bytes of the body have been put out.
    pub(crate) fn count(&mut self, length: usize) {
        self.bytes += length as u64;
        if let Some(flight) = self.flights.back_mut() {
            flight.size += length as u64;
        }
    }

    /// The final dot has been put out.
    pub(crate) fn end_of_data(&mut self, out: &BytesMut) {
        self.expect(Command::EndOfData, out.len());
        self.end(out.len());
    }

    fn end(&mut self, length: usize) {
        let end = self.written + length as u64;
        if let Some(flight) = self.flights.back_mut() {
            flight.end = Some(end);
        }
        self.stage = Stage::Idle;
    }

    /// Says RSET, unless the last message has one behind it already.
    pub(super) fn reset(&mut self, out: &mut BytesMut) {
        let next = self.first + self.flights.len() as u64;
        if self.over || (self.reset_behind == next && !self.flights.is_empty()) {
            return;
        }
        self.reset_behind = next;
        out.extend_from_slice(b"RSET\r\n");
        if self.plan.debug {
            self.spoken.extend_from_slice(b"RSET\r\n");
        }
        // It belongs to no message: its number is one that none has yet.
        let end = self.written + out.len() as u64;
        self.expected.push_back(Expected { command: Command::Reset, flight: u64::MAX, end });
    }

    /// A command of the last message has been put out, up to the end of `out`.
    pub(super) fn said(&mut self, out: &BytesMut, command: Command) {
        if self.plan.debug {
            // Only the line itself: what stands before it was told.
            let line = out.strip_suffix(b"\r\n").unwrap_or(out);
            let start = memchr::memrchr(b'\n', line).map_or(0, |at| at + 1);
            self.spoken.extend_from_slice(out.get(start..).unwrap_or_default());
        }
        self.expect(command, out.len());
    }

    fn expect(&mut self, command: Command, length: usize) {
        let flight = self.first + (self.flights.len() as u64).saturating_sub(1);
        self.expected.push_back(Expected { command, flight, end: self.written + length as u64 });
        if let Some(flight) = self.flights.back_mut() {
            flight.owed += 1;
        }
    }
}
