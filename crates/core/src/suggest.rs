//! The nearest known name, for error messages.

/// The candidate nearest to `word`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).clamp(1, 4);
    candidates.into_iter().map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
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
        assert_eq!(nearest("hots", known), None);
        assert_eq!(nearest("hosts", known), Some("host"));
        assert_eq!(nearest("starttls.enabled", known), Some("starttls.enable"));
        assert_eq!(nearest("Port", known), Some("port"));
        assert_eq!(nearest("zzzz", known), None);
    }
}
