//! The words of a response: atoms, strings, numbers and lists (RFC 9051 §9), read leniently.

use super::Fault;
use std::borrow::Cow;

/// Deepest nesting of lists in a response.
const MAX_DEPTH: usize = 64;

/// Why a response can't be read.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It does not follow the grammar: it is passed over.
    Malformed,
    /// It passes a limit: the connection is of no use any more.
    Fault(Fault),
}

pub(crate) type Lex<T> = Result<T, Wrong>;

/// Reads a whole response from the front. Its literals are in place: `{3}`, CRLF and three bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn starts(&self, byte: u8) -> bool {
        self.rest.first() == Some(&byte)
    }

    /// Takes this byte if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Lex<()> {
        if self.eat(byte) { Ok(()) } else { Err(Wrong::Malformed) }
    }

    /// Passes over blanks; real servers write more or fewer than the one that is due.
    pub(crate) fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// An atom of any bytes but blanks, parentheses, quotes and control characters. What stands between
    /// brackets belongs to it: `BODY[HEADER.FIELDS (TO)]<0>`.
    pub(crate) fn atom(&mut self) -> Lex<&'a [u8]> {
        let mut inside = false;
        let end = self.rest.iter().position(|b| {
            match b {
                b'[' => inside = true,
                b']' => inside = false,
                _ => {}
            }
            b.is_ascii_control() || (!inside && matches!(b, b' ' | b'(' | b')' | b'"'))
        });
        let (atom, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if atom.is_empty() {
            return Err(Wrong::Malformed);
        }
        self.rest = rest;
        Ok(atom)
    }

    /// A flag or keyword. Brackets mean nothing in it, and may stand there alone.
    pub(crate) fn flag(&mut self) -> Lex<Cow<'a, [u8]>> {
        if matches!(self.rest.first(), Some(b'"' | b'{' | b'~')) {
            return self.astring();
        }
        let ends = |b: &u8| b.is_ascii_control() || matches!(b, b' ' | b'(' | b')' | b'"');
        let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err(Wrong::Malformed) } else { Ok(Cow::Borrowed(word)) }
    }

    /// A number in digits.
    pub(crate) fn number(&mut self) -> Lex<u64> {
        let end = self.rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let number = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok());
        self.rest = rest;
        number.ok_or(Wrong::Malformed)
    }

    /// A number from 1 to 4294967295: UIDs, UIDVALIDITY.
    pub(crate) fn nonzero(&mut self) -> Lex<u32> {
        u32::try_from(self.number()?).ok().filter(|n| *n > 0).ok_or(Wrong::Malformed)
    }

    /// A quoted string, a literal, or NIL which is `None`.
    pub(crate) fn nstring(&mut self) -> Lex<Option<Cow<'a, [u8]>>> {
        match self.rest.first() {
            Some(b'"') => self.quoted().map(Some),
            Some(b'{' | b'~') => self.literal().map(|l| Some(Cow::Borrowed(l))),
            _ if self.atom()?.eq_ignore_ascii_case(b"NIL") => Ok(None),
            _ => Err(Wrong::Malformed),
        }
    }

    /// A quoted string, a literal or an atom.
    pub(crate) fn astring(&mut self) -> Lex<Cow<'a, [u8]>> {
        match self.rest.first() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') => self.literal().map(Cow::Borrowed),
            _ => self.atom().map(Cow::Borrowed),
        }
    }

    /// The items of a list in parentheses, each read by `item`.
    pub(crate) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Lex<()>) -> Lex<()> {
        self.expect(b'(')?;
        loop {
            self.blanks();
            if self.eat(b')') {
                return Ok(());
            }
            item(self)?;
        }
    }

    /// Passes over one value of any kind.
    pub(crate) fn skip(&mut self) -> Lex<()> {
        let mut depth = 0usize;
        loop {
            self.blanks();
            match self.rest.first() {
                None => return Err(Wrong::Malformed),
                Some(b'(') => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        let what = format!("the server nests lists deeper than {MAX_DEPTH}");
                        return Err(Wrong::Fault(Fault::limit(what)));
                    }
                    self.expect(b'(')?;
                }
                Some(b')') => {
                    depth = depth.checked_sub(1).ok_or(Wrong::Malformed)?;
                    self.expect(b')')?;
                }
                Some(_) => drop(self.astring()?),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn quoted(&mut self) -> Lex<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let end = memchr::memchr2(b'"', b'\\', self.rest).ok_or(Wrong::Malformed)?;
        let (plain, rest) = self.rest.split_at(end);
        if rest.first() == Some(&b'"') {
            self.rest = rest.get(1..).unwrap_or_default();
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        let mut rest = rest.iter();
        loop {
            match rest.next().ok_or(Wrong::Malformed)? {
                b'"' => break,
                b'\\' => text.push(*rest.next().ok_or(Wrong::Malformed)?),
                byte => text.push(*byte),
            }
        }
        self.rest = rest.as_slice();
        Ok(Cow::Owned(text))
    }

    fn literal(&mut self) -> Lex<&'a [u8]> {
        self.eat(b'~');
        self.expect(b'{')?;
        let size = usize::try_from(self.number()?).map_err(|_| Wrong::Malformed)?;
        self.expect(b'}')?;
        self.eat(b'\r');
        self.expect(b'\n')?;
        let (literal, rest) = self.rest.split_at_checked(size).ok_or(Wrong::Malformed)?;
        self.rest = rest;
        Ok(literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_string_is_read() {
        let mut lexer = Lexer::new(b"\"a\\\"b\" {3}\r\nx\") ~{2}\n\0z plain NIL \"\"");
        let mut all = Vec::new();
        while !lexer.is_end() {
            all.push(lexer.astring().unwrap().into_owned());
            lexer.blanks();
        }
        assert_eq!(all, [&b"a\"b"[..], b"x\")", b"\0z", b"plain", b"NIL", b""]);
        assert_eq!(Lexer::new(b"nil").nstring().unwrap(), None);
        for bad in ["\"a", "\"a\\", "{9}\r\nabc", "{99999999999999999999}\r\n", "{1", "(", "", "~{-1}\r\n"] {
            assert!(Lexer::new(bad.as_bytes()).astring().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_passed_over_up_to_64_lists_deep() {
        let nested = |n: usize| format!("{}x{} rest", "(".repeat(n), ")".repeat(n));
        let text = nested(64);
        let mut lexer = Lexer::new(text.as_bytes());
        lexer.skip().unwrap();
        assert_eq!(lexer.rest(), b" rest");
        assert!(matches!(Lexer::new(nested(65).as_bytes()).skip(), Err(Wrong::Fault(_))));
        assert!(matches!(Lexer::new(b")").skip(), Err(Wrong::Malformed)));
        assert!(matches!(Lexer::new(b"((a)").skip(), Err(Wrong::Malformed)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in "[a(){}\"\\\\\\[\\] \\r\\n0-9~]*") {
            let _ = Lexer::new(bytes.as_bytes()).skip();
            let _ = Lexer::new(bytes.as_bytes()).nstring();
        }
    }
}
