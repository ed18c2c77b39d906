//! The driver of messages under way: reads, asks for messages and writes, whichever can go on.

use crate::SmtpConfig;
use crate::alarm::Alarm;
use crate::engine::{Flow, News, Plan, Stage};
use crate::habits::Habits;
use crate::intake::{Feed, Intake, Letter};
use crate::session::Session;

use bytes::BytesMut;
use postrider_core::{Error, ErrorKind, Phase};
use postrider_wire::dot::Encoder;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Once so much waits to be written, no more is put to it.
const HIGH: usize = 256 * 1024;

/// The work on one connection.
pub(crate) struct Drive<'s, 'b, 'a> {
    pub(crate) session: &'s mut Session,
    pub(crate) config: &'s SmtpConfig,
    pub(crate) intake: &'s mut Intake<'b, 'a>,
    pub(crate) flow: Flow,
    pub(crate) feed: Option<Feed<'a>>,
    pub(crate) encoder: Encoder,
    /// What goes into the next BDAT, where it can't be taken as it is.
    pub(crate) scratch: BytesMut,
    /// How much of the input has been searched for a line end.
    pub(crate) searched: usize,
    pub(crate) ended: bool,
    /// Nothing was under way for a while.
    pub(crate) waited: bool,
    pub(crate) unflushed: bool,
    /// Why nothing can be written any more.
    pub(crate) failure: Option<Error>,
    /// For the answer to the command of this number.
    pub(crate) answer_alarm: Option<(u64, Alarm)>,
    pub(crate) write_alarm: Option<Alarm>,
}

impl Session {
    /// Sends messages until there are no more, or the connection can't be used. `reused` says that it has
    /// served before.
    pub(crate) async fn send_from(
        &mut self,
        config: &SmtpConfig,
        intake: &mut Intake<'_, '_>,
        habits: &mut Habits,
        reused: bool,
    ) {
        let plan = Plan {
            pipelined: config.pipelining && self.caps.pipelining && habits.may_pipeline(),
            chunking: self.caps.chunking && config.window.chunk.is_some() && habits.may_chunk(),
            messages: config.window.messages,
            bytes: config.window.bytes,
            send_partial: config.send_partial,
            proven: habits.are_proven(),
            served: reused,
            debug: config.debug,
        };
        let encoder = match plan.chunking {
            true => Encoder::without_dots(config.line_ends),
            false => Encoder::new(config.line_ends),
        };
        let mut drive = Drive {
            encoder: if self.caps.eight_bit_mime { encoder.unwatched() } else { encoder },
            session: self,
            config,
            intake,
            flow: Flow::new(plan),
            feed: None,
            scratch: BytesMut::new(),
            searched: 0,
            ended: false,
            waited: true,
            unflushed: false,
            failure: None,
            answer_alarm: None,
            write_alarm: None,
        };
        poll_fn(|cx| drive.poll(cx)).await;
        let flow = drive.flow;
        habits.learn(&flow);
        if flow.is_idle() && !flow.is_over() && !flow.is_out_of_step() {
            self.channel.finish();
        }
    }
}

impl<'a> Drive<'_, '_, 'a> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Once nothing has come, whatever comes wakes us; but before more of a body goes out, the server may have said
        // that it is in vain.
        let mut heard_out = false;
        loop {
            let mut moved = !heard_out && self.listen(cx, &mut heard_out);
            moved |= self.fill(cx);
            moved |= self.write(cx);
            heard_out &= self.flow.stage() != Stage::Body;
            if self.failure.is_some() && self.flow.is_idle() {
                self.give_up(None);
            }
            self.tell();
            if self.flow.is_over() {
                return Poll::Ready(());
            }
            let done = self.ended || self.flow.is_out_of_step();
            if done && self.flow.is_idle() && self.session.channel.output().is_empty() {
                return Poll::Ready(());
            }
            if !moved && !self.too_late(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Reads what has come while an answer may come; true if something has. Says when that was all.
    fn listen(&mut self, cx: &mut Context<'_>, heard_out: &mut bool) -> bool {
        let mut moved = false;
        while self.flow.listens() {
            let phase = self.flow.front().phase();
            match self.session.channel.poll_read(cx, phase) {
                Poll::Ready(Ok(())) => self.hear(),
                Poll::Ready(Err(error)) => {
                    // It had begun to say more.
                    if !self.session.channel.input().is_empty() || !self.session.reader.is_empty() {
                        self.flow.doubt_goodbye();
                    }
                    let error = self.failure.take().unwrap_or(error);
                    self.flow.lost(error, self.session.channel.redactor());
                }
                Poll::Pending => {
                    *heard_out = true;
                    break;
                }
            }
            moved = true;
        }
        moved
    }

    /// Puts out what may be said, and asks for the next message when the last one is out; true if it could.
    fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.failure.is_none() && !self.flow.is_over() && self.session.channel.output().len() < HIGH {
            let could = match self.flow.stage() {
                Stage::Idle => self.begin(cx),
                Stage::Envelope | Stage::Answers => {
                    let mut out = std::mem::take(self.session.channel.output());
                    let could = self.flow.speak(&mut out, self.session.channel.redactor());
                    *self.session.channel.output() = out;
                    could
                }
                Stage::Body => self.feed(cx),
                Stage::Dot => false,
            };
            if !could {
                break;
            }
            moved = true;
        }
        if !self.flow.spoken.is_empty() {
            self.session.channel.said(&self.flow.spoken);
            self.flow.spoken.clear();
        }
        moved
    }

    /// Writes what is put out; true if the connection took some of it.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.failure.is_some() || self.flow.is_over() {
            return false;
        }
        let phase = self.flow.front().phase();
        let mut moved = false;
        while !self.session.channel.output().is_empty() && !self.flow.is_parting() {
            match self.session.channel.poll_write(cx, phase) {
                Poll::Ready(Ok(count)) => {
                    self.flow.wrote(count);
                    self.unflushed = true;
                    moved = true;
                }
                Poll::Ready(Err(error)) => {
                    self.fail(error);
                    return true;
                }
                Poll::Pending => break,
            }
        }
        if moved {
            self.write_alarm = None;
        }
        if self.unflushed {
            match self.session.channel.poll_flush(cx, phase) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => {
                    self.fail(error);
                    return true;
                }
                Poll::Pending => {}
            }
        }
        moved
    }

    /// Hands on what is known, and lets go of a body that is out.
    fn tell(&mut self) {
        if self.feed.as_ref().is_some_and(|feed| feed.begun)
            && matches!(self.flow.stage(), Stage::Idle | Stage::Dot)
        {
            self.feed = None;
        }
        self.tell_news();
    }

    /// Hands on what is known.
    #[inline]
    pub(crate) fn tell_news(&mut self) {
        while let Some(news) = self.flow.news.pop_front() {
            self.tell_of(news);
        }
    }

    fn tell_of(&mut self, news: News) {
        let (index, envelope, kept) = match news {
            News::Outcome(index, outcome) => return self.intake.report(index, outcome),
            News::Again(index, envelope, kept) => (index, envelope, kept),
        };
        let untouched = || self.feed.take().filter(|feed| !feed.begun).map(|feed| feed.body);
        match kept.map(Into::into).or_else(untouched) {
            Some(body) => self.intake.again(Letter { index, envelope, body }),
            None => {
                let what = "the message can't be read a second time";
                self.intake.report(index, Err(Error::new(ErrorKind::Closed, Phase::Data, what)));
            }
        }
    }
}
