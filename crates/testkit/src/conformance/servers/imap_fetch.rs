//! Message sets, searches and what a FETCH says of one message.

use super::mailbox::Held;

/// Where the messages of a set stand: by UID, or by number (RFC 3501 §9, sequence-set).
pub(super) fn members(held: &[Held], by_uid: bool, set: &str) -> Vec<usize> {
    let last = if by_uid { held.last().map_or(0, |h| h.uid) } else { held.len() as u32 };
    let number = |text: &str| if text == "*" { last } else { text.parse().unwrap_or(0) };
    let within = |n: u32| {
        set.split(',').any(|part| {
            let (a, b) = part.split_once(':').unwrap_or((part, part));
            let (a, b) = (number(a), number(b));
            (a.min(b)..=a.max(b)).contains(&n)
        })
    };
    let name = |at: usize, h: &Held| if by_uid { h.uid } else { at as u32 + 1 };
    held.iter().enumerate().filter(|(at, h)| within(name(*at, h))).map(|(at, _)| at).collect()
}

/// `* SEARCH` for the keys that clients use to page: all must be true.
pub(super) fn search(held: &[Held], by_uid: bool, keys: &str) -> String {
    let mut left: Vec<usize> = (0..held.len()).collect();
    let mut words = keys.split_whitespace();
    while let Some(word) = words.next() {
        let keep: Vec<usize> = match word.to_ascii_uppercase().as_str() {
            "UID" => members(held, true, words.next().unwrap_or_default()),
            "UNSEEN" => left.iter().copied().filter(|at| !held[*at].seen).collect(),
            "DELETED" => left.iter().copied().filter(|at| held[*at].deleted).collect(),
            "UNDELETED" => left.iter().copied().filter(|at| !held[*at].deleted).collect(),
            set if set.starts_with(|c: char| c.is_ascii_digit() || c == '*') => members(held, false, set),
            _ => continue,
        };
        left.retain(|at| keep.contains(at));
    }
    let name = |at: &usize| if by_uid { held[*at].uid } else { *at as u32 + 1 };
    let found: Vec<String> = left.iter().map(|at| name(at).to_string()).collect();
    format!("* SEARCH{}{}\r\n", if found.is_empty() { "" } else { " " }, found.join(" "))
}

/// One answer to FETCH; `items` in upper case.
pub(super) fn answer(at: usize, held: &Held, items: &str) -> String {
    let mut flags = Vec::new();
    if held.seen {
        flags.push("\\Seen");
    }
    if held.deleted {
        flags.push("\\Deleted");
    }
    let mut out = format!("* {} FETCH (UID {} FLAGS ({})", at + 1, held.uid, flags.join(" "));
    if items.contains("RFC822.SIZE") {
        out.push_str(&format!(" RFC822.SIZE {}", held.content.size()));
    }
    if items.contains("INTERNALDATE") {
        out.push_str(" INTERNALDATE \"01-Jan-2026 00:00:00 +0000\"");
    }
    if let Some((_, range)) = items.split_once("[]") {
        let range = range.strip_prefix('<').and_then(|r| r.split_once('>')).map(|(r, _)| r);
        let range = range.and_then(|r| r.split_once('.'));
        let (from, count) = range.map_or((0, u64::MAX), |(from, count)| {
            (from.parse().unwrap_or(0), count.parse().unwrap_or(u64::MAX))
        });
        let part = held.content.part(from, count);
        let origin = if range.is_some() { format!("<{from}>") } else { String::new() };
        out.push_str(&format!(" BODY[]{origin} {{{}}}\r\n", part.len()));
        out.push_str(&String::from_utf8_lossy(&part));
    }
    out + ")\r\n"
}
