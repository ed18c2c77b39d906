//! What goes to stdout: lines and tables for people, JSON for machines.

use crate::exit::Failure;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

/// Blanks between columns.
const GAP: usize = 2;
/// A last column narrower than this would be no help.
const NARROWEST: usize = 20;

/// Stdout, locked for the whole command.
pub(crate) struct Output {
    out: io::StdoutLock<'static>,
    json: bool,
    gone: bool,
}

impl Output {
    /// Takes stdout.
    pub(crate) fn new(json: bool) -> Self {
        Self { out: io::stdout().lock(), json, gone: false }
    }

    /// True if a machine is listening.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// True if nobody reads on (`postrider … | head`). What is written then is dropped: whoever closed the
    /// pipe wants no more of it, and no complaint.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// One line. Whatever may hold a stranger's words goes through [`clean`] first.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        self.write(|out| writeln!(out, "{text}"))
    }

    /// One JSON value on a line of its own.
    pub(crate) fn value(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.write(|out| {
            serde_json::to_writer(&mut *out, value)?;
            writeln!(out)
        })
    }

    /// A table under its headings, as wide as the terminal at most.
    pub(crate) fn table(&mut self, headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        for line in table(headings, rows, terminal_width()).lines() {
            self.line(line)?;
        }
        Ok(())
    }

    /// Bytes as they are. Here a closed pipe is an error: the bytes did not arrive.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(|e| Failure::unwritable("stdout", &e))
    }

    /// Makes sure that it is all written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|e| Failure::unwritable("stdout", &e))
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.gone {
            return Ok(());
        }
        match write(&mut self.out).and_then(|()| self.out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            outcome => outcome.map_err(|e| Failure::unwritable("stdout", &e)),
        }
    }
}

/// Says something to the person at the terminal, on stderr. Nothing to be done if that fails.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A stranger's text made fit for a terminal: no control characters, nothing that reverses the line.
pub(crate) fn clean(text: &str) -> String {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if bad(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A size as people say it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..10_000 => format!("{bytes} bytes"),
        _ => indicatif::BinaryBytes(bytes).to_string(),
    }
}

/// `1 message`, `2 messages`.
pub(crate) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Lays out a table; no line has blanks at its end. The last column wraps where it would pass the width.
pub(crate) fn table(headings: &[&str], mut rows: Vec<Vec<String>>, width: Option<usize>) -> String {
    if let Some(width) = width {
        let last = headings.len().saturating_sub(1);
        let longest = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain(headings.get(column).map(|h| h.len())).max().unwrap_or(0)
        };
        let others: usize = (0..last).map(|column| longest(column) + GAP).sum();
        let room = width.saturating_sub(others).max(NARROWEST);
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(last)) {
            *cell = wrapped(cell, room);
        }
    }
    let mut builder = Builder::new();
    builder.push_record(headings.iter().copied());
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, GAP, 0, 0));
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Breaks a text at blanks. A word that is longer than a line stays whole.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// The columns of the terminal on stdout; `None` if it is a file or a pipe, where lines stay whole.
fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns).max(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_long_cells_wrap_at_words() {
        let rows =
            vec![vec!["a".into(), "one two three four five six".into()], vec!["bbbb".into(), "x".into()]];
        let text = table(&["KEY", "WHAT"], rows.clone(), None);
        assert_eq!(text, "KEY   WHAT\na     one two three four five six\nbbbb  x");
        let narrow = table(&["KEY", "WHAT"], rows, Some(26));
        assert_eq!(narrow, "KEY   WHAT\na     one two three four\n      five six\nbbbb  x");
    }

    #[test]
    fn a_strangers_words_can_not_steer_the_terminal() {
        assert_eq!(clean("a\x1b[2J\r\nb\u{202e}c é"), "a\\u{1b}[2J\\r\\nb\\u{202e}c é");
    }
}
