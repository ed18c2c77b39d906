//! Reading the arguments of one command, whose literals stand in the text with their `{n}` and CRLF.

use super::set::Set;
use super::{Refusal, utf7};

/// What is left of a command.
#[derive(Debug, Clone)]
pub(super) struct Args<'a> {
    rest: &'a [u8],
    /// Mailbox names are UTF-8 rather than modified UTF-7.
    utf8: bool,
}

type Result<T> = std::result::Result<T, Refusal>;

impl<'a> Args<'a> {
    pub(super) fn new(rest: &'a [u8], utf8: bool) -> Self {
        Self { rest, utf8 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        if eaten {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        eaten
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) { Ok(()) } else { Err(bad(&format!("{:?} expected", char::from(byte)))) }
    }

    pub(super) fn space(&mut self) -> Result<()> {
        self.expect(b' ')
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(bad("too many arguments")) }
    }

    /// The bytes from here as long as they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let n = self.rest.iter().position(|&b| !fits(b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    pub(super) fn atom(&mut self) -> Result<&'a str> {
        let atom = self.take_while(|b| is_atom(b) && b != b']');
        if atom.is_empty() {
            return Err(bad("an atom expected"));
        }
        std::str::from_utf8(atom).map_err(|_| bad("an atom is ASCII"))
    }

    /// An atom in upper case: a keyword of the grammar.
    pub(super) fn word(&mut self) -> Result<String> {
        self.atom().map(str::to_ascii_uppercase)
    }

    pub(super) fn number(&mut self) -> Result<u32> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| bad("a number expected"))
    }

    pub(super) fn set(&mut self) -> Result<Set> {
        let text = self.take_while(|b| b.is_ascii_digit() || b",:*$".contains(&b));
        std::str::from_utf8(text).ok().and_then(Set::parse).ok_or_else(|| bad("a sequence set expected"))
    }

    /// A quoted string or a literal.
    pub(super) fn string(&mut self) -> Result<Vec<u8>> {
        if self.eat(b'"') { self.quoted() } else { self.literal().map(<[u8]>::to_vec) }
    }

    pub(super) fn astring(&mut self) -> Result<Vec<u8>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        let atom = self.take_while(is_atom);
        if atom.is_empty() { Err(bad("a string expected")) } else { Ok(atom.to_vec()) }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        String::from_utf8(self.astring()?).map_err(|_| bad("a string is UTF-8"))
    }

    pub(super) fn mailbox(&mut self) -> Result<String> {
        let name = self.astring()?;
        self.decode(name)
    }

    /// A mailbox name with wildcards.
    pub(super) fn pattern(&mut self) -> Result<String> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.mailbox();
        }
        let pattern = self.take_while(|b| is_atom(b) || b == b'*' || b == b'%');
        if pattern.is_empty() { Err(bad("a pattern expected")) } else { self.decode(pattern.to_vec()) }
    }

    /// A literal, or a literal8 with its `~`.
    pub(super) fn literal(&mut self) -> Result<&'a [u8]> {
        self.eat(b'~');
        self.expect(b'{')?;
        let size = usize::try_from(self.number()?).map_err(|_| bad("a literal too long"))?;
        self.eat(b'+');
        for byte in *b"}\r\n" {
            self.expect(byte)?;
        }
        let (literal, rest) = self.rest.split_at_checked(size).ok_or_else(|| bad("a literal cut short"))?;
        self.rest = rest;
        Ok(literal)
    }

    /// `(a b c)`, each read by `item`.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        while !self.eat(b')') {
            if !items.is_empty() {
                self.space()?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A flag that a client may set: one of the five, or a keyword.
    pub(super) fn flag(&mut self) -> Result<String> {
        const SYSTEM: [&str; 5] = ["Answered", "Deleted", "Draft", "Flagged", "Seen"];
        if !self.eat(b'\\') {
            let keyword = self.atom()?;
            return if keyword.len() <= 100 {
                Ok(keyword.to_owned())
            } else {
                Err(bad("a keyword too long"))
            };
        }
        let name = self.atom()?;
        let known = SYSTEM.iter().find(|known| known.eq_ignore_ascii_case(name));
        known.map(|known| format!("\\{known}")).ok_or_else(|| bad("no such flag"))
    }

    fn quoted(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(self.take_while(|b| !b"\"\\\r\n".contains(&b)));
            if self.eat(b'"') {
                return Ok(text);
            }
            self.expect(b'\\')?;
            match self.peek() {
                Some(byte @ (b'"' | b'\\')) => {
                    self.eat(byte);
                    text.push(byte);
                }
                _ => return Err(bad("an escape of nothing")),
            }
        }
    }

    fn decode(&self, name: Vec<u8>) -> Result<String> {
        let name = if self.utf8 { String::from_utf8(name).ok() } else { utf7::decode(&name) };
        name.ok_or_else(|| bad("a mailbox name in the wrong encoding"))
    }
}

pub(super) fn bad(text: &str) -> Refusal {
    Refusal::Bad(text.to_owned())
}

/// What an astring may be made of; an atom has no `]` besides.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_and_lists() {
        let mut args = Args::new(b"a \"b\\\"c\" {3}\r\nd\r\n (x y) {2+}\r\nee ()", false);
        assert_eq!(args.astring().unwrap(), b"a");
        args.space().unwrap();
        assert_eq!(args.astring().unwrap(), b"b\"c");
        args.space().unwrap();
        assert_eq!(args.astring().unwrap(), b"d\r\n");
        args.space().unwrap();
        assert_eq!(args.list(|a| a.word()).unwrap(), ["X", "Y"]);
        args.space().unwrap();
        assert_eq!(args.astring().unwrap(), b"ee");
        args.space().unwrap();
        assert_eq!(args.list(|a| a.word()).unwrap(), Vec::<String>::new());
        args.end().unwrap();
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"(){}\"\\1+\r\n *:,$".to_vec())], 0..60)) {
            for utf8 in [false, true] {
                let args = || Args::new(&bytes, utf8);
                let _ = (args().astring(), args().mailbox(), args().pattern(), args().set(), args().flag(), args().number());
                let _ = args().list(|a| a.list(|b| b.string()));
            }
        }
    }
}
