//! Replies that a server says again and again. Pure.

use super::SmtpReply;

/// Longest line that is remembered, in bytes.
const LONGEST: usize = 200;

/// Some lines that came lately, with what they mean if they have come twice: to each command a server nearly always
/// has the same words, and those need not be taken apart anew. A line that comes once, as one with a queue id, costs
/// little, and pushes out none that has come twice while there is another one.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: [Known; 8],
    /// The place of the one that was found last: the next one mostly stands behind it.
    found: usize,
    /// The place of the last one that was new: where the next one looks for its own begins behind it.
    turn: usize,
}

#[derive(Debug, Default)]
struct Known {
    line: Vec<u8>,
    reply: Option<SmtpReply>,
}

impl Recent {
    /// The reply that this input begins with, if it is known, and how long its line is.
    pub(super) fn find(&mut self, input: &[u8]) -> Option<(SmtpReply, usize)> {
        let begins = |known: &Known| known.reply.is_some() && input.starts_with(&known.line);
        let (before, behind) = self.known.split_at_checked(self.found + 1)?;
        let at = match behind.iter().position(begins) {
            Some(at) => self.found + 1 + at,
            None => before.iter().position(begins)?,
        };
        self.found = at;
        let known = self.known.get(at)?;
        Some((known.reply.clone()?, known.line.len()))
    }

    /// Remembers that this line, with its line end, is this reply.
    pub(super) fn keep(&mut self, line: &[u8], reply: &SmtpReply) {
        if line.len() > LONGEST {
            return;
        }
        if let Some(known) = self.known.iter_mut().find(|known| known.line == line) {
            known.reply = Some(reply.clone());
            return;
        }
        let places = self.known.len();
        let mut others = (1..=places).map(|n| (self.turn + n) % places);
        let free = others.find(|at| self.known.get(*at).is_some_and(|known| known.reply.is_none()));
        self.turn = free.unwrap_or((self.turn + 1) % places);
        if let Some(known) = self.known.get_mut(self.turn) {
            known.reply = None;
            known.line.clear();
            known.line.extend_from_slice(line);
        }
    }
}
