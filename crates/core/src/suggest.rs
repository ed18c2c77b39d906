//! The nearest known name, for error messages.

/// The candidate nearest to `word`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).clamp(1, 4);
    let far = |c: &str| if is_swapped(word, c) { 1 } else { distance(word, c) };
    candidates.into_iter().map(|c| (far(c), c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// True if two neighbouring letters changed places and nothing else is different, letter case aside: one slip.
fn is_swapped(a: &str, b: &str) -> bool {
    let pairs = || a.bytes().zip(b.bytes()).map(|(x, y)| (x.to_ascii_lowercase(), y.to_ascii_lowercase()));
    let mut different = pairs().enumerate().filter(|(_, (x, y))| x != y);
    let (first, second) = (different.next(), different.next());
    let (Some((i, (w, x))), Some((j, (y, z)))) = (first, second) else { return false };
    a.len() == b.len() && different.next().is_none() && j == i + 1 && w == z && x == y
}

/// Edits (insert, delete, replace) from one word to the other, letter case aside. Long words cost nothing:
/// anything over 64 bytes is far from everything.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let up = *cell;
            let replaced = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = up;
            left = replaced.min(up + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word_and_strangers_do_not() {
        let known = ["host", "port", "starttls.enable", "ssl.cafile"];
        assert_eq!(nearest("hots", known), Some("host"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("htso", known), None);
        assert_eq!(nearest("hosts", known), Some("host"));
        assert_eq!(nearest("starttls.enabled", known), Some("starttls.enable"));
        assert_eq!(nearest("Port", known), Some("port"));
        assert_eq!(nearest("zzzz", known), None);
    }
}
