//! Sets of UIDs, kept as ranges and never expanded (RFC 9051 §9 `sequence-set`).

use super::Fault;

/// So many ranges are kept of one answer: 8 MiB. A mailbox that needs more is searched in portions.
const MAX_RANGES: usize = 1_000_000;

/// UIDs as ascending ranges that don't touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The set that `1:3,7` stands for; `None` if it is malformed or holds a zero.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut ranges = Vec::new();
        for part in text.split(|b| *b == b',') {
            let mut ends = part.splitn(2, |b| *b == b':');
            let first = number(ends.next()?)?;
            let second = ends.next().map_or(Some(first), number)?;
            ranges.push((first.min(second), first.max(second)));
        }
        Some(Self::of(ranges))
    }

    /// The set of these ranges, in any order.
    pub(crate) fn of(mut ranges: Vec<(u32, u32)>) -> Self {
        if !ranges.is_sorted() {
            ranges.sort_unstable();
        }
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len().min(1024));
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self { ranges: merged }
    }

    /// Adds another set.
    ///
    /// # Errors
    /// If there are too many ranges to keep.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), Fault> {
        if self.ranges.len() + other.ranges.len() > MAX_RANGES {
            return Err(Fault::limit(format!("the server listed over {MAX_RANGES} ranges of messages")));
        }
        let mut all = std::mem::take(&mut self.ranges);
        all.extend_from_slice(&other.ranges);
        *self = Self::of(all);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many UIDs there are.
    pub(crate) fn count(&self) -> u64 {
        self.ranges.iter().map(|(low, high)| u64::from(high - low) + 1).sum()
    }

    pub(crate) fn contains(&self, uid: u32) -> bool {
        let at = self.ranges.partition_point(|(_, high)| *high < uid);
        self.ranges.get(at).is_some_and(|(low, _)| *low <= uid)
    }

    /// The highest UID.
    pub(crate) fn last(&self) -> Option<u32> {
        self.ranges.last().map(|(_, high)| *high)
    }

    /// Only UIDs from `lowest` up: a server answers `9:*` with the last message even if that is number 5.
    pub(crate) fn starting_at(mut self, lowest: u32) -> Self {
        self.ranges.retain_mut(|(low, high)| {
            *low = (*low).max(lowest);
            low <= high
        });
        self
    }

    /// The `most` lowest UIDs.
    pub(crate) fn first(mut self, most: u64) -> Self {
        let mut left = most;
        self.ranges.retain_mut(|(low, high)| {
            if left == 0 {
                return false;
            }
            let here = (u64::from(*high - *low) + 1).min(left);
            left -= here;
            // `here` is at least 1 and at most the length of the range.
            *high = low.saturating_add(u32::try_from(here - 1).unwrap_or(u32::MAX));
            true
        });
        self
    }

    /// Without these, which ascend.
    pub(crate) fn without(&self, uids: impl Iterator<Item = u32>) -> Self {
        let (mut uids, mut ranges) = (uids.peekable(), Vec::new());
        for (low, high) in &self.ranges {
            let mut left = Some(*low);
            while let Some(uid) = uids.next_if(|uid| uid <= high) {
                let Some(from) = left.filter(|from| *from <= uid) else { continue };
                if from < uid {
                    ranges.push((from, uid - 1));
                }
                left = uid.checked_add(1).filter(|next| next <= high);
            }
            ranges.extend(left.map(|from| (from, *high)));
        }
        Self { ranges }
    }

    /// The set as text, cut where it would get longer than `most` octets.
    pub(crate) fn texts(&self, most: usize) -> Vec<String> {
        let mut texts = Vec::new();
        let mut text = String::new();
        for (low, high) in &self.ranges {
            let range = if low == high { low.to_string() } else { format!("{low}:{high}") };
            if !text.is_empty() && text.len() + 1 + range.len() > most {
                texts.push(std::mem::take(&mut text));
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&range);
        }
        if !text.is_empty() {
            texts.push(text);
        }
        texts
    }
}

/// A number from 1 to 4294967295 in digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_stay_ranges_whatever_they_span() {
        let all = UidSet::parse(b"1:4294967295,3,5:2").unwrap();
        assert_eq!(all.count(), 4_294_967_295);
        assert_eq!(all.clone().first(3).texts(99), ["1:3"]);
        assert_eq!(all.clone().starting_at(4_294_967_295).texts(99), ["4294967295"]);
        assert!(all.contains(7) && !all.contains(0));
        for bad in ["", "0", "1:", ":1", "1,,2", "-1", "4294967296", "*", "1:*", "a", "+1"] {
            assert_eq!(UidSet::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_long_set_is_cut_between_ranges() {
        let set = UidSet::of((0..1000).map(|n| (n * 2 + 1, n * 2 + 1)).collect());
        let texts = set.texts(100);
        assert!(texts.iter().all(|t| t.len() <= 100));
        assert_eq!(texts.join(",").split(',').count(), 1000);
    }

    proptest! {
        #[test]
        fn a_set_behaves_as_one(ranges in proptest::collection::vec((1u32..60, 0u32..9), 0..20), from in 1u32..70, most in 0u64..70) {
            let ranges: Vec<(u32, u32)> = ranges.into_iter().map(|(low, more)| (low, low + more)).collect();
            let model: BTreeSet<u32> = ranges.iter().flat_map(|(l, h)| *l..=*h).collect();
            let set = UidSet::of(ranges);
            prop_assert_eq!(set.count(), model.len() as u64);
            let want: Vec<u32> = model.iter().copied().filter(|n| *n >= from).take(most as usize).collect();
            let cut = set.starting_at(from).first(most);
            let got: Vec<u32> = (1..80).filter(|n| cut.contains(*n)).collect();
            prop_assert_eq!(&got, &want);
            let even = |n: &u32| n.is_multiple_of(2);
            let odd = cut.without(want.iter().copied().filter(even).chain([200]));
            prop_assert_eq!((1..80).filter(|n| odd.contains(*n)).collect::<Vec<_>>(), got.iter().copied().filter(|n| !even(n)).collect::<Vec<_>>());
            prop_assert_eq!(cut.without(0..80), UidSet::default());
            prop_assert_eq!(cut.without(std::iter::empty()), cut);
        }
    }
}
