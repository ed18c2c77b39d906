//! The driver of waiting: IDLE (RFC 2177), or NOOP now and then.

use crate::codec::{Event, StatusKind};
use crate::session::Session;
use crate::session_dialogue::{Said, nobody};
use postrider_core::{Error, ErrorKind, Phase, Result, Wake};
use std::time::Duration;

const PHASE: Phase = Phase::Wait;
/// IDLE is renewed so often: servers and routers drop what is silent for longer (RFC 9051 §6.3.13 has 29 min).
const RENEW: Duration = Duration::from_secs(9 * 60);

impl Session {
    /// Waits until the clock says `end` or there is news; `None` if the server does not do IDLE after all.
    pub(crate) async fn idle(&mut self, end: Duration) -> Result<Option<Wake>> {
        loop {
            if self.has_news() {
                return Ok(Some(Wake::News));
            }
            if self.now() >= end {
                return Ok(Some(Wake::Elapsed));
            }
            if !self.idle_once(end.min(self.now().saturating_add(RENEW))).await? {
                return Ok(None);
            }
        }
    }

    /// One IDLE. False if the server refuses it.
    async fn idle_once(&mut self, until: Duration) -> Result<bool> {
        self.begin(PHASE)?;
        let tag = self.send(self.command("IDLE"), PHASE).await?;
        let mut bounds = self.bounds();
        loop {
            match self.said(&tag, PHASE, &mut bounds).await? {
                Said::Prompt(_) => break,
                Said::Status(status) if status.kind != StatusKind::Ok => {
                    self.end(PHASE)?;
                    return Ok(false);
                }
                Said::Status(_) => {
                    let what = "the server ends IDLE before it has begun";
                    return Err(Error::new(ErrorKind::Protocol, PHASE, what));
                }
                Said::Data(_) | Said::Body(_) => {}
            }
        }
        while !self.has_news() && self.now() < until {
            if let Some(event) = self.framed(PHASE)? {
                let Event::Response(text) = event else { continue };
                if let Some(Said::Status(_) | Said::Prompt(_)) = self.read(&text, &tag, PHASE)? {
                    let what = "the server ended IDLE by itself";
                    return Err(Error::new(ErrorKind::Closed, PHASE, what));
                }
                continue;
            }
            let left = until.saturating_sub(self.now());
            match self.channel.fill(left, PHASE).await {
                Err(error) if error.kind() == ErrorKind::Timeout => break,
                filled => filled?,
            }
        }
        self.channel.queue(b"DONE\r\n");
        self.channel.flush(PHASE).await?;
        let status = self.answer(&tag, PHASE, &mut nobody).await?;
        self.end(PHASE)?;
        self.judge(status, PHASE, "the server does not end IDLE")?;
        Ok(true)
    }

    /// Asks by NOOP, `interval` apart.
    pub(crate) async fn poll(&mut self, end: Duration, interval: Duration) -> Result<Wake> {
        loop {
            self.noop(PHASE).await?;
            if self.has_news() {
                return Ok(Wake::News);
            }
            let left = end.saturating_sub(self.now());
            if left.is_zero() {
                return Ok(Wake::Elapsed);
            }
            let sleep = self.channel.host().sleep(left.min(interval));
            sleep.await;
            // A short wait after the last look may end without another.
            if left < interval {
                self.noop(PHASE).await?;
                return Ok(if self.has_news() { Wake::News } else { Wake::Elapsed });
            }
        }
    }

    fn has_news(&self) -> bool {
        self.state.selected.as_ref().is_some_and(|s| s.news)
    }

    fn now(&self) -> Duration {
        self.channel.host().now()
    }
}
