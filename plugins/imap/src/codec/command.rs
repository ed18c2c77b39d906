//! Commands as bytes: the one place where a caller's text becomes part of what is sent.

use super::utf7;
use postrider_core::{Error, ErrorKind, Flags, Phase, Result};

/// Longest string that travels in quotes.
const MAX_QUOTED: usize = 1_000;
/// Longest literal that may be sent without asking under LITERAL- (RFC 7888 §5).
const MAX_MINUS: usize = 4_096;

/// How strings may be written to this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// LITERAL+ (RFC 7888).
    pub(crate) literal_plus: bool,
    /// LITERAL-, also as a part of IMAP4rev2.
    pub(crate) literal_minus: bool,
    /// UTF8=ACCEPT or IMAP4rev2 is enabled: strings and mailbox names are UTF-8.
    pub(crate) utf8: bool,
}

impl Syntax {
    /// True if a literal of this size may be sent without waiting for the server's consent.
    pub(crate) fn sends_at_once(self, size: usize) -> bool {
        self.literal_plus || (self.literal_minus && size <= MAX_MINUS)
    }
}

/// A part of a command that is sent in one go. Has no Debug: it may hold a password.
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    /// What the transcript shows instead, where a secret is in it.
    pub(crate) shown: Option<String>,
}

/// A command without its tag. Between two pieces the server has to consent.
pub(crate) struct Command {
    done: Vec<Piece>,
    bytes: Vec<u8>,
    shown: String,
    secret: bool,
    syntax: Syntax,
}

impl Command {
    /// A command of these words of ours.
    pub(crate) fn new(words: &str, syntax: Syntax) -> Self {
        let (bytes, shown) = (words.as_bytes().to_vec(), words.to_owned());
        Self { done: Vec::new(), bytes, shown, secret: false, syntax }
    }

    /// Adds words of ours, a blank before them.
    pub(crate) fn words(mut self, words: &str) -> Self {
        for text in [" ", words] {
            self.bytes.extend_from_slice(text.as_bytes());
            self.shown.push_str(text);
        }
        self
    }

    /// Adds the name of a mailbox.
    pub(crate) fn mailbox(self, name: &str) -> Self {
        if self.syntax.utf8 { self.string(name) } else { self.string(&utf7::encode(name)) }
    }

    /// Adds any text: in quotes if it may stand there, otherwise as a literal.
    pub(crate) fn string(self, text: &str) -> Self {
        let shown = text.to_owned();
        self.add_string(text, &shown)
    }

    /// Adds a text that the transcript must not show.
    pub(crate) fn secret(mut self, text: &str) -> Self {
        self.secret = true;
        self.add_string(text, "***")
    }

    /// Adds a word that the transcript must not show.
    pub(crate) fn secret_word(mut self, word: &str) -> Self {
        self.secret = true;
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(word.as_bytes());
        self.shown.push_str(" ***");
        self
    }

    /// Adds the announcement of a literal whose bytes are sent by other means. They follow at once if
    /// [`Syntax::sends_at_once`], else after the server's consent.
    pub(crate) fn announce(mut self, size: u64, at_once: bool) -> Self {
        let header = format!(" {{{size}{}}}", if at_once { "+" } else { "" });
        self.bytes.extend_from_slice(header.as_bytes());
        self.shown.push_str(&header);
        self
    }

    /// The pieces, the last with the line end.
    pub(crate) fn pieces(mut self) -> Vec<Piece> {
        self.bytes.extend_from_slice(b"\r\n");
        self.cut();
        self.done
    }

    fn add_string(mut self, text: &str, shown: &str) -> Self {
        let plain = |b: u8| matches!(b, b' '..=b'~') || (self.syntax.utf8 && b >= 0x80);
        if text.len() <= MAX_QUOTED && text.bytes().all(plain) {
            let quoted = |text: &str| format!(" \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            self.bytes.extend_from_slice(quoted(text).as_bytes());
            self.shown.push_str(&quoted(shown));
            return self;
        }
        let at_once = self.syntax.sends_at_once(text.len());
        self = self.announce(text.len() as u64, at_once);
        self.bytes.extend_from_slice(b"\r\n");
        if !at_once {
            self.cut();
        }
        self.bytes.extend_from_slice(text.as_bytes());
        self.shown.push_str(shown);
        self
    }

    fn cut(&mut self) {
        let shown = self.secret.then(|| std::mem::take(&mut self.shown));
        self.shown.clear();
        self.done.push(Piece { bytes: std::mem::take(&mut self.bytes), shown });
    }
}

/// True if a text can't stand in any string of IMAP (RFC 9051 §9 `CHAR8` leaves out NUL), or would be a line of
/// its own.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Flags as APPEND takes them.
///
/// # Errors
/// `InvalidInput` for a keyword that is no atom (RFC 9051 §9 `flag-keyword`).
pub(crate) fn flag_list(flags: &Flags) -> Result<String> {
    let mut words: Vec<&str> = [
        (flags.seen, "\\Seen"),
        (flags.answered, "\\Answered"),
        (flags.flagged, "\\Flagged"),
        (flags.deleted, "\\Deleted"),
        (flags.draft, "\\Draft"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    for keyword in &flags.keywords {
        let atom = |b: u8| matches!(b, b'!'..=b'~') && !b"(){%*\"\\]".contains(&b);
        if keyword.is_empty() || keyword.len() > 250 || !keyword.bytes().all(atom) {
            let shown: String = keyword.chars().take(100).collect();
            let what = format!("\"{}\" can't be a keyword", shown.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, Phase::Append, what).with_advice(
                "a keyword is a word of ASCII without blanks, quotes, brackets and backslashes",
            ));
        }
        words.push(keyword);
    }
    Ok(format!("({})", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUS: Syntax = Syntax { literal_plus: true, literal_minus: false, utf8: false };
    const MINUS: Syntax = Syntax { literal_plus: false, literal_minus: true, utf8: false };
    const UTF8: Syntax = Syntax { literal_plus: false, literal_minus: false, utf8: true };

    fn pieces(command: Command) -> Vec<String> {
        command.pieces().into_iter().map(|p| String::from_utf8(p.bytes).unwrap()).collect()
    }

    #[test]
    fn strings_are_quoted_where_they_may_be_and_literals_elsewhere() {
        let login = |syntax| pieces(Command::new("LOGIN", syntax).string("a\"b\\").string("pässword"));
        assert_eq!(login(Syntax::default()), ["LOGIN \"a\\\"b\\\\\" {9}\r\n", "pässword\r\n"]);
        assert_eq!(login(PLUS), ["LOGIN \"a\\\"b\\\\\" {9+}\r\npässword\r\n"]);
        assert_eq!(login(MINUS), login(PLUS));
        assert_eq!(login(UTF8), ["LOGIN \"a\\\"b\\\\\" \"pässword\"\r\n"]);
        let long = pieces(Command::new("X", MINUS).string(&"y".repeat(4097)));
        assert_eq!(long[0], "X {4097}\r\n");
        assert_eq!(pieces(Command::new("X", PLUS).string(&"y".repeat(4097))).len(), 1);
    }

    #[test]
    fn names_of_mailboxes_are_modified_utf7_until_utf8_is_enabled() {
        assert_eq!(pieces(Command::new("SELECT", PLUS).mailbox("Entwürfe")), ["SELECT \"Entw&APw-rfe\"\r\n"]);
        assert_eq!(pieces(Command::new("SELECT", UTF8).mailbox("Entwürfe")), ["SELECT \"Entwürfe\"\r\n"]);
    }

    #[test]
    fn a_line_end_in_a_text_stays_inside_its_literal() {
        let all = pieces(Command::new("SELECT", UTF8).string("x\r\na LOGOUT"));
        assert_eq!(all, ["SELECT {11}\r\n", "x\r\na LOGOUT\r\n"]);
        assert!(
            has_control("a\nb") && has_control("\0") && has_control("\u{85}") && !has_control("Entwürfe")
        );
    }

    #[test]
    fn the_transcript_shows_no_secret() {
        for syntax in [Syntax::default(), PLUS, UTF8] {
            for secret in ["hunter2", "hünter2", "hun\"ter"] {
                let command = Command::new("LOGIN", syntax).string("me").secret(secret);
                for piece in command.pieces() {
                    assert!(!piece.shown.unwrap_or_default().contains(secret));
                }
            }
        }
        let shown = Command::new("AUTHENTICATE PLAIN", PLUS).secret_word("AGE").pieces().remove(0).shown;
        assert_eq!(shown.as_deref(), Some("AUTHENTICATE PLAIN ***"));
    }

    #[test]
    fn only_atoms_are_keywords() {
        let mut flags = Flags::default();
        flags.seen = true;
        flags.keywords.push("$Junk".into());
        assert_eq!(flag_list(&flags).unwrap(), "(\\Seen $Junk)");
        for bad in ["", "a b", "a)", "\\x", "a\r\n", "ü", "a\"", "{3}"] {
            let mut flags = Flags::default();
            flags.keywords.push(bad.into());
            assert_eq!(flag_list(&flags).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
