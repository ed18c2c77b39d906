//! How long the messages of a mailbox are. Pure.

use crate::key::Key;

/// So many sizes are kept, those of the last listings.
const MAX_SIZES: usize = 50_000;

/// How long messages are, as the last listings told.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    validity: u32,
    // Ascending.
    known: Vec<(u32, u32)>,
}

impl Sizes {
    /// A page of a listing; one that does not follow the last is a new beginning.
    pub(crate) fn learn(&mut self, validity: u32, page: impl ExactSizeIterator<Item = (u32, Option<u64>)>) {
        let mut page = page.peekable();
        let last = self.known.last().map_or(0, |(uid, _)| *uid);
        let follows = page.peek().is_none_or(|(uid, _)| *uid > last);
        if validity != self.validity || !follows || self.known.len() + page.len() > MAX_SIZES {
            self.known.clear();
        }
        self.validity = validity;
        let sized = page.filter_map(|(uid, size)| Some((uid, u32::try_from(size?).unwrap_or(u32::MAX))));
        self.known.extend(sized);
    }

    /// How many sizes are known, and what they come to.
    pub(crate) fn sum(&self, validity: u32) -> (u64, u64) {
        if validity != self.validity {
            return (0, 0);
        }
        let bytes = self.known.iter().map(|(_, size)| u64::from(*size)).sum();
        (self.known.len() as u64, bytes)
    }

    /// The size of a message, if it is known. `next` is where it may be, and then where the one behind it may be.
    pub(crate) fn of(&self, key: Key, next: &mut usize) -> Option<u64> {
        if self.known.get(*next).is_none_or(|(uid, _)| *uid != key.uid) {
            *next = self.known.binary_search_by_key(&key.uid, |(uid, _)| *uid).ok()?;
        }
        let size = self.known.get(*next).filter(|_| key.validity == self.validity).map(|(_, size)| *size);
        *next += 1;
        size.map(u64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(uids: impl Iterator<Item = u32>) -> Vec<(u32, Option<u64>)> {
        uids.map(|uid| (uid, (uid % 3 > 0).then_some(u64::from(uid) * 10))).collect()
    }

    #[test]
    fn sizes_are_those_of_the_last_listing_page_by_page_and_of_one_uidvalidity() {
        let mut sizes = Sizes::default();
        sizes.learn(7, page(1..=4).into_iter());
        sizes.learn(7, page(5..=6).into_iter());
        let all = |sizes: &Sizes, validity| {
            let mut next = 0;
            (1..=7).map(|uid| sizes.of(Key { validity, uid }, &mut next).unwrap_or(0)).collect::<Vec<_>>()
        };
        assert_eq!(all(&sizes, 7), [10, 20, 0, 40, 50, 0, 0]);
        assert_eq!((sizes.sum(7), sizes.sum(8)), ((4, 120), (0, 0)));
        assert_eq!(all(&sizes, 8), [0; 7]);
        sizes.learn(7, page(2..=2).into_iter());
        assert_eq!((sizes.sum(7), sizes.of(Key { validity: 7, uid: 2 }, &mut 9)), ((1, 20), Some(20)));
        sizes.learn(8, page(4..=4).into_iter());
        assert_eq!((sizes.sum(7), sizes.sum(8)), ((0, 0), (1, 40)));
    }
}
