//! The messages of one session: numbers, sizes and the names their keys are made of.

pub(crate) use crate::engine::listing::{Entry, Trust};
use crate::engine::listing::{malformed, number, size, sort};
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::borrow::Cow;
use std::collections::HashMap;

/// Most messages of a maildrop.
pub(crate) const MESSAGES: usize = 1_000_000;
/// Most bytes of all their names together.
const TEXT: usize = 128 << 20;

/// What names by number begin with.
const NUMBERED: &str = "session-";
/// What names by content begin with.
const CONTENT: &str = "top-";

/// The frozen maildrop of a session (RFC 1939 §4), oldest first. Names lie in one string: a million
/// messages take some 60 MB.
#[derive(Debug, Default)]
pub(crate) struct Maildrop {
    entries: Vec<Entry>,
    extra: Vec<Entry>,
    // Where in the entries the next line of UIDL probably belongs.
    next: usize,
    text: String,
    // The named entries, sorted by name.
    order: Vec<u32>,
    // Makes the names that hold for one session alone differ from those of other sessions.
    session: String,
    // How the names came about: from UIDL (false), from content (true), by number (none).
    by_content: Option<bool>,
    // Where in the text the UIDLs are that several messages have, in order.
    shared: Vec<(u32, u16)>,
    // Every key means the same message in every session.
    lasting: bool,
    // How many messages have been given each name by content, where more than one has.
    copies: HashMap<String, u32>,
}

impl Maildrop {
    /// An empty one; `session` is unique to the session.
    pub(crate) fn new(session: String) -> Self {
        Self { session, ..Self::default() }
    }

    /// Takes in a line of LIST (RFC 1939 §5).
    pub(crate) fn add_listed(&mut self, line: &[u8]) -> Result<()> {
        let (number, rest) = number(line).ok_or_else(|| malformed("LIST"))?;
        self.entries.push(Entry { size: size(rest), ..Entry::new(number) });
        self.check()
    }

    /// All of LIST has been taken in.
    pub(crate) fn end_listed(&mut self) -> Result<()> {
        sort(&mut self.entries, "LIST")
    }

    /// Takes in a line of UIDL (RFC 1939 §7), after LIST.
    pub(crate) fn add_uidl(&mut self, line: &[u8]) -> Result<()> {
        let (number, rest) = number(line).ok_or_else(|| malformed("UIDL"))?;
        // Many bytes at once, because it does not stop at the first one.
        let graphic = rest.iter().fold(true, |all, b| all & b.is_ascii_graphic());
        let good = graphic && (1..=70).contains(&rest.len());
        let trust = if good { Trust::Stable } else { Trust::Likely };
        let name = if good { std::str::from_utf8(rest).map(Cow::Borrowed).ok() } else { None };
        let (start, len) = self.keep(&name.unwrap_or_else(|| String::from_utf8_lossy(rest)))?;
        let named = Entry { trust, start, len, ..Entry::new(number) };
        // Most servers list both in one order.
        let next = self.entries.get(self.next).is_some_and(|e| e.number == number).then_some(self.next);
        let place = next.or_else(|| self.entries.binary_search_by_key(&number, |e| e.number).ok());
        self.next = place.map_or(self.next, |place| place + 1);
        match place.and_then(|place| self.entries.get_mut(place)) {
            Some(entry) if entry.len > 0 => Err(malformed("UIDL")),
            Some(entry) => {
                *entry = Entry { size: entry.size, ..named };
                Ok(())
            }
            None => {
                self.extra.push(named);
                self.check()
            }
        }
    }

    /// All of UIDL has been taken in: from now on every message has a name of its own.
    pub(crate) fn end_uidl(&mut self) -> Result<()> {
        self.entries.append(&mut self.extra);
        sort(&mut self.entries, "UIDL")?;
        self.name_rest()?;
        self.sort_names();
        self.by_content = Some(false);
        self.part_duplicates()?;
        self.lasting = self.entries.iter().all(|e| e.trust == Trust::Stable);
        Ok(())
    }

    /// The messages without a name, oldest first.
    pub(crate) fn unnamed(&self) -> &[Entry] {
        self.entries.get(self.order.len()..).unwrap_or_default()
    }

    /// Names the first message without a name after its content.
    pub(crate) fn name_next(&mut self, name: &str) -> Result<()> {
        let index = self.order.len();
        self.by_content = Some(true);
        let mut unique = name.to_owned();
        let mut copy = 1u32;
        if self.find(name).is_some() {
            let copies = self.copies.entry(name.to_owned()).or_insert(1);
            *copies += 1;
            copy = *copies;
            unique = format!("{name}~{copy}");
        }
        if copy > 1
            && let Some(first) = self.find(name)
        {
            self.trust(first, Trust::Session);
        }
        let trust = if copy > 1 { Trust::Session } else { Trust::Likely };
        let (start, len) = self.keep(&unique)?;
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = Entry { start, len, trust, ..entry.clone() };
            let at = self.order.partition_point(|i| self.name_at(*i) < unique.as_str());
            self.order.insert(at, index as u32);
        }
        Ok(())
    }

    /// Names all that have no name by number, for this session alone.
    pub(crate) fn name_by_number(&mut self) -> Result<()> {
        self.name_rest()?;
        self.sort_names();
        self.by_content = None;
        Ok(())
    }

    /// The messages, oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The name of a message; empty if it has none yet.
    pub(crate) fn name(&self, entry: &Entry) -> &str {
        self.text_at(entry.start, entry.len)
    }

    /// The place of the message of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let at = self.order.binary_search_by(|i| self.name_at(*i).cmp(name)).ok()?;
        self.order.get(at).map(|i| *i as usize)
    }

    /// As [`find`](Self::find), at once if it is the one at this place.
    pub(crate) fn find_at(&self, guess: usize, name: &str) -> Option<usize> {
        let there = self.get(guess).is_some_and(|entry| self.name(entry) == name);
        if there { Some(guess) } else { self.find(name) }
    }

    /// True if every key means the same message in every session.
    pub(crate) fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// The message at a place.
    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Notes that the server accepted DELE.
    pub(crate) fn mark_deleted(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.deleted = true;
        }
    }

    /// Notes that RSET took all marks back.
    pub(crate) fn unmark_all(&mut self) {
        self.entries.iter_mut().for_each(|e| e.deleted = false);
    }

    /// How many messages have a name: the oldest ones.
    pub(crate) fn named(&self) -> usize {
        self.order.len()
    }

    /// True if several messages have this UIDL.
    pub(crate) fn is_shared(&self, uidl: &str) -> bool {
        self.shared.binary_search_by(|(start, len)| self.text_at(*start, *len).cmp(uidl)).is_ok()
    }

    /// True if a name that means no message here must be that of a message that is gone: not if this session
    /// names its messages in another way, and not if the name is one that several messages share.
    pub(crate) fn is_gone(&self, name: &str) -> bool {
        let base = name.split_once('~').map_or(name, |(base, _)| base);
        let of_several = Self::is_content_name(name) && self.find(base).is_some();
        let shared = self.find(name).is_some() || self.is_shared(name) || of_several;
        let same_way = !name.starts_with(NUMBERED) && Some(Self::is_content_name(name)) == self.by_content;
        self.entries.is_empty() || same_way && !shared
    }

    /// True for a name made from a message's content.
    pub(crate) fn is_content_name(name: &str) -> bool {
        name.strip_prefix(CONTENT).is_some_and(|rest| {
            let hash = rest.split('~').next().unwrap_or_default();
            hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }

    /// The name of a message by the hash of its content.
    pub(crate) fn content_name(hash: &[u8]) -> String {
        hash.iter().fold(CONTENT.to_owned(), |name, b| name + &format!("{b:02x}"))
    }

    fn name_rest(&mut self) -> Result<()> {
        for index in 0..self.entries.len() {
            let Some(number) = self.entries.get(index).filter(|e| e.len == 0).map(|e| e.number) else {
                continue;
            };
            let (start, len) = self.keep(&format!("{NUMBERED}{}-{number}", self.session))?;
            if let Some(entry) = self.entries.get_mut(index) {
                *entry = Entry { start, len, trust: Trust::Session, ..entry.clone() };
            }
        }
        Ok(())
    }

    fn sort_names(&mut self) {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.sort_by(|a, b| self.name_at(*a).cmp(self.name_at(*b)).then(a.cmp(b)));
        self.order = order;
    }

    /// Servers do repeat UIDLs (for equal messages, the RFC even allows it). Such a name is not one of a message:
    /// another session may have it for one of them alone, and for another one. So these go by number.
    fn part_duplicates(&mut self) -> Result<()> {
        let runs = self.order.chunk_by(|a, b| self.name_at(*a) == self.name_at(*b));
        let alike: Vec<u32> = runs.filter(|run| run.len() > 1).flatten().copied().collect();
        for index in &alike {
            if let Some(entry) = self.entries.get_mut(*index as usize) {
                self.shared.push((entry.start, entry.len));
                entry.len = 0;
            }
        }
        if !alike.is_empty() {
            self.name_rest()?;
            self.sort_names();
        }
        Ok(())
    }

    fn text_at(&self, start: u32, len: u16) -> &str {
        let start = start as usize;
        self.text.get(start..start + usize::from(len)).unwrap_or_default()
    }

    fn name_at(&self, index: u32) -> &str {
        self.entries.get(index as usize).map_or("", |e| self.name(e))
    }

    fn trust(&mut self, index: usize, trust: Trust) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.trust = trust;
        }
    }

    fn keep(&mut self, name: &str) -> Result<(u32, u16)> {
        let start = self.text.len();
        if start + name.len() > TEXT {
            return Err(Error::new(
                ErrorKind::Limit,
                Phase::List,
                format!("the names of all messages pass {TEXT} bytes"),
            ));
        }
        self.text.push_str(name);
        // Both fit: the text is bounded above, a name by the length of a line.
        Ok((start as u32, u16::try_from(name.len()).unwrap_or(u16::MAX)))
    }

    fn check(&self) -> Result<()> {
        if self.entries.len() + self.extra.len() > MESSAGES {
            return Err(Error::new(
                ErrorKind::Limit,
                Phase::List,
                format!("the server lists over {MESSAGES} messages"),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "maildrop_tests.rs"]
mod tests;
