//! STORE, COPY, MOVE, EXPUNGE.

use super::parse::{self, Args};
use super::set::{self, Set};
use super::view::flag_list;
use super::{Outcome, Refusal, Session, no};
use crate::store::Message;

/// Source and destination UIDs of a copy, and the destination's UIDVALIDITY.
struct Copied {
    validity: u32,
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Session<'_> {
    pub(super) fn store(&mut self, mut args: Args<'_>, by_uid: bool) -> Outcome {
        let set = args.set()?;
        args.space()?;
        let sign = [b'+', b'-'].into_iter().find(|&sign| args.eat(sign));
        let what = args.word()?;
        let silent = match what.as_str() {
            "FLAGS" => false,
            "FLAGS.SILENT" => true,
            _ => return Err(parse::bad("FLAGS, +FLAGS or -FLAGS expected")),
        };
        args.space()?;
        let flags = flags(&mut args)?;
        args.end()?;
        self.writable()?;
        let picked = self.picked(&set, by_uid)?;
        let mut missing = false;
        for (number, uid) in picked {
            match self.store_one(uid, sign, &flags) {
                Some(_) if silent => {}
                Some(now) => {
                    let uid = if by_uid { format!("UID {uid} ") } else { String::new() };
                    self.conn.put(format!("* {number} FETCH ({uid}FLAGS {now})\r\n"));
                }
                None => missing = true,
            }
        }
        self.shared.store.ring();
        if missing && !by_uid { no("[EXPUNGEISSUED] Some of them are gone") } else { Ok("Stored".into()) }
    }

    /// Returns the flags as they are now.
    fn store_one(&mut self, uid: u32, sign: Option<u8>, flags: &[String]) -> Option<String> {
        let view = self.view.as_mut()?;
        let mut state = self.shared.store.lock();
        let mailbox = state.account(self.user.as_deref()?)?.by_validity(view.validity)?;
        let message = mailbox.by_uid(uid)?;
        let entry = view.entry(uid)?;
        let others_changed_it = entry.revision != message.revision;
        match sign {
            Some(b'+') => message.add_flags(flags),
            Some(_) => message.remove_flags(flags),
            None => {
                let gone: Vec<String> =
                    message.flags.iter().filter(|f| !flags.contains(f)).cloned().collect();
                message.remove_flags(&gone);
                message.add_flags(flags);
            }
        }
        // A silent STORE hides its own change only (RFC 3501 §6.4.6).
        if !others_changed_it {
            entry.revision = message.revision;
        }
        Some(flag_list(&message.flags, entry.recent && !self.rev2))
    }

    pub(super) fn copy(&mut self, args: Args<'_>, by_uid: bool) -> Outcome {
        let copied = self.copy_to(args, by_uid)?;
        Ok(format!("{}Copied", self.copy_uid(&copied)))
    }

    pub(super) fn move_(&mut self, args: Args<'_>, by_uid: bool) -> Outcome {
        self.writable()?;
        let copied = self.copy_to(args, by_uid)?;
        let code = self.copy_uid(&copied);
        if !code.is_empty() {
            // Ahead of the expunges (RFC 6851 §4.3).
            self.conn.put(format!("* OK {code}Moving\r\n"));
        }
        let validity = self.view.as_ref().map_or(0, |view| view.validity);
        self.with_account(|account| {
            if let Some(source) = account.by_validity(validity) {
                source.messages.retain(|m| copied.from.binary_search(&m.uid).is_err());
            }
            Ok(())
        })?;
        self.shared.store.ring();
        Ok("Moved".into())
    }

    pub(super) fn uid_expunge(&mut self, mut args: Args<'_>) -> Outcome {
        let set = args.set()?;
        args.end()?;
        self.expunge(Some(&set))
    }

    /// Removes what is marked deleted; the announcement behind every command tells which.
    pub(super) fn expunge(&mut self, only: Option<&Set>) -> Outcome {
        self.writable()?;
        self.remove_deleted(only)?;
        Ok("Expunged".into())
    }

    pub(super) fn remove_deleted(&mut self, only: Option<&Set>) -> Result<(), Refusal> {
        let Some(view) = &self.view else { return Ok(()) };
        let uids: Vec<u32> = match only {
            Some(set) => view.pick(set, true)?.into_iter().map(|(_, uid)| uid).collect(),
            None => view.entries.iter().map(|entry| entry.uid).collect(),
        };
        let validity = view.validity;
        self.with_account(|account| {
            if let Some(mailbox) = account.by_validity(validity) {
                mailbox.messages.retain(|m| !m.has("\\Deleted") || uids.binary_search(&m.uid).is_err());
            }
            Ok(())
        })?;
        self.shared.store.ring();
        Ok(())
    }

    fn picked(&self, set: &Set, by_uid: bool) -> Result<Vec<(u32, u32)>, Refusal> {
        self.view.as_ref().map_or(Ok(Vec::new()), |view| view.pick(set, by_uid))
    }

    /// All or none.
    fn copy_to(&mut self, mut args: Args<'_>, by_uid: bool) -> Result<Copied, Refusal> {
        let set = args.set()?;
        args.space()?;
        let name = args.mailbox()?;
        args.end()?;
        let picked = self.picked(&set, by_uid)?;
        let validity = self.view.as_ref().map_or(0, |view| view.validity);
        let copied = self.with_state(|state, user| {
            let Some(account) = state.account(user) else { return no("That account is gone") };
            let source = account.by_validity(validity);
            let messages: Vec<Message> = source
                .map(|source| picked.iter().filter_map(|&(_, uid)| source.by_uid(uid).cloned()).collect())
                .unwrap_or_default();
            if messages.len() < picked.len() && !by_uid {
                return no("[EXPUNGEISSUED] Some of them are gone");
            }
            let more: usize = messages.iter().map(|m| m.bytes.len()).sum();
            if !state.make_room(more, messages.len()) {
                return no("[OVERQUOTA] There is no room for that");
            }
            let target = state.account(user).and_then(|account| account.find(&name));
            let Some(target) = target else { return no("[TRYCREATE] No such mailbox") };
            let from = messages.iter().map(|m| m.uid).collect();
            let to = messages.into_iter().map(|m| target.add(m.bytes, m.flags, m.date)).collect();
            Ok(Copied { validity: target.validity, from, to })
        })?;
        self.shared.store.ring();
        Ok(copied)
    }

    /// The response code of UIDPLUS, or nothing.
    fn copy_uid(&self, copied: &Copied) -> String {
        if copied.from.is_empty() || !self.options().offers("UIDPLUS") {
            return String::new();
        }
        format!("[COPYUID {} {} {}] ", copied.validity, set::compact(&copied.from), set::compact(&copied.to))
    }
}

/// A list of flags; STORE lets the parentheses go missing.
fn flags(args: &mut Args<'_>) -> Result<Vec<String>, Refusal> {
    if args.peek() == Some(b'(') {
        return args.list(Args::flag);
    }
    let mut flags = vec![args.flag()?];
    while args.eat(b' ') {
        flags.push(args.flag()?);
    }
    Ok(flags)
}
