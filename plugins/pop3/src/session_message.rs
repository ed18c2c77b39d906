//! Reading a message: RETR and TOP, streamed.

use crate::Pop3Config;
use crate::session::Session;
use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase, Result};
use postrider_wire::dot::Decoder;
use std::time::Duration;

/// A reader that lets this much time pass is slow itself: the server's rate is measured anew.
const PAUSE: Duration = Duration::from_secs(5);

impl Session {
    /// RETR (RFC 1939 §5). After a success the body must be read by [`body`](Self::body).
    pub(crate) async fn open_message(&mut self, number: u32) -> Result<()> {
        let reply = self.ask(&format!("RETR {number}"), Phase::Fetch).await?;
        if reply.is_ok() {
            return Ok(());
        }
        self.finish();
        // A maildrop is frozen, so a server that gave the number may refuse for many reasons; that the message
        // is not there is believed only if it says so: it may be settled then.
        let otherwise = if reply.says_gone() { ErrorKind::NotFound } else { ErrorKind::Rejected };
        let what = "the server does not give the message";
        Err(self.refused(&reply, otherwise, Phase::Fetch, what))
    }

    /// TOP (RFC 1939 §7), as [`open_message`](Self::open_message). It is optional: only trying tells where
    /// CAPA does not.
    pub(crate) async fn open_top(&mut self, number: u32, lines: u32) -> Result<()> {
        let reply = self.ask(&format!("TOP {number} {lines}"), Phase::Fetch).await?;
        if reply.is_ok() {
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

    /// The message that the server has begun to send. Dropped half-way, it leaves the connection busy.
    pub(crate) fn body(&mut self, config: &Pop3Config) -> Body<'_> {
        self.channel.expect_body();
        let now = self.channel.host().now();
        let reading =
            Reading { session: self, decoder: Decoder::new(), limit: config.max_size, read: 0, seen: now };
        Body::generate(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|chunk| (chunk, reading)))
        })
    }
}

struct Reading<'a> {
    session: &'a mut Session,
    decoder: Decoder,
    limit: u64,
    read: u64,
    seen: Duration,
}

impl Reading<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let channel = &mut self.session.channel;
        let now = channel.host().now();
        if now.saturating_sub(self.seen) > PAUSE {
            channel.expect_body();
        }
        let wait = channel.timing().command();
        loop {
            if let Some(chunk) = self.decoder.decode(channel.input()) {
                self.read = self.read.saturating_add(chunk.len() as u64);
                if self.read > self.limit {
                    return Err(too_large(self.limit));
                }
                self.seen = channel.host().now();
                return Ok(Some(chunk));
            }
            if self.decoder.is_ended() {
                self.session.finish();
                return Ok(None);
            }
            channel.fill_body(wait, Phase::Fetch).await?;
        }
    }
}

/// The error of a message over the limit, which is in bytes.
pub(crate) fn too_large(limit: u64) -> Error {
    let what = format!("the message is larger than the {limit} bytes allowed here");
    Error::new(ErrorKind::Limit, Phase::Fetch, what).with_advice("raise maxsize to read it, or delete it")
}
