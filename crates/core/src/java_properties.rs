//! The text format of Java's property files, read as `java.util.Properties.load` reads it.
//!
//! [`entries`] is exact but for one thing: Java's strings may hold half a character (a lone surrogate), ours
//! can't, so an escape that writes one is an error. A test runs Java beside it to prove the rest.

use crate::{Error, ErrorKind, Phase, Secret};
use std::borrow::Cow;
use std::fmt;

/// One `key=value` of a property file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JavaEntry {
    /// The key, escapes resolved. Java allows an empty one.
    pub key: String,
    /// The value as Java has it, escapes resolved, blanks at its end included.
    pub value: Secret,
    /// The number of the line that it begins in, from 1.
    pub line: usize,
    /// How many blanks stand at the value's end that nobody escaped. Java keeps them, and nobody ever meant them.
    pub trailing_blanks: usize,
}

impl JavaEntry {
    /// An entry that was written in another way, with a value that is meant as it stands.
    pub fn new(key: impl Into<String>, value: impl Into<Secret>, line: usize) -> Self {
        Self { key: key.into(), value: value.into(), line, trailing_blanks: 0 }
    }

    /// The value without the blanks at its end.
    pub fn trimmed(&self) -> &str {
        let value = self.value.expose();
        // A blank that is not escaped stands for itself and is one byte.
        value.get(..value.len().saturating_sub(self.trailing_blanks)).unwrap_or(value)
    }
}

/// What is wrong in the text of a property file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JavaSyntaxError {
    /// The number of the line that the key begins in, from 1.
    pub line: usize,
    /// What is wrong; the text itself is not quoted, since it may be a secret.
    pub message: &'static str,
}

impl JavaSyntaxError {
    /// A line that begins with its separator: Java has an empty key there, which means nothing here.
    pub(crate) fn without_key(line: usize) -> Self {
        Self { line, message: "there is no key before the =" }
    }

    /// The error that names the file and the line and says what to write.
    pub fn error(&self, name: &str) -> Error {
        let message = format!("{name}:{}: {}", self.line, self.message);
        let advice = if self.message.contains('\\') {
            "write \\\\ for a backslash, and \\u00e9 for a character by its number"
        } else {
            "write one key=value a line, for example mail.smtp.host=mail.example.org"
        };
        Error::new(ErrorKind::Configuration, Phase::Configure, message).with_advice(advice)
    }
}

impl fmt::Display for JavaSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for JavaSyntaxError {}

/// Which characters the bytes of a property file stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum JavaEncoding {
    /// UTF-8 if all of it is, else ISO 8859-1: the rule of Java 9 and later for resource bundles. (Where a file
    /// ends in the middle of a character Java gives up instead.)
    #[default]
    Detect,
    /// UTF-8 and nothing else, as `Properties.load(Reader)` is given it.
    Utf8,
    /// ISO 8859-1, as `Properties.load(InputStream)` reads it.
    Latin1,
}

/// The characters of a property file's bytes.
///
/// # Errors
/// With [`JavaEncoding::Utf8`], the line that is not UTF-8.
pub fn decode(bytes: &[u8], encoding: JavaEncoding) -> Result<Cow<'_, str>, JavaSyntaxError> {
    let latin1 = || bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    match (encoding, std::str::from_utf8(bytes)) {
        (JavaEncoding::Latin1, _) | (JavaEncoding::Detect, Err(_)) => Ok(latin1().into()),
        (_, Ok(text)) => Ok(text.into()),
        (JavaEncoding::Utf8, Err(error)) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = line_of(&String::from_utf8_lossy(before));
            Err(JavaSyntaxError { line, message: "it is not UTF-8" })
        }
    }
}

/// Every entry of the text in order; a key that is set twice is there twice.
///
/// # Errors
/// The first malformed `\uXXXX`, as Java gives up there.
pub fn entries(text: &str) -> Result<Vec<JavaEntry>, JavaSyntaxError> {
    let (entries, faults) = read(text);
    faults.into_iter().next().map_or(Ok(entries), Err)
}

/// As [`entries`], but goes on behind a malformed entry: every one that can be read, and what is wrong with the
/// others.
pub fn read(text: &str) -> (Vec<JavaEntry>, Vec<JavaSyntaxError>) {
    let mut lines = LogicalLines { chars: text.chars().peekable(), number: 1, pair: false };
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    while let Some((line, text)) = lines.next_line() {
        let (key, value) = split(&text);
        let trailing_blanks = trailing_blanks(value);
        match unescape(key).and_then(|key| Ok((key, Secret::new(unescape(value)?)))) {
            Ok((key, value)) => entries.push(JavaEntry { key, value, line, trailing_blanks }),
            Err(message) => faults.push(JavaSyntaxError { line, message }),
        }
    }
    (entries, faults)
}

fn line_of(before: &str) -> usize {
    let ends = before.bytes().zip(before.bytes().skip(1).chain([0]));
    1 + ends.filter(|&(byte, next)| byte == b'\n' || (byte == b'\r' && next != b'\n')).count()
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

struct LogicalLines<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    number: usize,
    // The last line end was CR and LF.
    pair: bool,
}

impl LogicalLines<'_> {
    /// The next line that holds an entry, continuations joined, with the number it begins at.
    fn next_line(&mut self) -> Option<(usize, String)> {
        let mut line = String::new();
        let mut begin = self.number;
        // Java decides by what it has collected so far: a line that begins with nothing but a continuation is
        // still a new one, so it may turn out to be a comment.
        let (mut skipping, mut continued, mut escaped) = (true, false, false);
        while let Some(c) = self.next_char() {
            if skipping {
                if is_blank(c) || (!continued && c == '\n') {
                    continue;
                }
                (skipping, continued) = (false, false);
            }
            if line.is_empty() && !escaped && matches!(c, '#' | '!') {
                while self.next_char().is_some_and(|c| c != '\n') {}
                skipping = true;
            } else if c != '\n' {
                if line.is_empty() {
                    begin = self.number;
                }
                line.push(c);
                escaped = c == '\\' && !escaped;
            } else if line.is_empty() {
                skipping = true;
            } else if !escaped {
                return Some((begin, line));
            } else if self.chars.peek().is_none() && !self.pair {
                // Java sees the text end here, and an entry although nothing may be left of it: `\` and LF are an
                // empty key. It does not see it between CR and LF.
                line.pop();
                return Some((begin, line));
            } else {
                line.pop();
                (skipping, continued, escaped) = (true, true, false);
            }
        }
        if line.is_empty() {
            return None;
        }
        if escaped {
            line.pop();
        }
        Some((begin, line))
    }

    /// The next character; every kind of line end is `\n`.
    fn next_char(&mut self) -> Option<char> {
        let mut c = self.chars.next()?;
        if c == '\r' {
            self.pair = self.chars.next_if_eq(&'\n').is_some();
            c = '\n';
        } else {
            self.pair = false;
        }
        self.number += usize::from(c == '\n');
        Some(c)
    }
}

/// Splits at the first `=`, `:` or blank that is not escaped; blanks around the separator belong to it.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|&(_, c)| {
        let hit = !escaped && (matches!(c, '=' | ':') || is_blank(c));
        escaped = c == '\\' && !escaped;
        hit
    });
    let (key, rest) = line.split_at(end.map_or(line.len(), |(at, _)| at));
    let rest = rest.trim_start_matches(is_blank);
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(is_blank))
}

fn trailing_blanks(value: &str) -> usize {
    let bare = value.trim_end_matches(is_blank);
    let blanks = value.len() - bare.len();
    let slashes = bare.bytes().rev().take_while(|byte| *byte == b'\\').count();
    blanks.saturating_sub(slashes % 2)
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { chars.next() } else { None };
        if escape == Some('u') {
            let hex: String = chars.by_ref().take(4).collect();
            let good = hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
            let unit = u16::from_str_radix(&hex, 16).ok().filter(|_| good);
            units.push(unit.ok_or("\\u must be followed by four hexadecimal digits")?);
            continue;
        }
        flush(&mut units, &mut out)?;
        match escape {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None if c == '\\' => {}
            None => out.push(c),
        }
    }
    flush(&mut units, &mut out)?;
    Ok(out)
}

/// `\uXXXX` writes UTF-16: two halves may make one character.
fn flush(units: &mut Vec<u16>, out: &mut String) -> Result<(), &'static str> {
    if !units.is_empty() {
        let text = String::from_utf16(units);
        out.push_str(&text.map_err(|_| "\\u writes half a character (a lone surrogate)")?);
        units.clear();
    }
    Ok(())
}

#[cfg(test)]
#[path = "java_properties_tests.rs"]
mod tests;
