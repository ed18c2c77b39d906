//! FETCH responses (RFC 9051 §7.5.2).

use super::lexer::{Lex, Lexer, Wrong};
use bytes::Bytes;
use postrider_core::Flags;

/// So many keywords of a message are told of, and none that is longer than [`MAX_KEYWORD`].
const MAX_KEYWORDS: usize = 100;
const MAX_KEYWORD: usize = 250;

/// What a FETCH response says of one message. Whatever nobody here needs is passed over, also X-GM-LABELS
/// and items that are yet to be invented.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fetch {
    pub(crate) uid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) flags: Option<Flags>,
    pub(crate) body: Option<BodyItem>,
    /// At which byte of the message `body` begins.
    pub(crate) origin: u64,
}

/// `BODY[]` where it is not streamed out of a literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyItem {
    /// NIL: there is no such message, or no text in it.
    Nil,
    /// A quoted string, or what is left of a literal that was streamed: nothing.
    Text(Bytes),
}

/// What follows `* 12 FETCH `.
pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Lex<Fetch> {
    let mut fetch = Fetch::default();
    lexer.list(|l| {
        let name = l.atom()?;
        l.blanks();
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        let (is_size, is_flags) = (is(b"RFC822.SIZE"), is(b"FLAGS"));
        match name {
            _ if is(b"UID") => fetch.uid = Some(l.nonzero()?),
            // Some say NIL where they don't know: the message is there all the same.
            _ if (is_size || is_flags)
                && !l.starts(b'(')
                && !l.rest().first().is_some_and(u8::is_ascii_digit) =>
            {
                if l.nstring()?.is_some() {
                    return Err(Wrong::Malformed);
                }
            }
            _ if is_size => fetch.size = Some(l.number()?),
            _ if is_flags => fetch.flags = Some(flags(l)?),
            name => match origin(name).filter(|_| fetch.body.is_none()) {
                Some(origin) => {
                    fetch.origin = origin;
                    fetch.body = Some(match l.nstring()? {
                        None => BodyItem::Nil,
                        Some(text) => BodyItem::Text(Bytes::copy_from_slice(&text)),
                    });
                }
                None => l.skip()?,
            },
        }
        Ok(())
    })?;
    Ok(fetch)
}

/// Where the piece of a message begins that a name is of: `BODY[]` and `BODY[]<0>` at its first byte.
pub(super) fn origin(name: &[u8]) -> Option<u64> {
    const WHOLE: &[u8] = b"BODY[]";
    let (word, rest) = name.split_at_checked(WHOLE.len())?;
    if !word.eq_ignore_ascii_case(WHOLE) {
        return None;
    }
    if rest.is_empty() {
        return Some(0);
    }
    let digits = rest.strip_prefix(b"<")?.strip_suffix(b">")?;
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

fn flags(lexer: &mut Lexer<'_>) -> Lex<Flags> {
    let mut flags = Flags::default();
    lexer.list(|l| {
        let word = l.flag()?;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        match () {
            () if is(b"\\Seen") => flags.seen = true,
            () if is(b"\\Answered") => flags.answered = true,
            () if is(b"\\Flagged") => flags.flagged = true,
            () if is(b"\\Deleted") => flags.deleted = true,
            () if is(b"\\Draft") => flags.draft = true,
            // Of this session only, and no longer in IMAP4rev2.
            () if is(b"\\Recent") || word.is_empty() => {}
            () if flags.keywords.len() < MAX_KEYWORDS && word.len() <= MAX_KEYWORD => {
                flags.keywords.push(String::from_utf8_lossy(&word).into_owned());
            }
            () => {}
        }
        Ok(())
    })?;
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Fetch> {
        parse(&mut Lexer::new(text.as_bytes())).ok()
    }

    #[test]
    fn items_come_in_any_order_and_case_among_others() {
        let fetch = read(
            "(x-gm-labels (\\Inbox \"a ) b\" {3}\r\n(((x) X-GM-MSGID 1278455344230334865 uid 7 \
             BODYSTRUCTURE ((\"text\" NIL) NIL) flags (\\SEEN \\deleted $Junk \\Recent) BODY[HEADER.FIELDS (TO)] NIL \
             EMAILID (M6d99ac3275bb4e) rfc822.size 4294967296 PREVIEW NIL)",
        )
        .unwrap();
        assert_eq!((fetch.uid, fetch.size, &fetch.body), (Some(7), Some(1 << 32), &None));
        let flags = fetch.flags.unwrap();
        assert!(flags.seen && flags.deleted && !flags.draft);
        assert_eq!(flags.keywords, ["$Junk"]);
        assert_eq!(read("()"), Some(Fetch::default()));
        let odd = read("(FLAGS (a[b \\Seen c]) RFC822.SIZE NIL UID 5)").unwrap();
        assert_eq!(
            (odd.uid, odd.size, odd.flags.unwrap().keywords),
            (Some(5), None, vec!["a[b".into(), "c]".into()])
        );
        assert_eq!(read("(UID 5 FLAGS NIL)").unwrap(), Fetch { uid: Some(5), ..Fetch::default() });
        assert_eq!(read("( UID 5 )").unwrap().uid, Some(5));
    }

    #[test]
    fn a_body_may_be_a_quoted_string_or_nil() {
        assert_eq!(read("(BODY[] NIL UID 1)").unwrap().body, Some(BodyItem::Nil));
        let text = read("(UID 1 body[] \"a\\\\b\")").unwrap();
        assert_eq!((text.body, text.origin), (Some(BodyItem::Text(Bytes::from_static(b"a\\b"))), 0));
        let piece = read("(UID 1 body[]<4294967296> \"\")").unwrap();
        assert_eq!((piece.body, piece.origin), (Some(BodyItem::Text(Bytes::new())), 1 << 32));
    }

    #[test]
    fn only_the_whole_message_and_its_pieces_have_an_origin() {
        for (name, at) in [("BODY[]", 0), ("body[]<0>", 0), ("Body[]<16384>", 16384)] {
            assert_eq!(origin(name.as_bytes()), Some(at), "{name}");
        }
        let huge = format!("BODY[]<{}>", "9".repeat(30));
        for name in [
            "BODY",
            "BODY[1]",
            "BODY[]<",
            "BODY[]<>",
            "BODY[]<-1>",
            "BODY[]<1.2>",
            "XBODY[]",
            "BODY[]x",
            &huge,
        ] {
            assert_eq!(origin(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_no_fetch() {
        for bad in [
            "",
            "(",
            "(UID)",
            "(UID 0)",
            "(UID 4294967296)",
            "(UID 1",
            "(FLAGS \\Seen)",
            "(BODY[] x)",
            "UID 1",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn keywords_are_bounded() {
        let many: String = (0..5000).map(|n| format!("k{n} ")).collect();
        let fetch = read(&format!("(FLAGS ({many} {} \\Seen))", "x".repeat(9000))).unwrap();
        let flags = fetch.flags.unwrap();
        assert!(flags.seen && flags.keywords.len() == MAX_KEYWORDS);
    }
}
