//! Is there a message that was not there before?

use crate::engine::maildrop::{Maildrop, Trust};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// What a maildrop held when it was last listed: eight bytes a message.
#[derive(Debug, Default)]
pub(crate) struct Known(Vec<u64>);

impl Known {
    /// Remembers the messages of a maildrop.
    pub(crate) fn of(drop: &Maildrop, hasher: &RandomState) -> Self {
        let mut signs: Vec<u64> = signs(drop, hasher).collect();
        signs.sort_unstable();
        Self(signs)
    }

    /// True if the maildrop may hold a message that was not known.
    pub(crate) fn misses_some_of(&self, drop: &Maildrop, hasher: &RandomState) -> bool {
        signs(drop, hasher).any(|sign| self.0.binary_search(&sign).is_err())
    }
}

/// A stable message is known by its name; others by their size and how many before them have it too.
fn signs<'a>(drop: &'a Maildrop, hasher: &'a RandomState) -> impl Iterator<Item = u64> + 'a {
    let mut sizes: HashMap<Option<u64>, u32> = HashMap::new();
    drop.entries().iter().filter(|e| !e.deleted).map(move |entry| {
        if entry.trust == Trust::Stable {
            return hasher.hash_one(drop.name(entry));
        }
        let nth = sizes.entry(entry.size).or_default();
        *nth += 1;
        hasher.hash_one((entry.size, *nth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop_of(list: &[&str], uidl: &[&str]) -> Maildrop {
        let mut drop = Maildrop::new("S".into());
        list.iter().for_each(|l| drop.add_listed(l.as_bytes()).unwrap());
        drop.end_listed().unwrap();
        uidl.iter().for_each(|l| drop.add_uidl(l.as_bytes()).unwrap());
        if !uidl.is_empty() {
            drop.end_uidl().unwrap();
        }
        drop
    }

    #[test]
    fn a_new_uidl_is_news_and_a_vanished_one_is_not() {
        let hasher = RandomState::new();
        let known = Known::of(&drop_of(&["1 1", "2 1"], &["1 a", "2 b"]), &hasher);
        assert!(!known.misses_some_of(&drop_of(&["1 1"], &["1 b"]), &hasher));
        assert!(known.misses_some_of(&drop_of(&["1 1", "2 1"], &["1 b", "2 c"]), &hasher));
    }

    #[test]
    fn without_uidls_another_size_or_one_more_of_a_size_is_news() {
        let hasher = RandomState::new();
        let known = Known::of(&drop_of(&["1 7", "2 7"], &[]), &hasher);
        assert!(!known.misses_some_of(&drop_of(&["1 7"], &[]), &hasher));
        assert!(known.misses_some_of(&drop_of(&["1 7", "2 8"], &[]), &hasher));
        assert!(known.misses_some_of(&drop_of(&["1 7", "2 7", "3 7"], &[]), &hasher));
    }
}
