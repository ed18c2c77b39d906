//! FETCH and UID FETCH.

use super::fetch_items::{self, Item, spell_path};
use super::parse::Args;
use super::view::flag_list;
use super::{Outcome, Refusal, Session, envelope, no, structure, write};
use crate::dates;
use crate::error::Result;
use crate::mime::{self, Part};
use crate::store::Message;

/// Which messages, by number and UID, and what of them.
type Plan = (Vec<(u32, u32)>, Vec<Item>);

/// Most items of one FETCH: each may send the message once.
const MOST_ITEMS: usize = 64;

impl Session<'_> {
    pub(super) async fn fetch(&mut self, args: Args<'_>, by_uid: bool) -> Result<Outcome> {
        let (picked, items) = match self.plan(args, by_uid) {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut missing = false;
        for (number, uid) in picked {
            let Some((message, recent)) = self.snapshot(uid, &items) else {
                missing = true;
                continue;
            };
            self.conn.put(format!("* {number} FETCH"));
            for (at, item) in items.iter().enumerate() {
                let mut out = if at == 0 { b" (".to_vec() } else { b" ".to_vec() };
                one(&mut out, item, &message, recent && !self.rev2);
                self.conn.put(out);
                // Item by item: what is in memory is one item and what the socket hasn't taken.
                self.conn.drain().await?;
            }
            self.conn.put(if items.is_empty() { " ()\r\n" } else { ")\r\n" });
        }
        // A sequence number still names it, so the client should know (RFC 2180 §4.1.3).
        Ok(if missing && !by_uid {
            no("[EXPUNGEISSUED] Some of them are gone")
        } else {
            Ok("Fetched".into())
        })
    }

    fn plan(&self, mut args: Args<'_>, by_uid: bool) -> std::result::Result<Plan, Refusal> {
        let set = args.set()?;
        args.space()?;
        let mut items = fetch_items::parse(&mut args)?;
        args.end()?;
        if items.len() > MOST_ITEMS {
            return no("[LIMIT] That is too much to ask for");
        }
        if by_uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let picked = self.view.as_ref().map(|view| view.pick(&set, by_uid)).unwrap_or(Ok(Vec::new()))?;
        Ok((picked, items))
    }

    /// The message as it is now, marked seen if the items ask for that.
    fn snapshot(&mut self, uid: u32, items: &[Item]) -> Option<(Message, bool)> {
        let view = self.view.as_mut()?;
        let mut state = self.shared.store.lock();
        let mailbox = state.account(self.user.as_deref()?)?.by_validity(view.validity)?;
        let message = mailbox.by_uid(uid)?;
        let read_only = view.read_only;
        let entry = view.entry(uid)?;
        let mut newly_seen = false;
        if !read_only && items.iter().any(Item::marks_seen) && !message.has("\\Seen") {
            message.add_flags(&["\\Seen".to_owned()]);
            newly_seen = true;
        }
        if items.contains(&Item::Flags) {
            // The reply carries them; no need to announce them as well.
            entry.revision = message.revision;
        }
        let snapshot = (message.clone(), entry.recent);
        drop(state);
        if newly_seen {
            self.shared.store.ring();
        }
        Some(snapshot)
    }
}

fn one(out: &mut Vec<u8>, item: &Item, message: &Message, recent: bool) {
    let root = || mime::parse(&message.bytes);
    match item {
        Item::Flags => put(out, &format!("FLAGS {}", flag_list(&message.flags, recent))),
        Item::Uid => put(out, &format!("UID {}", message.uid)),
        Item::Size => put(out, &format!("RFC822.SIZE {}", message.bytes.len())),
        Item::InternalDate => put(out, &format!("INTERNALDATE \"{}\"", dates::internal_date(message.date))),
        Item::Envelope => {
            put(out, "ENVELOPE ");
            envelope::write(out, message.bytes.get(..mime::body_start(&message.bytes)).unwrap_or_default());
        }
        Item::Structure { extended } => {
            put(out, if *extended { "BODYSTRUCTURE " } else { "BODY " });
            structure::write(out, &message.bytes, &root(), *extended);
        }
        Item::Section { section, partial, name, .. } => {
            let origin = partial.map(|(start, _)| format!("<{start}>")).unwrap_or_default();
            let spelled = name.map_or_else(|| format!("BODY[{}]{origin}", section.spelled()), Into::into);
            put(out, &spelled);
            bytes(out, section.of(&message.bytes, root).as_deref(), *partial);
        }
        Item::Binary { path, partial, .. } => {
            let origin = partial.map(|(start, _)| format!("<{start}>")).unwrap_or_default();
            put(out, &format!("BINARY[{}]{origin}", spell_path(path)));
            let decoded = decoded(&message.bytes, &root(), path);
            // A NUL may only travel in a literal8 (RFC 3516 §4.3).
            if decoded.as_ref().is_some_and(|d| d.contains(&0)) {
                put(out, " ~");
                write::literal(out, cut(decoded.as_deref().unwrap_or_default(), *partial));
            } else {
                bytes(out, decoded.as_deref(), *partial);
            }
        }
        Item::BinarySize { path } => {
            let size = decoded(&message.bytes, &root(), path).map_or(0, |d| d.len());
            put(out, &format!("BINARY.SIZE[{}] {size}", spell_path(path)));
        }
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A section as a literal, always: mail is seldom short, and a client should cope.
fn bytes(out: &mut Vec<u8>, section: Option<&[u8]>, partial: Option<(u32, u32)>) {
    out.push(b' ');
    match section {
        Some(section) => write::literal(out, cut(section, partial)),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn cut(section: &[u8], partial: Option<(u32, u32)>) -> &[u8] {
    let Some((start, length)) = partial else { return section };
    let rest = section.get(usize::try_from(start).unwrap_or(usize::MAX)..).unwrap_or_default();
    rest.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(rest)
}

fn decoded(message: &[u8], root: &Part, path: &[u32]) -> Option<Vec<u8>> {
    if path.is_empty() {
        return Some(message.to_vec());
    }
    let part = root.find(path)?;
    let encoding =
        mime::field(message.get(part.header.clone())?, "Content-Transfer-Encoding").unwrap_or_default();
    mime::decode(message.get(part.body.clone())?, &String::from_utf8_lossy(&encoding))
}
