//! The keys of a SEARCH, and whether a message has them.

use super::Refusal;
use super::parse::{self, Args};
use super::set::Resolved;
use crate::dates;
use crate::mime;
use crate::store::Message;

const DEEPEST: usize = 32;

/// A search key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    And(Vec<Key>),
    Or(Box<Key>, Box<Key>),
    Not(Box<Key>),
    Flag(String),
    Recent,
    Numbers(Resolved),
    Uids(Resolved),
    Header(String, String),
    Body(String),
    Text(String),
    Larger(u32),
    Smaller(u32),
    /// The day a message came: at least, less than.
    Came(i64, i64),
    /// The day its header says.
    Sent(i64, i64),
}

/// What sets are resolved against.
pub(super) struct Context<'a> {
    pub(super) last_number: u32,
    pub(super) last_uid: u32,
    pub(super) saved: &'a [u32],
}

/// Reads keys up to the end; all must hold.
pub(super) fn parse(args: &mut Args<'_>, context: &Context<'_>) -> Result<Key, Refusal> {
    let mut keys = vec![key(args, context, DEEPEST)?];
    while args.eat(b' ') {
        keys.push(key(args, context, DEEPEST)?);
    }
    args.end()?;
    Ok(Key::And(keys))
}

fn key(args: &mut Args<'_>, context: &Context<'_>, depth: usize) -> Result<Key, Refusal> {
    let Some(depth) = depth.checked_sub(1) else { return Err(parse::bad("too deep")) };
    match args.peek() {
        Some(b'(') => return args.list(|args| key(args, context, depth)).map(Key::And),
        Some(b'$') => return args.set().map(|set| Key::Uids(set.resolve(context.last_uid, context.saved))),
        Some(b'*' | b'0'..=b'9') => {
            return args.set().map(|set| Key::Numbers(set.resolve(context.last_number, context.saved)));
        }
        _ => {}
    }
    let word = args.word()?;
    let flag = |name: &str| Key::Flag(format!("\\{name}"));
    let not = |key: Key| Key::Not(Box::new(key));
    Ok(match word.as_str() {
        "ALL" => Key::And(Vec::new()),
        "ANSWERED" | "DELETED" | "DRAFT" | "FLAGGED" | "SEEN" => flag(&word),
        "UNANSWERED" | "UNDELETED" | "UNDRAFT" | "UNFLAGGED" | "UNSEEN" => {
            not(flag(word.strip_prefix("UN").unwrap_or_default()))
        }
        "RECENT" => Key::Recent,
        "OLD" => not(Key::Recent),
        "NEW" => Key::And(vec![Key::Recent, not(flag("Seen"))]),
        "NOT" => not(after_space(args, |args| key(args, context, depth))?),
        "OR" => {
            let one = after_space(args, |args| key(args, context, depth))?;
            let other = after_space(args, |args| key(args, context, depth))?;
            Key::Or(Box::new(one), Box::new(other))
        }
        "KEYWORD" => Key::Flag(after_space(args, |args| args.atom().map(Into::into))?),
        "UNKEYWORD" => not(Key::Flag(after_space(args, |args| args.atom().map(Into::into))?)),
        "UID" => Key::Uids(after_space(args, Args::set)?.resolve(context.last_uid, context.saved)),
        "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => Key::Header(word, after_space(args, lower)?),
        "HEADER" => {
            let name = after_space(args, Args::text)?;
            Key::Header(name, after_space(args, lower)?)
        }
        "BODY" => Key::Body(after_space(args, lower)?),
        "TEXT" => Key::Text(after_space(args, lower)?),
        "LARGER" => Key::Larger(after_space(args, Args::number)?),
        "SMALLER" => Key::Smaller(after_space(args, Args::number)?),
        "BEFORE" | "ON" | "SINCE" | "SENTBEFORE" | "SENTON" | "SENTSINCE" => {
            let day = after_space(args, date)?;
            let (from, to) = match word.strip_prefix("SENT").unwrap_or(&word) {
                "BEFORE" => (i64::MIN, day),
                "ON" => (day, day + 1),
                _ => (day, i64::MAX),
            };
            if word.starts_with("SENT") { Key::Sent(from, to) } else { Key::Came(from, to) }
        }
        _ => return Err(parse::bad("no such search key")),
    })
}

fn after_space<'a, T>(
    args: &mut Args<'a>,
    read: impl FnOnce(&mut Args<'a>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    args.space()?;
    read(args)
}

fn lower(args: &mut Args<'_>) -> Result<String, Refusal> {
    args.text().map(|text| text.to_lowercase())
}

fn date(args: &mut Args<'_>) -> Result<i64, Refusal> {
    dates::parse_search_date(&args.text()?).ok_or_else(|| parse::bad("no such date"))
}

impl Key {
    pub(super) fn holds(&self, number: u32, recent: bool, message: &Message) -> bool {
        let header = || message.bytes.get(..mime::body_start(&message.bytes)).unwrap_or_default();
        let size = u32::try_from(message.bytes.len()).unwrap_or(u32::MAX);
        match self {
            Self::And(keys) => keys.iter().all(|key| key.holds(number, recent, message)),
            Self::Or(a, b) => a.holds(number, recent, message) || b.holds(number, recent, message),
            Self::Not(key) => !key.holds(number, recent, message),
            Self::Flag(flag) => message.has(flag),
            Self::Recent => recent,
            Self::Numbers(set) => set.contains(number),
            Self::Uids(set) => set.contains(message.uid),
            Self::Header(name, text) => {
                let named = |(field, _): &(&[u8], &[u8])| field.eq_ignore_ascii_case(name.as_bytes());
                let value = |(field, whole): (&[u8], &[u8])| {
                    mime::unfold(whole.get(field.len()..).unwrap_or_default())
                };
                mime::fields(header())
                    .into_iter()
                    .filter(named)
                    .map(value)
                    .any(|value| contains(value.strip_prefix(b":").unwrap_or(&value), text))
            }
            Self::Body(text) => contains(message.bytes.get(header().len()..).unwrap_or_default(), text),
            Self::Text(text) => contains(&message.bytes, text),
            Self::Larger(n) => size > *n,
            Self::Smaller(n) => size < *n,
            Self::Came(from, to) => (*from..*to).contains(&message.date.div_euclid(86_400)),
            Self::Sent(from, to) => {
                let date =
                    mime::field(header(), "Date").map(|value| String::from_utf8_lossy(&value).into_owned());
                date.and_then(|date| dates::parse_header_date(&date))
                    .is_some_and(|day| (*from..*to).contains(&day))
            }
        }
    }
}

/// Whether text, in lower case already, occurs. Encoded words are not decoded: this is a test server.
fn contains(haystack: &[u8], needle: &str) -> bool {
    needle.is_empty() || String::from_utf8_lossy(haystack).to_lowercase().contains(needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(keys: &str) -> Option<bool> {
        let bytes = b"Subject: Hello\r\n World\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nbody text\r\n";
        let message = Message {
            uid: 9,
            bytes: bytes.as_slice().into(),
            flags: vec!["\\Seen".into(), "$Junk".into()],
            date: 86_400 * dates::day_of(2024, 2, 2) + 5,
            recent: false,
            revision: 0,
        };
        let context = Context { last_number: 3, last_uid: 9, saved: &[9] };
        parse(&mut Args::new(keys.as_bytes(), false), &context).ok().map(|key| key.holds(3, false, &message))
    }

    #[test]
    fn keys() {
        for yes in [
            "ALL",
            "SEEN",
            "UNDELETED",
            "3",
            "*",
            "UID 9",
            "UID 5:*",
            "$",
            "OR SEEN DELETED",
            "NOT (SEEN DELETED)",
            "SUBJECT \"hello world\"",
            "HEADER subject WORLD",
            "BODY Body",
            "TEXT hello",
            "LARGER 5",
            "KEYWORD $junk",
            "ON 2-Feb-2024",
            "SINCE 2-Feb-2024",
            "BEFORE 3-Feb-2024",
            "SENTON 1-Jan-2024",
            "OLD",
            "HEADER Date \"\"",
        ] {
            assert_eq!(holds(yes), Some(true), "{yes}");
        }
        for no in [
            "UNSEEN",
            "1:2",
            "UID 8",
            "NOT ALL",
            "SUBJECT nope",
            "BODY hello",
            "SMALLER 5",
            "BEFORE 2-Feb-2024",
            "FROM a",
        ] {
            assert_eq!(holds(no), Some(false), "{no}");
        }
        for bad in ["", "X", "NOT", "OR SEEN", "UID", "(SEEN", "ON 2024", "SEEN  SEEN", "X-GM-RAW a"] {
            assert_eq!(holds(bad), None, "{bad}");
        }
        assert_eq!(holds(&"NOT ".repeat(10_000)), None);
        assert_eq!(holds(&"(".repeat(10_000)), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "([A-Z]{2,6}|NOT|OR|UID|[0-9:*,]{1,4}|[( )\"]){0,20}") {
            holds(&text);
        }
    }
}
