//! Replies that a server says again and again. Pure.

use super::SmtpReply;

/// Longest text that is remembered, in bytes.
const TEXT: usize = 200;

/// Some texts that came lately, with what they mean if they have come twice: to each command a server nearly always
/// has the same words, and those need not be taken apart anew. A text that comes once, as one with a queue id, costs
/// little, and pushes out none that has come twice while there is another one.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: [Known; 4],
    /// The place of the next text that is new.
    turn: usize,
}

#[derive(Debug, Default)]
struct Known {
    code: u16,
    text: Vec<u8>,
    reply: Option<SmtpReply>,
}

impl Recent {
    /// The reply of this one line, if it is known.
    pub(super) fn find(&self, code: u16, text: &[u8]) -> Option<SmtpReply> {
        self.known.iter().find(|known| known.is(code, text))?.reply.clone()
    }

    /// Remembers that this line is this reply.
    pub(super) fn keep(&mut self, code: u16, text: &[u8], reply: &SmtpReply) {
        if text.len() > TEXT {
            return;
        }
        if let Some(known) = self.known.iter_mut().find(|known| known.is(code, text)) {
            known.reply = Some(reply.clone());
            return;
        }
        let places = self.known.len();
        let mut places = (1..=places).map(|n| (self.turn + n) % places);
        let free = places.find(|at| self.known.get(*at).is_some_and(|known| known.reply.is_none()));
        self.turn = free.unwrap_or((self.turn + 1) % self.known.len());
        if let Some(known) = self.known.get_mut(self.turn) {
            (known.code, known.reply) = (code, None);
            known.text.clear();
            known.text.extend_from_slice(text);
        }
    }
}

impl Known {
    fn is(&self, code: u16, text: &[u8]) -> bool {
        self.code == code && self.text == text
    }
}
