//! The addresses in a From, Sender, To or Cc header.

use postrider_core::Address;

/// What stands before a colon in an address literal is shorter, in bytes.
const LITERAL: usize = 1_000;

/// Reads a list of mailboxes (RFC 5322 §3.4); `None` unless it can be read in one way only.
///
/// What decides whether a message may go out must not be read otherwise by who shows it to people. So this
/// knows neither groups nor routes nor names with an unquoted `@` or angle bracket in them.
pub(crate) fn mailboxes(text: &str) -> Option<Vec<Address>> {
    let mut found = Vec::new();
    let mut one = Mailbox::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => comment(&mut chars)?,
            '"' => one.push(&quoted(&mut chars)?, true)?,
            '<' if one.angle.is_none() => {
                one.angle = Some(String::new());
                one.inside = true;
            }
            '>' if one.inside => one.inside = false,
            ',' if !one.inside => found.extend(std::mem::take(&mut one).address()?),
            '<' | '>' | ':' | ';' | '\\' => one.odd(c)?,
            c => one.push(c.encode_utf8(&mut [0; 4]), false)?,
        }
    }
    if one.inside {
        return None;
    }
    found.extend(one.address()?);
    Some(found)
}

#[derive(Default)]
struct Mailbox {
    // What stands outside angle brackets: an address, or a name if there are brackets.
    text: String,
    angle: Option<String>,
    inside: bool,
    // An @ in the text that no quotes protect.
    at: bool,
}

impl Mailbox {
    fn push(&mut self, part: &str, is_quoted: bool) -> Option<()> {
        match &mut self.angle {
            Some(angle) if self.inside => angle.push_str(part),
            Some(_) => return part.trim().is_empty().then_some(()),
            None => {
                self.text.push_str(part);
                self.at |= part == "@" && !is_quoted;
            }
        }
        Some(())
    }

    /// A character that only an address literal may hold: `[IPv6:2001:db8::1]`.
    fn odd(&mut self, c: char) -> Option<()> {
        let text = match &self.angle {
            Some(angle) if self.inside => angle,
            Some(_) => return None,
            None => &self.text,
        };
        // Looked at again for each colon, so no more than an address can have, and some blanks.
        let in_literal = c == ':'
            && text.len() < LITERAL
            && text.rsplit_once("@[").is_some_and(|(_, rest)| !rest.contains(']'));
        if in_literal { self.push(":", false) } else { None }
    }

    /// Its address; `Some(None)` if there is nothing at all, as after a comma at the end.
    fn address(self) -> Option<Option<Address>> {
        match self.angle {
            Some(_) if self.at => None,
            Some(angle) => Address::new(angle.trim()).ok().map(Some),
            None if self.text.trim().is_empty() => Some(None),
            None => Address::new(self.text.trim()).ok().map(Some),
        }
    }
}

fn comment(chars: &mut std::str::Chars<'_>) -> Option<()> {
    let mut depth = 1usize;
    while depth > 0 {
        match chars.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()?),
            _ => {}
        }
    }
    Some(())
}

/// The rest of a quoted string, with its quotes.
fn quoted(chars: &mut std::str::Chars<'_>) -> Option<String> {
    let mut out = String::from('"');
    loop {
        let c = chars.next()?;
        out.push(c);
        match c {
            '"' => return Some(out),
            '\\' => out.push(chars.next()?),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Vec<String>> {
        Some(mailboxes(text)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        for (text, want) in [
            ("me@example.org", &["me@example.org"][..]),
            (
                "Me <me@example.org>, \"You, there\" <you@example.org>,",
                &["me@example.org", "you@example.org"],
            ),
            (" =?utf-8?Q?J=C3=B6rg?= <j@example.org> (a (nested) comment)", &["j@example.org"]),
            ("me@example.org (Me, myself @ work)", &["me@example.org"]),
            ("\"evil@example.net\" <me@example.org>", &["me@example.org"]),
            ("\"two words\"@example.org", &["\"two words\"@example.org"]),
            ("<x@[IPv6:2001:db8::1]>", &["x@[IPv6:2001:db8::1]"]),
            ("Grüße <grüße@exämple.org>", &["grüße@exämple.org"]),
            ("", &[]),
        ] {
            assert_eq!(
                read(text).as_deref(),
                Some(&want.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for text in [
            "evil@example.net <me@example.org>",
            "<me@example.org> evil@example.net",
            "<me@example.org><evil@example.net>",
            "<<me@example.org>>",
            "<me@example.org",
            "me@example.org>",
            "me@example.org evil@example.net",
            "team: me@example.org, you@example.org;",
            "undisclosed-recipients:;",
            "<@relay.example:me@example.org>",
            "\"me@example.org",
            "(me@example.org",
            "me\\@example.org",
            "me@",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_header_as_long_as_one_may_be_is_read_in_no_time() {
        // Looked through anew for each colon these take minutes.
        let colons = ":".repeat(250_000);
        for text in
            [format!("x@[{colons}"), format!("<x@[{colons}]>"), format!("{colons}@["), ":,".repeat(100_000)]
        {
            assert_eq!(read(&text), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*|[a@<>\"\\\\(),:;\\[\\] ]*") {
            let _ = mailboxes(&text);
        }
    }
}
