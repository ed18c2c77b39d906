//! The messages of a session: their numbers, sizes and keys.

use postrider_core::MessageId;
use std::collections::HashMap;

/// One message of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) size: Option<u64>,
    pub(crate) id: MessageId,
    pub(crate) stable: bool,
    pub(crate) deleted: bool,
}

/// All messages, oldest first, found by their key.
#[derive(Debug, Default)]
pub(crate) struct Maildrop {
    entries: Vec<Entry>,
    by_id: HashMap<MessageId, usize>,
}

impl Maildrop {
    /// Builds the table from numbers, sizes and what identifies each message. Identifiers that occur twice
    /// are made distinct and count as unstable: the server does not keep its promise (RFC 1939 §7).
    pub(crate) fn new(account: &str, found: Vec<(u32, Option<u64>, String, bool)>) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for (_, _, uid, _) in &found {
            *counts.entry(uid.clone()).or_default() += 1;
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut maildrop = Self::default();
        for (number, size, uid, stable) in found {
            let twice = counts.get(&uid).is_some_and(|n| *n > 1);
            let nth = seen.entry(uid.clone()).or_default();
            *nth += 1;
            let name = if *nth > 1 { format!("{uid}~{nth}") } else { uid };
            let id = MessageId::new("pop3", [account, &name]);
            maildrop.by_id.insert(id.clone(), maildrop.entries.len());
            maildrop.entries.push(Entry { number, size, id, stable: stable && !twice, deleted: false });
        }
        maildrop
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn find(&mut self, id: &MessageId) -> Option<&mut Entry> {
        let at = *self.by_id.get(id)?;
        self.entries.get_mut(at)
    }

    /// What comes after this message, or all if it is not there (any more).
    pub(crate) fn after(&self, id: Option<&MessageId>) -> &[Entry] {
        let from = id.and_then(|id| self.by_id.get(id)).map_or(0, |at| at + 1);
        self.entries.get(from..).unwrap_or_default()
    }
}

/// A line of a LIST answer: number and size.
pub(crate) fn pair(line: &str) -> Option<(u32, u64)> {
    let mut words = line.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// A line of a UIDL answer: number, identifier, and whether that is well-formed (1 to 70 characters from
/// 0x21 to 0x7E).
pub(crate) fn uid(line: &str) -> Option<(u32, String, bool)> {
    let (number, uid) = line.trim().split_once(' ')?;
    let uid = uid.trim();
    let good = (1..=70).contains(&uid.len()) && uid.bytes().all(|b| (0x21..0x7f).contains(&b));
    (!uid.is_empty()).then(|| Some((number.parse().ok()?, uid.to_owned(), good)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_identifiers_become_distinct_and_unstable() {
        let found =
            vec![(1, None, "a".into(), true), (2, None, "b".into(), true), (3, None, "a".into(), true)];
        let maildrop = Maildrop::new("me@h", found);
        let shown: Vec<_> = maildrop.entries().iter().map(|e| (e.id.as_str(), e.stable)).collect();
        assert_eq!(shown, [("pop3:me@h/a", false), ("pop3:me@h/b", true), ("pop3:me@h/a~2", false)]);
        let second = maildrop.entries()[1].id.clone();
        assert_eq!(maildrop.after(Some(&second)).len(), 1);
        assert_eq!(maildrop.after(None).len(), 3);
    }

    #[test]
    fn list_and_uidl_lines_are_read_or_refused() {
        assert_eq!(pair("12 345"), Some((12, 345)));
        assert_eq!(pair("12 345 extra"), Some((12, 345)));
        assert!(pair("x 1").is_none() && pair("1").is_none() && pair("99999999999 1").is_none());
        assert_eq!(uid("1 abc"), Some((1, "abc".into(), true)));
        assert_eq!(uid("1 a c"), Some((1, "a c".into(), false)));
        assert!(uid("1").is_none() && uid("1 ").is_none());
    }
}
