//! The driver of flags, moving and deleting. Every step may be asked for again.

use crate::ImapConfig;
use crate::codec::{Command, UidSet};
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
            self.ok(command, PHASE, &format!("the server does not mark the messages {flag}")).await?;
        }
        Ok(())
    }

    /// Marks and removes messages.
    pub(crate) async fn delete(&mut self, config: &ImapConfig, uids: &UidSet) -> Result<()> {
        self.check_writable()?;
        for set in uids.texts(MAX_SET) {
            if self.others_marked(config, &set).await? {
                self.ok(self.mark(&set), PHASE, NOT_MARKED).await?;
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
                self.ok(command, PHASE, &what).await?;
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
            self.judge(status, PHASE, &what)?;
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
            self.ok(self.mark(set), PHASE, NOT_MARKED).await?;
            return self.ok(self.command("EXPUNGE"), PHASE, NOT_REMOVED).await.map(drop);
        }
        let commands = vec![self.mark(set), self.command("UID EXPUNGE").words(set)];
        let what = [NOT_MARKED, NOT_REMOVED];
        for (status, what) in self.run_all(commands, PHASE).await?.into_iter().zip(what) {
            self.judge(status, PHASE, what)?;
        }
        Ok(())
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
