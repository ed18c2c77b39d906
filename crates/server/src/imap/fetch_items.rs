//! What a FETCH asks for.

use std::borrow::Cow;

use super::Refusal;
use super::parse::{self, Args};
use crate::mime::{self, Kind, Part};

/// One data item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Flags,
    Uid,
    Size,
    InternalDate,
    Envelope,
    Structure { extended: bool },
    Section { section: Section, peek: bool, partial: Option<(u32, u32)>, name: Option<&'static str> },
    Binary { path: Vec<u32>, peek: bool, partial: Option<(u32, u32)> },
    BinarySize { path: Vec<u32> },
}

/// What stands between the brackets of BODY[…].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    path: Vec<u32>,
    part: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    All,
    Header,
    Fields { names: Vec<String>, not: bool },
    Text,
    Mime,
}

/// Reads one item, a macro, or a list of items.
pub(super) fn parse(args: &mut Args<'_>) -> Result<Vec<Item>, Refusal> {
    if args.peek() == Some(b'(') {
        return args.list(item).map(|items| items.into_iter().flatten().collect());
    }
    item(args)
}

impl Item {
    /// Whether fetching it marks the message seen.
    pub(super) fn marks_seen(&self) -> bool {
        matches!(self, Self::Section { peek: false, .. } | Self::Binary { peek: false, .. })
    }
}

fn item(args: &mut Args<'_>) -> Result<Vec<Item>, Refusal> {
    let name = args.take_while(|b| b.is_ascii_alphanumeric() || b == b'.').to_ascii_uppercase();
    let section = args.peek() == Some(b'[');
    let fast = [Item::Flags, Item::InternalDate, Item::Size];
    let old = |part, peek, name| {
        let section = Section { path: Vec::new(), part };
        vec![Item::Section { section, peek, partial: None, name: Some(name) }]
    };
    Ok(match name.as_slice() {
        b"BODY" | b"BODY.PEEK" if section => {
            let section = bracketed(args)?;
            vec![Item::Section {
                section,
                peek: name.ends_with(b"PEEK"),
                partial: partial(args)?,
                name: None,
            }]
        }
        b"BINARY" | b"BINARY.PEEK" if section => {
            let path = number_path(args)?;
            vec![Item::Binary { path, peek: name.ends_with(b"PEEK"), partial: partial(args)? }]
        }
        b"BINARY.SIZE" if section => vec![Item::BinarySize { path: number_path(args)? }],
        b"FLAGS" => vec![Item::Flags],
        b"UID" => vec![Item::Uid],
        b"RFC822.SIZE" => vec![Item::Size],
        b"INTERNALDATE" => vec![Item::InternalDate],
        b"ENVELOPE" => vec![Item::Envelope],
        b"BODY" => vec![Item::Structure { extended: false }],
        b"BODYSTRUCTURE" => vec![Item::Structure { extended: true }],
        b"RFC822" => old(Wanted::All, false, "RFC822"),
        b"RFC822.HEADER" => old(Wanted::Header, true, "RFC822.HEADER"),
        b"RFC822.TEXT" => old(Wanted::Text, false, "RFC822.TEXT"),
        b"FAST" => fast.to_vec(),
        b"ALL" => fast.into_iter().chain([Item::Envelope]).collect(),
        b"FULL" => fast.into_iter().chain([Item::Envelope, Item::Structure { extended: false }]).collect(),
        _ => return Err(parse::bad("no such data item")),
    })
}

fn number_path(args: &mut Args<'_>) -> Result<Vec<u32>, Refusal> {
    args.expect(b'[')?;
    let path = path(args)?.0;
    args.expect(b']')?;
    Ok(path)
}

/// `1.2.`: the numbers, and whether a dot ended them.
fn path(args: &mut Args<'_>) -> Result<(Vec<u32>, bool), Refusal> {
    let mut path = Vec::new();
    while args.peek().is_some_and(|b| b.is_ascii_digit()) {
        path.push(args.number()?);
        if !args.eat(b'.') {
            return Ok((path, false));
        }
    }
    Ok((path, true))
}

fn bracketed(args: &mut Args<'_>) -> Result<Section, Refusal> {
    args.expect(b'[')?;
    let (path, dotted) = path(args)?;
    let word = args.take_while(|b| b.is_ascii_alphabetic() || b == b'.').to_ascii_uppercase();
    let part = match word.as_slice() {
        b"" if path.is_empty() || !dotted => Wanted::All,
        _ if !dotted => return Err(parse::bad("no such section")),
        b"HEADER" => Wanted::Header,
        b"TEXT" => Wanted::Text,
        b"MIME" if !path.is_empty() => Wanted::Mime,
        b"HEADER.FIELDS" | b"HEADER.FIELDS.NOT" => {
            args.space()?;
            Wanted::Fields { names: args.list(Args::text)?, not: word.ends_with(b"NOT") }
        }
        _ => return Err(parse::bad("no such section")),
    };
    args.expect(b']')?;
    Ok(Section { path, part })
}

fn partial(args: &mut Args<'_>) -> Result<Option<(u32, u32)>, Refusal> {
    if !args.eat(b'<') {
        return Ok(None);
    }
    let start = args.number()?;
    args.expect(b'.')?;
    let length = args.number()?;
    args.expect(b'>')?;
    if length == 0 { Err(parse::bad("nothing of it")) } else { Ok(Some((start, length))) }
}

impl Section {
    /// The section's bytes; `None` if the message has no such part. Not copied where that can be helped:
    /// a client may ask for a large message in many small pieces.
    pub(super) fn of<'m>(&self, message: &'m [u8], root: impl FnOnce() -> Part) -> Option<Cow<'m, [u8]>> {
        if self.path.is_empty() && self.part == Wanted::All {
            return Some(message.into());
        }
        if self.path.is_empty() {
            let (header, text) = message.split_at_checked(mime::body_start(message))?;
            return self.cut(message, header, text);
        }
        let root = root();
        let part = root.find(&self.path)?;
        let get = |range: &std::ops::Range<usize>| message.get(range.clone()).unwrap_or_default();
        match (&self.part, &part.kind) {
            (Wanted::All, _) => Some(get(&part.body).into()),
            (Wanted::Mime, _) => Some(get(&part.header).into()),
            // HEADER and TEXT of a part are those of the message in it.
            (_, Kind::Message(inner)) => self.cut(get(&part.body), get(&inner.header), get(&inner.body)),
            _ => None,
        }
    }

    fn cut<'m>(&self, whole: &'m [u8], header: &'m [u8], text: &'m [u8]) -> Option<Cow<'m, [u8]>> {
        match &self.part {
            Wanted::All => Some(whole.into()),
            Wanted::Header => Some(header.into()),
            Wanted::Text => Some(text.into()),
            Wanted::Mime => None,
            Wanted::Fields { names, not } => {
                let listed = |name: &[u8]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name));
                let kept = mime::fields(header).into_iter().filter(|(name, _)| listed(name) != *not);
                let mut out: Vec<u8> = kept.flat_map(|(_, whole)| whole.to_vec()).collect();
                out.extend_from_slice(b"\r\n");
                Some(out.into())
            }
        }
    }

    /// As it is spelled in the reply.
    pub(super) fn spelled(&self) -> String {
        let word = match &self.part {
            Wanted::All => String::new(),
            Wanted::Header => "HEADER".into(),
            Wanted::Text => "TEXT".into(),
            Wanted::Mime => "MIME".into(),
            Wanted::Fields { names, not } => {
                let mut list = Vec::new();
                for (at, name) in names.iter().enumerate() {
                    if at > 0 {
                        list.push(b' ');
                    }
                    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                        list.extend_from_slice(name.as_bytes());
                    } else {
                        super::write::string(&mut list, name.as_bytes());
                    }
                }
                format!(
                    "HEADER.FIELDS{} ({})",
                    if *not { ".NOT" } else { "" },
                    String::from_utf8_lossy(&list)
                )
            }
        };
        let path = spell_path(&self.path);
        let dot = if path.is_empty() || word.is_empty() { "" } else { "." };
        format!("{path}{dot}{word}")
    }
}

pub(super) fn spell_path(path: &[u32]) -> String {
    path.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Option<Section> {
        match parse(&mut Args::new(text.as_bytes(), false)).ok()?.pop()? {
            Item::Section { section, .. } => Some(section),
            _ => None,
        }
    }

    #[test]
    fn sections() {
        let message = b"A: 1\r\nB: 2\r\n\r\nbody\r\n";
        let of =
            |text: &str| section(text).unwrap().of(message, || mime::parse(message)).map(Cow::into_owned);
        assert_eq!(of("BODY[]").unwrap(), message);
        assert_eq!(of("BODY[HEADER]").unwrap(), b"A: 1\r\nB: 2\r\n\r\n");
        assert_eq!(of("BODY.PEEK[HEADER.FIELDS (b)]").unwrap(), b"B: 2\r\n\r\n");
        assert_eq!(of("BODY[HEADER.FIELDS.NOT (\"b\")]").unwrap(), b"A: 1\r\n\r\n");
        assert_eq!(of("BODY[TEXT]<0.2>").unwrap(), b"body\r\n");
        assert_eq!(of("BODY[1]").unwrap(), b"body\r\n");
        assert_eq!(of("BODY[2]"), None);
        assert_eq!(of("BODY[1.TEXT]"), None);
        assert_eq!(section("BODY[header.fields (a b)]").unwrap().spelled(), "HEADER.FIELDS (a b)");
        for bad in ["BODY[", "BODY[1.]", "BODY[MIME]", "BODY[X]", "BODY[]<0.0>", "BODY[1TEXT]", "X-GM-MSGID"]
        {
            assert_eq!(section(bad), None, "{bad}");
        }
    }
}
