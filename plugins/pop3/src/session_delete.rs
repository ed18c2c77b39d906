//! Deleting: DELE marks, RSET takes the marks back, QUIT commits (RFC 1939 §5, §6).

use crate::Pop3Config;
use crate::engine::deletions::Deletions;
use crate::engine::maildrop::Trust;
use crate::engine::reply::Line;
use crate::session::Session;
use postrider_core::{ErrorKind, Phase, Result};
use std::time::Duration;

/// How long a mere farewell is waited for.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the commit is waited for: a large maildrop is rewritten in this time.
const COMMIT: Duration = Duration::from_secs(600);

/// A DELE the server refused.
struct Refused {
    place: usize,
    reply: Line,
    behind: bool,
}

impl Session {
    /// Marks the messages at these places as deleted and notes each that the server accepted. Refusals end
    /// in an error after all have been tried.
    pub(crate) async fn delete(
        &mut self,
        config: &Pop3Config,
        places: &[usize],
        deletions: &mut Deletions,
        phase: Phase,
    ) -> Result<()> {
        let refused = self.delete_in_windows(config, places, deletions, phase).await?;
        // What is refused behind others without a reason is asked for again alone: a server that can't take
        // several commands at a time says so in this way. One shows for all.
        let unexplained = |r: &&Refused| r.behind && r.reply.code.is_none() && !r.reply.says_gone();
        let first = match refused.iter().find(unexplained) {
            Some(first) => self.delete_in_windows(config, &[first.place], deletions, phase).await?,
            None => Vec::new(),
        };
        let refused = if first.is_empty() && refused.iter().any(|r| unexplained(&r)) {
            self.lock_step = true;
            let places: Vec<usize> =
                refused.iter().map(|r| r.place).filter(|p| !self.is_marked(*p)).collect();
            self.delete_in_windows(config, &places, deletions, phase).await?
        } else {
            refused
        };
        let Some(one) = refused.first() else { return Ok(()) };
        let error = self.refused(&one.reply, ErrorKind::Rejected, phase, "the server refuses to delete");
        Err(match refused.len() {
            1 => error,
            count => error.with_advice(format!("{count} messages were refused; this is the first reply")),
        })
    }

    /// DELE for each, as many at a time as may be. The refused ones.
    async fn delete_in_windows(
        &mut self,
        config: &Pop3Config,
        places: &[usize],
        deletions: &mut Deletions,
        phase: Phase,
    ) -> Result<Vec<Refused>> {
        let window = if self.pipelines(config) { config.window.max(1) } else { 1 };
        let mut refused = Vec::new();
        for places in places.chunks(window) {
            self.begin(phase)?;
            for place in places {
                if let Some(number) = self.maildrop.as_ref().and_then(|d| d.get(*place)).map(|e| e.number) {
                    self.queue_for(b"DELE", number);
                }
            }
            // They go out while the first replies are read.
            for (n, place) in places.iter().enumerate() {
                let refusal = self.refusal_to(n > 0, phase).await?;
                let Some(drop) = &mut self.maildrop else { continue };
                match refusal {
                    None => {
                        drop.mark_deleted(*place);
                        if let Some(entry) = drop.get(*place) {
                            deletions.accepted(drop.name(entry), entry.trust == Trust::Stable);
                        }
                    }
                    Some(reply) => refused.push(Refused { place: *place, reply, behind: n > 0 }),
                }
            }
            self.finish();
        }
        Ok(refused)
    }

    fn is_marked(&self, place: usize) -> bool {
        self.maildrop.as_ref().and_then(|d| d.get(place)).is_some_and(|entry| entry.deleted)
    }

    /// Takes all marks back.
    pub(crate) async fn reset(&mut self) -> Result<()> {
        let reply = self.ask("RSET", Phase::Close).await?;
        self.finish();
        if !reply.is_ok() {
            return Err(self.refused(&reply, ErrorKind::Rejected, Phase::Close, "the server refuses RSET"));
        }
        if let Some(drop) = &mut self.maildrop {
            drop.unmark_all();
        }
        Ok(())
    }

    /// Ends the session. With deletions the reply is what matters; without, it may be anything.
    pub(crate) async fn quit(&mut self, deletions: usize) -> Result<()> {
        let phase = Phase::Close;
        self.begin(phase)?;
        let wait = if deletions > 0 { self.channel.timing().answer(COMMIT) } else { FAREWELL };
        self.queue("QUIT");
        self.channel.flush(phase).await?;
        let reply = self.reply_within(wait, phase).await;
        let error = match reply {
            Ok(reply) if reply.is_ok() => None,
            Ok(reply) => {
                let what = "the server did not delete all it was to delete";
                Some(self.refused(&reply, ErrorKind::Rejected, phase, what))
            }
            Err(error) => Some(error),
        };
        if error.is_none() {
            self.channel.shutdown().await;
        }
        error.map_or(Ok(()), Err)
    }
}
