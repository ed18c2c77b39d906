//! SELECT, EXAMINE, CLOSE, UNSELECT.

use super::parse::Args;
use super::view::View;
use super::{Outcome, Refusal, Session, no};

const SYSTEM_FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

impl Session<'_> {
    pub(super) fn select(&mut self, mut args: Args<'_>, read_only: bool) -> Outcome {
        let name = args.mailbox()?;
        args.end()?;
        let selected_before = self.view.take().is_some();
        let found = self.with_account(|account| {
            let missing = || Refusal::No("[NONEXISTENT] No such mailbox".into());
            let mailbox = account.find(&name).ok_or_else(missing)?;
            let unseen = mailbox.messages.iter().position(|m| !m.has("\\Seen"));
            Ok((View::new(mailbox, read_only), mailbox.next_uid, mailbox.keywords(), unseen))
        });
        if selected_before && (self.rev2 || found.is_ok()) {
            self.conn.put("* OK [CLOSED] The other one is closed\r\n");
        }
        let (view, next_uid, keywords, unseen) = found?;
        let keywords: String = keywords.iter().map(|keyword| format!(" {keyword}")).collect();
        let flags = format!("{SYSTEM_FLAGS}{keywords}");
        let permanent = if read_only { String::new() } else { format!("{flags} \\*") };
        let mut lines = vec![format!("FLAGS ({flags})"), format!("{} EXISTS", view.entries.len())];
        if !self.rev2 {
            lines.push(format!("{} RECENT", view.recent()));
            lines.extend(unseen.map(|at| format!("OK [UNSEEN {}] The first of them", at + 1)));
        } else {
            lines.push(format!("LIST () \"/\" {}", self.mailbox_name(&name)));
        }
        lines.push(format!("OK [PERMANENTFLAGS ({permanent})] These stay"));
        lines.push(format!("OK [UIDVALIDITY {}] UIDs hold", view.validity));
        lines.push(format!("OK [UIDNEXT {next_uid}] Next"));
        for line in lines {
            self.conn.put(format!("* {line}\r\n"));
        }
        self.view = Some(view);
        Ok(if read_only { "[READ-ONLY] Look, don't touch" } else { "[READ-WRITE] Opened" }.into())
    }

    /// Removes what is marked deleted, without a word, and leaves.
    pub(super) fn close(&mut self, args: Args<'_>) -> Outcome {
        args.end()?;
        if self.view.as_ref().is_some_and(|view| !view.read_only) {
            self.remove_deleted(None)?;
        }
        self.view = None;
        Ok("Closed".into())
    }

    pub(super) fn unselect(&mut self, args: Args<'_>) -> Outcome {
        args.end()?;
        self.view = None;
        Ok("Left as it is".into())
    }

    /// Refuses to change a mailbox that was examined.
    pub(super) fn writable(&self) -> Result<(), Refusal> {
        match &self.view {
            Some(view) if !view.read_only => Ok(()),
            _ => no("[READ-ONLY] Opened with EXAMINE"),
        }
    }
}
