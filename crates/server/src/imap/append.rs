//! APPEND.

use super::parse::{self, Args};
use super::{Outcome, Session, no};
use crate::dates;
use crate::store::Refused;

impl Session<'_> {
    pub(super) fn append(&mut self, mut args: Args<'_>) -> Outcome {
        let name = args.mailbox()?;
        args.space()?;
        let mut flags = Vec::new();
        if args.peek() == Some(b'(') {
            flags = args.list(Args::flag)?;
            args.space()?;
        }
        let mut date = dates::now();
        if args.peek() == Some(b'"') {
            let text = args.string()?;
            let parsed = std::str::from_utf8(&text).ok().and_then(dates::parse_internal_date);
            date = parsed.ok_or_else(|| parse::bad("no such date"))?;
            args.space()?;
        }
        // RFC 6855 §4 wraps the message: UTF8 (~{n}…).
        let wrapped = args.peek() == Some(b'U');
        if wrapped {
            if !self.utf8 || args.word()? != "UTF8" {
                return Err(parse::bad("a literal expected"));
            }
            args.space()?;
            args.expect(b'(')?;
        }
        let message = args.literal()?;
        if wrapped {
            args.expect(b')')?;
        }
        args.end()?;
        if message.len() > self.options().message_limit {
            return no("[TOOBIG] That is more than this server takes");
        }
        let user = self.user.clone().unwrap_or_default();
        match self.shared.store.append(&user, &name, message.into(), flags, date) {
            Ok((validity, uid)) if self.options().offers("UIDPLUS") => {
                Ok(format!("[APPENDUID {validity} {uid}] Kept"))
            }
            Ok(_) => Ok("Kept".into()),
            Err(Refused::NoSuchMailbox) => no("[TRYCREATE] No such mailbox"),
            Err(Refused::Full) => no("[OVERQUOTA] There is no room for that"),
        }
    }
}
