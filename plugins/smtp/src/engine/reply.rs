//! A reply and what it says (RFC 5321 §4.2). Pure.

use postrider_core::Reply;
use postrider_wire::Redactor;
use std::sync::{Arc, OnceLock};

/// A whole reply of the server. A clone shares its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SmtpReply {
    /// 200 to 599.
    pub(crate) code: u16,
    /// `None` where there are none, or they are of no interest.
    words: Option<Arc<Words>>,
}

#[derive(Debug)]
struct Words {
    enhanced: Option<String>,
    text: String,
    /// As the contract has it, and how many secrets were known when they were masked.
    shown: OnceLock<(usize, Reply)>,
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.enhanced == other.enhanced && self.text == other.text
    }
}

impl Eq for Words {}

impl SmtpReply {
    /// A reply of which nothing but the code counts.
    pub(crate) fn bare(code: u16) -> Self {
        Self { code, words: None }
    }

    /// A reply of these parts.
    pub(crate) fn new(code: u16, enhanced: Option<String>, text: String) -> Self {
        if enhanced.is_none() && text.is_empty() {
            return Self::bare(code);
        }
        Self { code, words: Some(Arc::new(Words { enhanced, text, shown: OnceLock::new() })) }
    }

    /// Enhanced status code (RFC 2034), taken off the text.
    pub(crate) fn enhanced(&self) -> Option<&str> {
        self.words.as_ref()?.enhanced.as_deref()
    }

    /// The text of all lines, joined by line feeds.
    pub(crate) fn text(&self) -> &str {
        self.words.as_ref().map_or("", |words| &words.text)
    }

    /// 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 5xx.
    pub(crate) fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// 4xx or 5xx.
    pub(crate) fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// As a reply to RCPT: 5xx, but for the 552 of old servers that means "too many recipients at once" and
    /// is to be taken as 452 (RFC 5321 §4.5.3.1.10). A full mailbox says 5.2.2 with it.
    pub(crate) fn refuses_recipient(&self) -> bool {
        let too_many = self.code == 552 && self.enhanced().is_none_or(|e| e == "5.5.3");
        self.is_permanent() && !too_many
    }

    /// True if it says that commands were lost or should not have come together: a bad sequence although they
    /// came `in_order`, or words as servers use them that do not take pipelined commands.
    pub(crate) fn is_out_of_step(&self, in_order: bool) -> bool {
        if !self.is_permanent() {
            return false;
        }
        let text = self.text().to_ascii_lowercase();
        (self.code == 503 && in_order) || text.contains("pipelin") || text.contains("synchroni")
    }

    /// As the contract's reply, with the session's secrets masked. Made once for words that are said again and again.
    pub(crate) fn to_core(&self, redactor: &Redactor) -> Reply {
        let make = || redactor.reply(&self.code.to_string(), self.enhanced(), self.text());
        let Some(words) = &self.words else { return make() };
        let (secrets, shown) = words.shown.get_or_init(|| (redactor.forms(), make()));
        if *secrets == redactor.forms() { shown.clone() } else { make() }
    }
}

#[cfg(test)]
mod tests {
    use super::SmtpReply;
    use crate::engine::ReplyReader;
    use postrider_core::Secret;
    use postrider_wire::Redactor;

    #[test]
    fn words_that_were_shown_before_a_secret_was_known_are_masked_once_it_is() {
        let reply = SmtpReply::new(250, None, "hello sesame, opened".to_owned());
        let mut redactor = Redactor::default();
        assert_eq!(reply.to_core(&redactor).text(), "hello sesame, opened");
        for (secret, shown) in [("opened", "hello sesame, ***"), ("sesame", "hello ***, ***")] {
            redactor.add(&Secret::new(secret));
            assert_eq!(reply.clone().to_core(&redactor).text(), shown);
        }
    }

    #[test]
    fn too_many_recipients_is_for_now_and_a_full_mailbox_for_good() {
        let of = |line: &str| {
            let reply = ReplyReader::default().line(line.as_bytes()).unwrap();
            reply.unwrap().refuses_recipient()
        };
        assert!(!of("552 too many") && !of("552 5.5.3 too many") && !of("450 busy"));
        assert!(of("552 5.2.2 full") && of("550 no"));
    }
}
