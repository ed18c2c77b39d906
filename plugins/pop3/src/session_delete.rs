//! Deleting: DELE marks, RSET takes the marks back, QUIT commits (RFC 1939 §5, §6).

use crate::Pop3Config;
use crate::engine::deletions::Deletions;
use crate::engine::maildrop::Trust;
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::time::Duration;

/// Most DELEs sent before their replies are read: some 1 KiB.
const BATCH: usize = 64;
/// How long a mere farewell is waited for.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the commit is waited for: a large maildrop is rewritten in this time.
const COMMIT: Duration = Duration::from_secs(600);

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
        let batch = if self.pipelines(config) { BATCH } else { 1 };
        let mut refused: Option<Error> = None;
        let mut count = 0;
        for places in places.chunks(batch) {
            self.begin(phase)?;
            for place in places {
                if let Some(entry) = self.maildrop.as_ref().and_then(|d| d.get(*place)) {
                    let command = format!("DELE {}", entry.number);
                    self.queue(&command);
                }
            }
            self.channel.flush(phase).await?;
            for place in places {
                let reply = self.reply(phase).await?;
                let Some(drop) = &mut self.maildrop else { continue };
                if reply.is_ok() {
                    drop.mark_deleted(*place);
                    if let Some(entry) = drop.get(*place) {
                        deletions.accepted(drop.name(entry), entry.trust == Trust::Stable);
                    }
                } else {
                    count += 1;
                    let what = "the server refuses to delete";
                    let error = self.refused(&reply, ErrorKind::Rejected, phase, what);
                    refused.get_or_insert(error);
                }
            }
            self.finish();
        }
        match refused {
            Some(error) if count > 1 => {
                Err(error.with_advice(format!("{count} messages were refused; this is the first reply")))
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
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
