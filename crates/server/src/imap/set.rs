//! Sequence sets.

/// A set of numbers as a client wrote it, `*` and `$` unresolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Set {
    /// `$`: what the last search saved (RFC 5182).
    Saved,
    /// `None` is `*`.
    Ranges(Vec<(Option<u32>, Option<u32>)>),
}

impl Set {
    /// Reads `1,3:5,9:*`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "$" {
            return Some(Self::Saved);
        }
        let range = |piece: &str| {
            let (from, to) = piece.split_once(':').unwrap_or((piece, piece));
            Some((bound(from)?, bound(to)?))
        };
        text.split(',').map(range).collect::<Option<_>>().map(Self::Ranges)
    }

    /// The ranges in order and merged, with `max` for `*`.
    pub(super) fn resolve(&self, max: u32, saved: &[u32]) -> Resolved {
        let mut ranges: Vec<(u32, u32)> = match self {
            Self::Saved => saved.iter().map(|&n| (n, n)).collect(),
            Self::Ranges(ranges) => ranges
                .iter()
                .map(|(a, b)| (a.unwrap_or(max), b.unwrap_or(max)))
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect(),
        };
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Resolved(merged)
    }
}

/// A set that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved(Vec<(u32, u32)>);

impl Resolved {
    pub(super) fn contains(&self, n: u32) -> bool {
        let after = self.0.partition_point(|&(from, _)| from <= n);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|&(_, to)| n <= to)
    }

    pub(super) fn largest(&self) -> Option<u32> {
        self.0.last().map(|&(_, to)| to)
    }
}

/// Writes ascending numbers as a set: `1:3,7`.
pub(super) fn compact(numbers: &[u32]) -> String {
    let ranges: Vec<(Option<u32>, Option<u32>)> = numbers.iter().map(|&n| (Some(n), Some(n))).collect();
    let Resolved(merged) = Set::Ranges(ranges).resolve(0, &[]);
    let piece = |&(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}:{to}") };
    merged.iter().map(piece).collect::<Vec<_>>().join(",")
}

fn bound(text: &str) -> Option<Option<u32>> {
    if text == "*" {
        return Some(None);
    }
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?.filter(|&n| n > 0).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let set = Set::parse("9:*,1,3:5,4").unwrap().resolve(7, &[]);
        let members: Vec<u32> = (0..12).filter(|&n| set.contains(n)).collect();
        assert_eq!(members, [1, 3, 4, 5, 7, 8, 9]);
        assert_eq!(set.largest(), Some(9));
        assert_eq!(Set::parse("$").unwrap().resolve(7, &[2, 4]), Resolved(vec![(2, 2), (4, 4)]));
        assert_eq!(compact(&[1, 2, 3, 7]), "1:3,7");
        assert_eq!(compact(&[]), "");
        for bad in ["", "0", "a", "1,", ":", "1:", "1:2:3", "4294967296", "-1", "+1"] {
            assert_eq!(Set::parse(bad), None, "{bad}");
        }
    }
}
