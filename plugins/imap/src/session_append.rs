//! The driver of APPEND (RFC 9051 §6.3.12): a message streamed into a mailbox.

use crate::codec::{Code, Status};
use crate::session::Session;
use crate::session_dialogue::nobody;
use postrider_core::{Body, Error, ErrorKind, Phase, Repeat, Result};

const PHASE: Phase = Phase::Append;
/// Larger messages are announced first, so that the server can refuse them before they are sent.
const AT_ONCE: u64 = 4_096;
/// So much is written at a time.
const CHUNK: usize = 64 * 1024;

impl Session {
    /// Stores a message of known size; gives UIDVALIDITY and UID where the server tells them. `touched` becomes
    /// true when something of the body has been taken.
    pub(crate) async fn append(
        &mut self,
        mailbox: &str,
        flags: &str,
        size: u64,
        body: &mut Body<'_>,
        touched: &mut bool,
    ) -> Result<Option<(u32, u32)>> {
        self.check_size(size)?;
        let syntax = self.state.caps.syntax(self.state.utf8);
        let at_once = size <= AT_ONCE && syntax.sends_at_once(usize::try_from(size).unwrap_or(usize::MAX));
        let command = self.command("APPEND").mailbox(mailbox).words(flags).announce(size, at_once);
        self.begin(PHASE)?;
        let tag = self.send(command, PHASE).await?;
        if !at_once {
            self.consent(&tag, PHASE).await?;
        }
        *touched = true;
        self.pour(body).await?;
        // From here on it may have been stored, whatever happens.
        let status = self.stored(&tag).await.map_err(unsure)?;
        self.end(PHASE)?;
        let status =
            self.judge(status, PHASE, &format!("the message can't be stored in {}", mailbox.escape_debug()))?;
        Ok(match status.code {
            Some(Code::AppendUid { validity, uid }) => Some((validity, uid)),
            _ => None,
        })
    }

    fn check_size(&self, size: u64) -> Result<()> {
        match self.state.caps.number("APPENDLIMIT").filter(|limit| size > *limit) {
            None => Ok(()),
            Some(limit) => {
                let what = format!("the message has {size} bytes and the server takes at most {limit}");
                Err(Error::new(ErrorKind::Limit, PHASE, what))
            }
        }
    }

    /// Sends the body. If it fails or is not of its size, the literal stays unfinished and the server stores nothing.
    async fn pour(&mut self, body: &mut Body<'_>) -> Result<()> {
        while let Some(chunk) = body.chunk().await? {
            self.channel.output().extend_from_slice(&chunk);
            if self.channel.output().len() >= CHUNK {
                self.channel.flush(PHASE).await?;
            }
        }
        self.channel.flush(PHASE).await
    }

    async fn stored(&mut self, tag: &str) -> Result<Status> {
        self.channel.output().extend_from_slice(b"\r\n");
        self.channel.flush(PHASE).await?;
        self.answer(tag, PHASE, &mut nobody).await
    }
}

fn unsure(error: Error) -> Error {
    let what = format!("the message may have been stored: {}", error.message());
    let unsure = Error::new(ErrorKind::Unsure, PHASE, what).with_repeat(Repeat::MayDuplicate);
    let unsure = unsure.with_advice("look into the mailbox before storing it again");
    match error.reply() {
        Some(reply) => unsure.with_reply(reply.clone()).with_source(error),
        None => unsure.with_source(error),
    }
}
