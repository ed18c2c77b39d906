//! Replies that a server says again and again. Pure.

use super::SmtpReply;

/// Longest text that is remembered, in bytes.
const TEXT: usize = 200;

/// The two texts that came last, with what they mean if they have come twice: to each command a server nearly always
/// has the same words, and those need not be taken apart anew. A text that comes once, as one with a queue id, costs
/// little, and does not push out the other one.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: [Known; 2],
    /// Which of them came last.
    last: usize,
}

#[derive(Debug, Default)]
struct Known {
    code: u16,
    text: Vec<u8>,
    reply: Option<SmtpReply>,
}

impl Recent {
    /// The reply of this one line, if it is known.
    pub(super) fn find(&mut self, code: u16, text: &[u8]) -> Option<SmtpReply> {
        let is = |known: &Known| known.code == code && known.text == text;
        self.last = self.known.iter().position(is)?;
        self.known.get(self.last)?.reply.clone()
    }

    /// Remembers that this line is this reply.
    pub(super) fn keep(&mut self, code: u16, text: &[u8], reply: &SmtpReply) {
        if text.len() > TEXT {
            return;
        }
        let last = self.known.get(self.last).is_some_and(|k| k.code == code && k.text == text);
        if !last {
            self.last = 1 - self.last;
        }
        let Some(known) = self.known.get_mut(self.last) else { return };
        if last {
            known.reply = Some(reply.clone());
        } else {
            (known.code, known.reply) = (code, None);
            known.text.clear();
            known.text.extend_from_slice(text);
        }
    }
}
