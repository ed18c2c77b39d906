//! Responses (RFC 9051 §7): read where anything follows from them, passed over where not.

use super::fetch::{self, Fetch};
use super::lexer::{Lex, Lexer, Wrong};
use super::status::{Status, StatusKind, words};
use super::{Fault, UidSet};

/// Most items of one response that are kept where it has a list of them.
const MAX_ITEMS: usize = 1_000;

/// What the server says.
#[derive(Debug, PartialEq)]
pub(crate) enum Response {
    Tagged {
        tag: String,
        status: Status,
    },
    Status(Status),
    Continue(String),
    Capability(Vec<String>),
    Enabled(Vec<String>),
    List(Listed),
    /// Personal, other users', shared.
    Namespace([Vec<NamespaceItem>; 3]),
    Search(UidSet),
    Esearch(Esearch),
    Exists(u32),
    Expunge,
    Fetch(Fetch),
    /// Unknown, of no use here, or malformed: passed over.
    Unparsed,
}

/// A LIST response (RFC 9051 §7.3.1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) attributes: Vec<String>,
    pub(crate) delimiter: Option<char>,
    /// The name as it travelled.
    pub(crate) name: Vec<u8>,
}

/// A namespace (RFC 9051 §7.3.4).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamespaceItem {
    pub(crate) prefix: Vec<u8>,
    pub(crate) delimiter: Option<char>,
}

/// An ESEARCH response (RFC 9051 §7.3.4, RFC 4731).
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Esearch {
    pub(crate) all: UidSet,
    pub(crate) count: Option<u64>,
}

/// Reads a response that the framer has cut.
///
/// # Errors
/// Only if a limit is passed; a response that makes no sense is [`Response::Unparsed`].
pub(crate) fn parse(text: &[u8]) -> Result<Response, Fault> {
    match read(text) {
        Ok(response) => Ok(response),
        Err(Wrong::Malformed) => Ok(Response::Unparsed),
        Err(Wrong::Fault(fault)) => Err(fault),
    }
}

fn read(text: &[u8]) -> Lex<Response> {
    if let Some(rest) = text.strip_prefix(b"+") {
        return Ok(Response::Continue(String::from_utf8_lossy(rest.trim_ascii_start()).into_owned()));
    }
    let mut lexer = Lexer::new(text);
    if let Some(data) = text.strip_prefix(b"* ") {
        return untagged(&mut Lexer::new(data));
    }
    let tag = String::from_utf8_lossy(lexer.atom()?).into_owned();
    lexer.blanks();
    let kind = StatusKind::parse(lexer.atom()?).ok_or(Wrong::Malformed)?;
    Ok(Response::Tagged { tag, status: Status::parse(kind, lexer.rest()) })
}

fn untagged(l: &mut Lexer<'_>) -> Lex<Response> {
    l.blanks();
    if l.rest().first().is_some_and(u8::is_ascii_digit) {
        let number = l.number()?;
        l.blanks();
        let word = l.atom()?;
        l.blanks();
        return Ok(match word {
            _ if word.eq_ignore_ascii_case(b"FETCH") => Response::Fetch(fetch::parse(l)?),
            _ if word.eq_ignore_ascii_case(b"EXPUNGE") => Response::Expunge,
            _ if word.eq_ignore_ascii_case(b"EXISTS") => {
                Response::Exists(u32::try_from(number).map_err(|_| Wrong::Malformed)?)
            }
            _ => Response::Unparsed,
        });
    }
    let word = l.atom()?.to_ascii_uppercase();
    if let Some(kind) = StatusKind::parse(&word) {
        return Ok(Response::Status(Status::parse(kind, l.rest())));
    }
    l.blanks();
    match word.as_slice() {
        b"CAPABILITY" => Ok(Response::Capability(words(l.rest()))),
        b"ENABLED" => Ok(Response::Enabled(words(l.rest()))),
        b"LIST" => listed(l),
        b"NAMESPACE" => {
            let personal = namespace(l)?;
            let others = namespace(l)?;
            Ok(Response::Namespace([personal, others, namespace(l)?]))
        }
        b"SEARCH" => search(l),
        b"ESEARCH" => esearch(l),
        _ => Ok(Response::Unparsed),
    }
}

fn delimiter(l: &mut Lexer<'_>) -> Lex<Option<char>> {
    let Some(text) = l.nstring()? else { return Ok(None) };
    let mut chars = std::str::from_utf8(&text).map_err(|_| Wrong::Malformed)?.chars();
    match (chars.next(), chars.next()) {
        (one, None) => Ok(one),
        _ => Err(Wrong::Malformed),
    }
}

fn listed(l: &mut Lexer<'_>) -> Lex<Response> {
    let mut attributes = Vec::new();
    l.list(|l| {
        let word = l.astring()?;
        if attributes.len() < MAX_ITEMS && word.len() <= 200 {
            attributes.push(String::from_utf8_lossy(&word).into_owned());
        }
        Ok(())
    })?;
    l.blanks();
    let delimiter = delimiter(l)?;
    l.blanks();
    let name = l.astring()?.into_owned();
    Ok(Response::List(Listed { attributes, delimiter, name }))
}

fn namespace(l: &mut Lexer<'_>) -> Lex<Vec<NamespaceItem>> {
    l.blanks();
    let mut items = Vec::new();
    if !l.starts(b'(') {
        return if l.nstring()?.is_none() { Ok(items) } else { Err(Wrong::Malformed) };
    }
    l.list(|l| {
        l.expect(b'(')?;
        let prefix = l.astring()?.into_owned();
        l.blanks();
        let delimiter = delimiter(l)?;
        if items.len() < MAX_ITEMS {
            items.push(NamespaceItem { prefix, delimiter });
        }
        loop {
            l.blanks();
            if l.eat(b')') {
                return Ok(());
            }
            l.skip()?;
        }
    })?;
    Ok(items)
}

fn search(l: &mut Lexer<'_>) -> Lex<Response> {
    let mut found = Vec::new();
    // `(MODSEQ n)` may follow (RFC 7162 §3.1.5).
    while !l.is_end() && !l.starts(b'(') {
        let uid = l.nonzero()?;
        found.push((uid, uid));
        l.blanks();
    }
    Ok(Response::Search(UidSet::of(found)))
}

fn esearch(l: &mut Lexer<'_>) -> Lex<Response> {
    let mut result = Esearch::default();
    if l.starts(b'(') {
        l.skip()?;
    }
    loop {
        l.blanks();
        if l.is_end() {
            return Ok(Response::Esearch(result));
        }
        let name = l.atom()?.to_ascii_uppercase();
        l.blanks();
        match name.as_slice() {
            b"UID" => {}
            b"COUNT" => result.count = Some(l.number()?),
            b"ALL" => result.all = UidSet::parse(l.atom()?).ok_or(Wrong::Malformed)?,
            _ => l.skip()?,
        }
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
