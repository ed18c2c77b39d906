//! What kind of mail a message is, as far as its header tells.

use mail_parser::{Address, Message};

/// What a host that answers mail should know first: to answer any of these makes loops, or annoys.
///
/// A stranger can write any header: this is a hint, no proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marks {
    /// A program wrote it: `Auto-Submitted` other than `no` (RFC 3834 §5), or an older header that says so.
    pub auto_submitted: bool,
    /// It tells of the fate of another message: a null return path (RFC 5321 §4.5.5) or `multipart/report` (RFC 6522).
    pub bounce: bool,
    /// It came through a mailing list: `List-Id` (RFC 2919) or `Precedence: list`.
    pub list: bool,
    /// It is our own coming back: From or Sender is one of our addresses, or its Message-ID is of a domain of ours, as
    /// `mail.watch.own` has them.
    pub own: bool,
}

impl Marks {
    /// The marks of a header; `own` are addresses, and domains with an `@` before them.
    pub(super) fn of(header: &Message<'_>, own: &[String]) -> Self {
        let word = |name: &str| first_word(header.header_raw(name));
        let precedence = word("Precedence");
        let auto = word("Auto-Submitted");
        let auto_submitted = auto.as_deref().is_some_and(|word| !word.is_empty() && word != "no")
            || matches!(precedence.as_deref(), Some("auto_reply"))
            || ["X-Autoreply", "X-Autorespond"].iter().any(|name| header.header_raw(*name).is_some());
        let null = header.header_raw("Return-Path").is_some_and(|path| path.trim() == "<>");
        let report = word("Content-Type").as_deref() == Some("multipart/report");
        let list = header.header_raw("List-Id").is_some() || precedence.as_deref() == Some("list");
        Self { auto_submitted, bounce: null || report, list, own: is_own(header, own) }
    }

    /// True if a program should not answer it by itself.
    pub fn is_not_to_be_answered(self) -> bool {
        self.auto_submitted || self.bounce || self.list || self.own
    }
}

/// The first word of a field, without parameters and comments, in small letters.
fn first_word(field: Option<&str>) -> Option<String> {
    let mut words = field?.split(|c: char| c.is_whitespace() || matches!(c, ';' | '('));
    Some(words.find(|word| !word.is_empty()).unwrap_or_default().to_ascii_lowercase())
}

fn is_own(header: &Message<'_>, own: &[String]) -> bool {
    let domain = header.message_id().and_then(|id| id.rsplit_once('@')).map(|(_, domain)| domain);
    let mut addresses = [header.from(), header.sender()].into_iter().flatten().flat_map(Address::iter);
    let from_us = addresses.any(|a| {
        a.address
            .as_deref()
            .is_some_and(|address| own.iter().any(|o| !o.starts_with('@') && alike(o, address)))
    });
    let of_us = domain.is_some_and(|domain| {
        own.iter().filter_map(|o| o.strip_prefix('@')).any(|o| o.eq_ignore_ascii_case(domain))
    });
    from_us || of_us
}

/// Nobody gives two people addresses that differ in case alone, whatever RFC 5321 §2.4 allows.
fn alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    fn marks(header: &str) -> Marks {
        let text = format!("{header}\r\n\r\n");
        let own = ["me@example.org".to_owned(), "@mail.example.org".to_owned()];
        Marks::of(&MessageParser::new().parse_headers(text.as_bytes()).unwrap_or_default(), &own)
    }

    #[test]
    fn each_kind_is_known_by_its_header_and_plain_mail_has_none() {
        let none = Marks::default();
        let auto = Marks { auto_submitted: true, ..none };
        let bounce = Marks { bounce: true, ..none };
        let list = Marks { list: true, ..none };
        let own = Marks { own: true, ..none };
        for (header, expected) in [
            ("Subject: x", none),
            ("Auto-Submitted: no", none),
            ("Auto-Submitted: auto-replied (vacation)", auto),
            ("auto-submitted:\r\n AUTO-GENERATED; owner=x", auto),
            ("Precedence: auto_reply", auto),
            ("X-Autoreply: yes", auto),
            ("Precedence: bulk", none),
            ("Return-Path: <>", bounce),
            ("Return-Path: <a@example.net>", none),
            ("Content-Type: Multipart/Report; report-type=delivery-status; boundary=x", bounce),
            ("Content-Type: multipart/mixed; boundary=report", none),
            ("List-Id: A list <list.example.net>", list),
            ("List-Unsubscribe: <mailto:x@example.net>", none),
            ("Precedence: list", list),
            ("From: Me <ME@example.org>", own),
            ("From: a@example.net\r\nSender: me@example.org", own),
            ("From: notme@example.org", none),
            ("From: \"me@example.org\" <them@example.net>", none),
            ("Message-ID: <1.2@Mail.example.org>", own),
            ("Message-ID: <1.2@other.example.org>", none),
            ("In-Reply-To: <1.2@mail.example.org>", none),
        ] {
            assert_eq!(marks(header), expected, "{header}");
            assert_eq!(marks(header).is_not_to_be_answered(), expected != none, "{header}");
        }
    }
}
