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
    /// Sends RETR or TOP. After a success the body must be read by [`body`](Self::body).
    pub(crate) async fn open_message(&mut self, command: &str) -> Result<()> {
        self.begin(Phase::Fetch)?;
        let reply = self.ask(command, Phase::Fetch).await?;
        if reply.is_ok() {
            return Ok(());
        }
        self.finish();
        let what = "the server does not give the message";
        Err(self.refused(&reply, ErrorKind::NotFound, Phase::Fetch, what))
    }

    /// The message that the server has begun to send. Dropped half-way, it leaves the connection busy.
    pub(crate) fn body(&mut self, config: &Pop3Config) -> Body<'_> {
        self.channel.expect_body();
        let now = self.channel.host().now();
        let reading = Reading { session: self, decoder: Decoder::new(), left: config.max_size, seen: now };
        Body::generate(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|chunk| (chunk, reading)))
        })
    }
}

struct Reading<'a> {
    session: &'a mut Session,
    decoder: Decoder,
    left: u64,
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
                self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
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

pub(crate) fn too_large() -> Error {
    Error::new(ErrorKind::Limit, Phase::Fetch, "the message is larger than allowed here")
        .with_advice("raise maxsize to read it, or delete it")
}
