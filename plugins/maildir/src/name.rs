//! What the name of a file says: the unique part that is the key, the time it sorts by, and the flags.

use postrider_core::Flags;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of a message's file: `unique` or `unique:2,FLAGS`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    text: String,
}

/// Oldest first: by the seconds and microseconds in the name, then by the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(u64, u64, String);

impl FileName {
    /// `None` for what is no message: names that begin with a dot.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = Self { text: text.to_owned() };
        is_unique(name.unique()).then_some(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The part that never changes.
    pub(crate) fn unique(&self) -> &str {
        self.text.split_once(':').map_or(&self.text, |(unique, _)| unique)
    }

    pub(crate) fn order(&self) -> Order {
        order(self.unique())
    }

    fn letters(&self) -> &str {
        self.text.split_once(":2,").map_or("", |(_, letters)| letters)
    }

    pub(crate) fn flags(&self) -> Flags {
        let has = |letter| self.letters().contains(letter);
        let mut flags = Flags::default();
        (flags.seen, flags.answered, flags.flagged) = (has('S'), has('R'), has('F'));
        (flags.deleted, flags.draft) = (has('T'), has('D'));
        if has('P') {
            // Resent or forwarded; RFC 9051 §2.3.2 registers the keyword.
            flags.keywords.push("$Forwarded".into());
        }
        flags
    }

    /// The name it has in `cur`, where every name has its flags.
    pub(crate) fn in_cur(&self) -> Self {
        if self.text.contains(":2,") { self.clone() } else { self.renamed(self.unique(), "") }
    }

    /// The name with one more flag; letters stand in ASCII order.
    pub(crate) fn with_flag(&self, letter: char) -> Self {
        let mut letters: Vec<char> = self.letters().chars().chain([letter]).collect();
        letters.sort_unstable();
        letters.dedup();
        self.renamed(self.unique(), &letters.into_iter().collect::<String>())
    }

    /// The same flags under another unique name.
    pub(crate) fn with_unique(&self, unique: &str) -> Self {
        self.renamed(unique, self.letters())
    }

    fn renamed(&self, unique: &str, letters: &str) -> Self {
        Self { text: format!("{unique}:2,{letters}") }
    }
}

/// Whether a text can be the unique part of a name.
pub(crate) fn is_unique(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', ':', '\0'])
}

/// Where a unique name sorts, whether its file is there or not.
pub(crate) fn order(unique: &str) -> Order {
    let mut parts = unique.split('.');
    let seconds = number(parts.next().unwrap_or_default());
    let middle = parts.next().unwrap_or_default();
    let micros = middle.split_once('M').map_or(0, |(_, rest)| number(rest));
    Order(seconds, micros, unique.to_owned())
}

/// The digits that a text begins with; what overflows is the latest.
fn number(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match text.get(..end) {
        None | Some("") => 0,
        Some(digits) => digits.parse().unwrap_or(u64::MAX),
    }
}

/// A part of a name that no other process, thread or machine has.
pub(crate) fn fresh() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    use std::hash::BuildHasher as _;
    // Keys of the standard hash are random in each process.
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = std::collections::hash_map::RandomState::new().hash_one(count);
    format!("P{}Q{count}R{random:016x}.{}", std::process::id(), machine())
}

/// This machine's name, without what means something in a file name.
fn machine() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if plain.is_empty() { "localhost".into() } else { plain.chars().take(64).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        FileName::parse(text).unwrap()
    }

    #[test]
    fn flags_change_and_the_key_does_not() {
        let new = name("1700000000.M5P1.host");
        assert_eq!(new.in_cur().as_str(), "1700000000.M5P1.host:2,");
        let seen = name("1700000000.M5P1.host:2,FRab").with_flag('S').with_flag('S');
        assert_eq!(seen.as_str(), "1700000000.M5P1.host:2,FRSab");
        assert_eq!(seen.unique(), new.unique());
        let flags = seen.flags();
        assert!(flags.seen && flags.flagged && flags.answered && !flags.draft && !flags.deleted);
        assert_eq!(name("x:1,odd").with_flag('S').as_str(), "x:2,S");
        assert_eq!(name("x:2,PT").flags().keywords, ["$Forwarded"]);
    }

    #[test]
    fn older_comes_first_by_number_not_by_letter_and_any_name_sorts() {
        let sorted = ["nonsense", "999.x", "1000.M9P1.h", "1000.M10P1.h", "99999999999999999999999.x"];
        assert!(sorted.windows(2).all(|w| order(w[0]) < order(w[1])));
    }

    #[test]
    fn hidden_files_and_paths_are_no_messages() {
        for bad in ["", ".", "..", ".hidden", "a/b", ":2,S"] {
            assert!(FileName::parse(bad).is_none(), "{bad}");
        }
        assert!(is_unique(&format!("1.{}", fresh())) && fresh() != fresh());
    }
}
