//! The driver of commands that leave together, in one segment: the server does them in their order, each even if one
//! before is refused, and may end them in any (RFC 9051 §5.5).

use crate::codec::{Command, Status};
use crate::session::Session;
use crate::session_dialogue::{Each, nobody};
use postrider_core::{Phase, Result};

impl Session {
    /// Puts a command without literals into the buffer; gives its tag.
    pub(crate) fn queue(&mut self, command: Command) -> Result<String> {
        let tag = postrider_wire::random_text(8)?;
        // At once: the transcript has a line for each time something is queued.
        let mut line = format!("{tag} ").into_bytes();
        command.pieces().iter().for_each(|piece| line.extend_from_slice(&piece.bytes));
        self.channel.queue(&line);
        Ok(tag)
    }

    /// Sends what is queued. Of these commands each may end while another is waited for.
    pub(crate) async fn depart(&mut self, tags: &[&String], phase: Phase) -> Result<()> {
        self.early = tags.iter().map(|tag| ((*tag).clone(), None)).collect();
        self.channel.flush(phase).await
    }

    /// Reads up to the status of a command that left with others; `None` if it ended while another was waited for, which
    /// has heard its data then.
    pub(crate) async fn arrival(
        &mut self,
        tag: &str,
        phase: Phase,
        each: Each<'_>,
    ) -> Result<(Status, bool)> {
        match self.was_early(tag) {
            Some(status) => Ok((status, true)),
            None => Ok((self.answer(tag, phase, each).await?, false)),
        }
    }

    /// The status of a command sent along with others, if it came before theirs: Dovecot does so with NOOP. From here
    /// on it may not come any more.
    fn was_early(&mut self, tag: &str) -> Option<Status> {
        let at = self.early.iter().position(|(early, _)| early == tag)?;
        self.early.swap_remove(at).1
    }

    /// Runs commands whose data nobody wants.
    pub(crate) async fn run_all(&mut self, commands: Vec<Command>, phase: Phase) -> Result<Vec<Status>> {
        let mut statuses = Vec::with_capacity(commands.len());
        if commands.is_empty() {
            return Ok(statuses);
        }
        if !self.pipelining {
            for command in commands {
                statuses.push(self.run(command, phase, &mut nobody).await?);
            }
            return Ok(statuses);
        }
        self.begin(phase)?;
        let tags: Vec<String> = commands.into_iter().map(|c| self.queue(c)).collect::<Result<_>>()?;
        self.depart(&tags.iter().collect::<Vec<_>>(), phase).await?;
        for tag in &tags {
            statuses.push(self.arrival(tag, phase, &mut nobody).await?.0);
        }
        self.end(phase)?;
        Ok(statuses)
    }
}
