//! The driver of what mailboxes there are: LIST (RFC 9051 §6.3.9), NAMESPACE (RFC 2342), CREATE (§6.3.4).

use crate::codec::{Code, Response};
use crate::session::Session;
use crate::session_dialogue::nobody;
use crate::{Mailbox, Namespaces};
use postrider_core::{Error, ErrorKind, Phase, Result};

const PHASE: Phase = Phase::List;
/// Most mailboxes of an account, and most bytes of their names and attributes.
const MAX_MAILBOXES: usize = 100_000;
const MAX_BYTES: usize = 32 * 1024 * 1024;

impl Session {
    pub(crate) async fn mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        let (utf8, caps) = (self.state.utf8, &self.state.caps);
        // Many servers tell the special uses unasked; the others want to be asked (RFC 6154 §5.2).
        let words = if caps.has("LIST-EXTENDED") && caps.has("SPECIAL-USE") {
            "LIST \"\" \"*\" RETURN (SPECIAL-USE)"
        } else {
            "LIST \"\" \"*\""
        };
        let (mut all, mut bytes) = (Vec::new(), 0usize);
        let mut each = |response: Response| {
            if let Response::List(listed) = response {
                bytes += listed.name.len() + listed.attributes.iter().map(String::len).sum::<usize>() + 100;
                if all.len() >= MAX_MAILBOXES || bytes > MAX_BYTES {
                    let what = format!("the server lists too many mailboxes: over {}", all.len());
                    return Err(Error::new(ErrorKind::Limit, PHASE, what));
                }
                all.push(Mailbox::of(listed, utf8));
            }
            Ok(())
        };
        self.ask(self.command(words), PHASE, "the server does not list its mailboxes", &mut each).await?;
        Ok(all)
    }

    /// CREATE; a mailbox that is there already will do.
    pub(crate) async fn create(&mut self, mailbox: &str) -> Result<()> {
        let phase = Phase::Append;
        let status = self.run(self.command("CREATE").mailbox(mailbox), phase, &mut nobody).await?;
        if status.code.as_ref().is_some_and(|c| *c == Code::Other("ALREADYEXISTS".into())) {
            return Ok(());
        }
        let what = format!("the mailbox {} can't be created", mailbox.escape_debug());
        self.judge(status, phase, &what).map(drop)
    }

    pub(crate) async fn namespaces(&mut self) -> Result<Namespaces> {
        if !self.state.caps.has("NAMESPACE") {
            return Err(Error::new(ErrorKind::Unsupported, PHASE, "the server does not tell its namespaces"));
        }
        let (utf8, mut found) = (self.state.utf8, None);
        let mut each = |response: Response| {
            if let Response::Namespace(items) = response {
                found = Some(Namespaces::of(items, utf8));
            }
            Ok(())
        };
        self.ask(self.command("NAMESPACE"), PHASE, "the server does not tell its namespaces", &mut each)
            .await?;
        found.ok_or_else(|| {
            Error::new(ErrorKind::Protocol, PHASE, "the server's answer to NAMESPACE has no namespaces in it")
        })
    }
}
