//! Reading a message: RETR and TOP, streamed.

use crate::Pop3Config;
use crate::engine::window::Window;
use crate::session::Session;
use bytes::Bytes;
use futures_core::Stream;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A reader that lets this much time pass is slow itself: the server's rate is measured anew.
const PAUSE: Duration = Duration::from_secs(5);

impl Session {
    /// The reply to RETR (RFC 1939 §5), which has been queued. After a success the body must be read by
    /// [`body`](Self::body).
    pub(crate) async fn open_message(&mut self, window: &mut Window) -> Result<()> {
        let phase = Phase::Fetch;
        let behind = window.first().is_some_and(|asked| asked.behind);
        let refusal = match self.refusal_to(behind, phase).await {
            Ok(refusal) => refusal,
            Err(error) => {
                self.astray = true;
                return Err(error);
            }
        };
        window.answered(refusal.is_none());
        let Some(reply) = refusal else {
            self.channel.expect_body();
            return Ok(());
        };
        if window.is_idle() {
            self.finish();
        }
        // A maildrop is frozen, so a server that gave the number may refuse for many reasons; that the message
        // is not there is believed only if it says so: it may be settled then.
        let otherwise = if reply.says_gone() { ErrorKind::NotFound } else { ErrorKind::Rejected };
        self.unexplained = behind && reply.code.is_none() && !reply.says_gone();
        let what = "the server does not give the message";
        Err(self.refused(&reply, otherwise, phase, what))
    }

    /// TOP (RFC 1939 §7), with its reply as in [`open_message`](Self::open_message). It is optional: only trying
    /// tells where CAPA does not.
    pub(crate) async fn open_top(&mut self, window: &mut Window, number: u32, lines: u32) -> Result<()> {
        let reply = self.ask(&format!("TOP {number} {lines}"), Phase::Fetch).await?;
        if reply.is_ok() {
            window.begin(0);
            self.channel.expect_body();
            return Ok(());
        }
        self.finish();
        let otherwise = match (reply.says_gone(), self.has("TOP")) {
            (true, _) => ErrorKind::NotFound,
            (_, true) => ErrorKind::Rejected,
            _ => ErrorKind::Unsupported,
        };
        Err(self.refused(&reply, otherwise, Phase::Fetch, "the server does not show part of a message"))
    }

    /// The message that the server has begun to send. Dropped half-way, the rest of it is still to come.
    pub(crate) fn body<'a>(&'a mut self, window: &'a mut Window, config: &'a Pop3Config) -> Body<'a> {
        let reading = Reading { session: self, window, config, seen: None };
        Body::from_stream(Chunks::AtHand(reading))
    }
}

/// A body whose chunks are taken from what has been read as long as there are any; only then is a future made.
enum Chunks<'a> {
    AtHand(Reading<'a>),
    Waiting(Pin<Box<dyn Future<Output = Result<Reading<'a>>> + Send + 'a>>),
    Over,
}

impl Stream for Chunks<'_> {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this {
                Self::AtHand(reading) => {
                    if let Some(chunk) = reading.at_hand().transpose() {
                        return Poll::Ready(chunk.transpose());
                    }
                    let Self::AtHand(reading) = std::mem::replace(this, Self::Over) else { continue };
                    *this = Self::Waiting(Box::pin(reading.more()));
                }
                Self::Waiting(more) => {
                    let read = ready!(more.as_mut().poll(cx));
                    *this = Self::Over;
                    match read {
                        Ok(reading) => *this = Self::AtHand(reading),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                Self::Over => return Poll::Ready(None),
            }
        }
    }
}

struct Reading<'a> {
    session: &'a mut Session,
    window: &'a mut Window,
    config: &'a Pop3Config,
    // When the server was last waited for.
    seen: Option<Duration>,
}

impl Reading<'_> {
    /// The next chunk, or the end, of what has been read; `Ok(None)` if more must be read first.
    fn at_hand(&mut self) -> Result<Option<Option<Bytes>>> {
        let limit = self.config.max_size;
        let Some(body) = self.window.body() else { return Ok(Some(None)) };
        if let Some(chunk) = body.decoder.decode(self.session.channel.input()) {
            body.read = body.read.saturating_add(chunk.len() as u64);
            if body.read > limit {
                return Err(too_large(limit));
            }
            self.session.ask_ahead(self.window, self.config);
            return Ok(Some(Some(chunk)));
        }
        if !body.decoder.is_ended() {
            return Ok(None);
        }
        self.window.end();
        if self.window.is_idle() {
            self.session.finish();
        }
        Ok(Some(None))
    }

    async fn more(mut self) -> Result<Self> {
        let channel = &mut self.session.channel;
        let now = channel.host().now();
        if self.seen.is_some_and(|seen| now.saturating_sub(seen) > PAUSE) {
            channel.expect_body();
        }
        let wait = channel.timing().command();
        if let Err(error) = channel.fill_body(wait, Phase::Fetch).await {
            self.session.astray = true;
            return Err(error);
        }
        self.seen = Some(self.session.channel.host().now());
        Ok(self)
    }
}

/// The error of a message over the limit, which is in bytes.
pub(crate) fn too_large(limit: u64) -> Error {
    let what = format!("the message is larger than the {limit} bytes allowed here");
    Error::new(ErrorKind::Limit, Phase::Fetch, what).with_advice("raise maxsize to read it, or delete it")
}
