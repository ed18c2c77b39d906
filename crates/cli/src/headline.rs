//! Who a message is from and what it is about, as far as its first bytes tell.

use crate::output::clean;
use mail_parser::MessageParser;
use serde::Serialize;

/// Headers beyond this many bytes are not looked at.
const ENOUGH: usize = 64 * 1024;

/// Collects the head of a message that streams by.
#[derive(Default)]
pub(crate) struct Head(Vec<u8>);

/// What a person recognises a message by. Text of strangers, made fit for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Headline {
    pub(crate) from: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) date: Option<String>,
}

impl Head {
    /// Keeps the first bytes, and no others.
    pub(crate) fn add(&mut self, chunk: &[u8]) {
        let room = ENOUGH.saturating_sub(self.0.len());
        self.0.extend(chunk.iter().take(room));
    }

    /// Reads what was kept. Nothing in it is trusted, and nothing depends on it.
    pub(crate) fn headline(&self) -> Headline {
        let Some(message) = MessageParser::default().parse_headers(&self.0) else {
            return Headline::default();
        };
        let from = message.from().and_then(|from| from.first());
        let from = from.and_then(|one| match (one.name(), one.address()) {
            (Some(name), Some(address)) => Some(format!("{name} <{address}>")),
            (name, address) => address.or(name).map(str::to_owned),
        });
        Headline {
            from: from.map(|text| clean(&text)),
            subject: message.subject().map(clean),
            date: message.date().map(|date| date.to_rfc3339()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_can_not_steer_the_terminal() {
        let mut head = Head::default();
        head.add(b"From: =?utf-8?q?J=C3=B6?= <jo@example.org>\r\nSubject: =?utf-8?q?a=1b[2Jb?=\r\n\r\nbody");
        let headline = head.headline();
        assert_eq!(headline.from.as_deref(), Some("Jö <jo@example.org>"));
        assert!(!headline.subject.unwrap().contains('\x1b'));
        assert_eq!(Head::default().headline(), Headline::default());
    }
}
