//! Mailboxes and namespaces, seen from outside.

use crate::codec::{Listed, NamespaceItem, decode_mailbox};

/// A mailbox of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mailbox {
    /// Its name in plain text, as the property `folder` takes it. A name that the server wrote in no proper way
    /// is given as it came, with `�` for what is not text, and is not selectable. It is a name and nothing
    /// else: never a path of a file.
    pub name: String,
    /// What stands between the levels of the name; `None` if there are no levels.
    pub delimiter: Option<char>,
    /// What the server says of it, as written: `\HasNoChildren`, `\Marked`, … (RFC 9051 §7.3.1).
    pub attributes: Vec<String>,
    /// What it is for, if the server says so.
    pub special: Option<SpecialUse>,
    /// True if it can be opened.
    pub selectable: bool,
}

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpecialUse {
    /// `\All`: all messages.
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`: all messages marked as important.
    Flagged,
    /// `\Junk`: spam.
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
    /// `\Important` (RFC 8457).
    Important,
}

impl SpecialUse {
    const ALL: [(&'static str, Self); 8] = [
        ("\\All", Self::All),
        ("\\Archive", Self::Archive),
        ("\\Drafts", Self::Drafts),
        ("\\Flagged", Self::Flagged),
        ("\\Junk", Self::Junk),
        ("\\Sent", Self::Sent),
        ("\\Trash", Self::Trash),
        ("\\Important", Self::Important),
    ];

    fn of(attribute: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(name, one)| name.eq_ignore_ascii_case(attribute).then_some(one))
    }
}

/// Where mailboxes are (RFC 2342).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Those of other users.
    pub others: Vec<Namespace>,
    /// Those that are shared.
    pub shared: Vec<Namespace>,
}

/// What the names of some mailboxes begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespace {
    /// The beginning, in plain text; often empty.
    pub prefix: String,
    /// What stands between the levels of a name; `None` if there are no levels.
    pub delimiter: Option<char>,
}

impl Mailbox {
    /// Takes a LIST response. With `utf8` names travel as they are, otherwise in modified UTF-7.
    pub(crate) fn of(listed: Listed, utf8: bool) -> Self {
        let (name, is_proper) = plain(&listed.name, utf8);
        let is = |what: &str| listed.attributes.iter().any(|a| a.eq_ignore_ascii_case(what));
        let special = listed.attributes.iter().find_map(|a| SpecialUse::of(a));
        let selectable = is_proper && !is("\\Noselect") && !is("\\NonExistent");
        let name = if name.eq_ignore_ascii_case("INBOX") { "INBOX".into() } else { name };
        Self { name, delimiter: listed.delimiter, attributes: listed.attributes, special, selectable }
    }
}

impl Namespaces {
    pub(crate) fn of(items: [Vec<NamespaceItem>; 3], utf8: bool) -> Self {
        let [personal, others, shared] = items.map(|items| {
            items
                .into_iter()
                .map(|n| Namespace { prefix: plain(&n.prefix, utf8).0, delimiter: n.delimiter })
                .collect()
        });
        Self { personal, others, shared }
    }
}

/// A name in plain text, and whether it would travel as it came if it were sent.
fn plain(name: &[u8], utf8: bool) -> (String, bool) {
    let proper = if utf8 {
        std::str::from_utf8(name).ok().filter(|n| !n.chars().any(char::is_control)).map(str::to_owned)
    } else {
        decode_mailbox(name)
    };
    match proper {
        Some(name) => (name, true),
        None => (String::from_utf8_lossy(name).replace(char::is_control, "\u{fffd}"), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(attributes: &[&str], name: &[u8], utf8: bool) -> Mailbox {
        let attributes = attributes.iter().map(|a| (*a).to_owned()).collect();
        Mailbox::of(Listed { attributes, delimiter: Some('/'), name: name.to_vec() }, utf8)
    }

    #[test]
    fn names_are_in_plain_text_and_what_can_not_be_sent_back_is_not_selectable() {
        let drafts = mailbox(&["\\HasNoChildren", "\\drafts"], b"Entw&APw-rfe", false);
        assert_eq!(
            (drafts.name.as_str(), drafts.special, drafts.selectable),
            ("Entwürfe", Some(SpecialUse::Drafts), true)
        );
        assert_eq!(mailbox(&[], "Entwürfe".as_bytes(), true).name, "Entwürfe");
        assert_eq!(mailbox(&[], b"Inbox", true).name, "INBOX");
        assert!(!mailbox(&["\\NoSelect"], b"x", false).selectable);
        for (name, utf8) in [(&b"a&b"[..], false), (b"a\r\nb", false), (b"\xff", true), (b"a\x1b[31m", true)]
        {
            let odd = mailbox(&[], name, utf8);
            assert!(!odd.selectable && !odd.name.chars().any(char::is_control), "{odd:?}");
        }
        assert!(mailbox(&[], b"../../etc/passwd", true).selectable);
    }
}
