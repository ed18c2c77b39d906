//! The driver of flags, moving and deleting. Every step may be asked for again.

use crate::ImapConfig;
use crate::codec::{Command, Status, UidSet};
use crate::session::Session;
use crate::session_dialogue::nobody;
use crate::session_listing::MAX_SET;
use postrider_core::{Error, ErrorKind, Phase, Repeat, Result};

const PHASE: Phase = Phase::Settle;
const NOT_MARKED: &str = "the server does not mark the messages \\Deleted";
const NOT_REMOVED: &str = "the messages are marked \\Deleted, but the server does not remove them";

impl Session {
    /// STORE +FLAGS.SILENT. UIDs that are gone are passed over by the server (RFC 9051 §6.4.9).
    pub(crate) async fn flag(&mut self, uids: &UidSet, flag: &str) -> Result<()> {
        self.check_writable()?;
        for set in uids.texts(MAX_SET) {
            let command =
                self.command("UID STORE").words(&set).words("+FLAGS.SILENT").words(&format!("({flag})"));
            self.settled(command, &format!("the server does not mark the messages {flag}")).await?;
        }
        Ok(())
    }

    /// Marks and removes messages.
    pub(crate) async fn delete(&mut self, config: &ImapConfig, uids: &UidSet) -> Result<()> {
        self.check_writable()?;
        for set in uids.texts(MAX_SET) {
            if self.others_marked(config, &set).await? {
                self.settled(self.mark(&set), NOT_MARKED).await?;
                let what = "the messages are marked \\Deleted, but not removed: the server has no UIDPLUS, and to \
                            expunge would remove other messages that somebody has marked";
                return Err(unsafe_to_expunge(what));
            }
            self.mark_and_expunge(&set).await?;
        }
        Ok(())
    }

    /// Moves messages into another mailbox: MOVE (RFC 6851), else COPY and delete.
    pub(crate) async fn transfer(&mut self, config: &ImapConfig, uids: &UidSet, mailbox: &str) -> Result<()> {
        self.check_writable()?;
        let what = format!("the messages can't be moved to {}", mailbox.escape_debug());
        if self.state.caps.has("MOVE") {
            for set in uids.texts(MAX_SET) {
                let command = self.command("UID MOVE").words(&set).mailbox(mailbox);
                self.settled(command, &what).await?;
            }
            return Ok(());
        }
        // A copy is not to be made twice: whether the connection is still good is found out before.
        self.noop(PHASE).await?;
        for set in uids.texts(MAX_SET) {
            if self.others_marked(config, &set).await? {
                let what = "the server has neither MOVE nor UIDPLUS, and to expunge would remove other messages that \
                            somebody has marked: nothing was moved";
                return Err(unsafe_to_expunge(what));
            }
            let command = self.command("UID COPY").words(&set).mailbox(mailbox);
            let status = self.run(command, PHASE, &mut nobody).await.map_err(copied)?;
            let is_part = status.is_part();
            self.judge_all(status, &what).map_err(|error| if is_part { copied(error) } else { error })?;
            self.mark_and_expunge(&set).await.map_err(copied)?;
        }
        Ok(())
    }

    /// True if the messages of this set can't be expunged without others going too, and that is not allowed.
    async fn others_marked(&mut self, config: &ImapConfig, set: &str) -> Result<bool> {
        if self.state.caps.has("UIDPLUS") || config.expunge_others {
            return Ok(false);
        }
        let others = self.answered_search(&format!("DELETED NOT UID {set}")).await;
        match others.map_err(|e| e.in_phase(PHASE))? {
            Some(others) => Ok(!others.is_empty()),
            // To take this for none could cost others their messages.
            None => {
                let what = "the server does not say which other messages are marked \\Deleted: to expunge could remove \
                            them; nothing was done";
                Err(Error::new(ErrorKind::Protocol, PHASE, what)
                    .with_advice("set expungeothers=true if nobody else marks messages there"))
            }
        }
    }

    fn mark(&self, set: &str) -> Command {
        self.command("UID STORE").words(set).words("+FLAGS.SILENT (\\Deleted)")
    }

    /// With UIDPLUS in one go: UID EXPUNGE removes only what is of this set and marked.
    async fn mark_and_expunge(&mut self, set: &str) -> Result<()> {
        if !self.state.caps.has("UIDPLUS") {
            self.settled(self.mark(set), NOT_MARKED).await?;
            return self.settled(self.command("EXPUNGE"), NOT_REMOVED).await;
        }
        let commands = vec![self.mark(set), self.command("UID EXPUNGE").words(set)];
        let what = [NOT_MARKED, NOT_REMOVED];
        for (status, what) in self.run_all(commands, PHASE).await?.into_iter().zip(what) {
            self.judge_all(status, what)?;
        }
        Ok(())
    }

    /// Runs a command that must be done to all of its messages.
    async fn settled(&mut self, command: Command, what: &str) -> Result<()> {
        let status = self.run(command, PHASE, &mut nobody).await?;
        self.judge_all(status, what)
    }

    /// A refusal becomes an error, and so does an OK that is of some messages only (RFC 9738).
    fn judge_all(&self, status: Status, what: &str) -> Result<()> {
        let status = self.judge(status, PHASE, what)?;
        if !status.is_part() {
            return Ok(());
        }
        let what = "the server did so with some of the messages only: they are too many at a time";
        Err(Error::new(ErrorKind::Limit, PHASE, what)
            .with_reply(status.to_core(self.channel.redactor()))
            .with_advice("settle fewer messages at a time"))
    }

    fn check_writable(&self) -> Result<()> {
        if !self.selected()?.read_only {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, PHASE, "the server opened the mailbox for reading only")
            .with_advice("the account lacks the right to change it, or somebody else has it open"))
    }
}

fn unsafe_to_expunge(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, PHASE, what).with_advice(
        "expunge the mailbox by other means, or set expungeothers=true if nobody else marks messages there",
    )
}

/// The copies may have been made.
fn copied(error: Error) -> Error {
    let error = error.with_repeat(Repeat::MayDuplicate);
    if error.advice().is_some() {
        return error;
    }
    error.with_advice(
        "settling again is safe for the messages, but may leave a second copy in the other mailbox",
    )
}
