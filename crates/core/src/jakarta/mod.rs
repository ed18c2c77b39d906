//! Every key that Jakarta Mail documents, as data: what becomes of each here.
//!
//! The names are those of the `mail.*`, `mail.smtp.*`, `mail.imap.*` and `mail.pop3.*` properties of Jakarta Mail
//! 2 and Angus Mail, with those that only their code reads. A key is honoured where a transport's table declares
//! it; one whose value can only ask for what happens anyhow is honoured for that value; every other is refused by
//! name, with the reason and what to write instead. A test holds this list against the tables of the linked
//! transports, and docs/properties.md is written from both.

mod imap;
mod mime;
mod pop3;
mod session;
mod shared;
mod smtp;

use serde::Serialize;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// `mail.<name>`.
    Session,
    /// `mail.smtp.<name>` and `mail.smtps.<name>`.
    Smtp,
    /// `mail.imap.<name>` and `mail.imaps.<name>`.
    Imap,
    /// `mail.pop3.<name>` and `mail.pop3s.<name>`.
    Pop3,
}

impl Family {
    /// The families that are protocols.
    pub const PROTOCOLS: [Self; 3] = [Self::Smtp, Self::Imap, Self::Pop3];

    /// The names of its transport, which stand between `mail.` and the key; none for the session's.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Session => &[],
            Self::Smtp => &["smtp", "smtps"],
            Self::Imap => &["imap", "imaps"],
            Self::Pop3 => &["pop3", "pop3s"],
        }
    }

    fn of(prefix: &str) -> Option<Self> {
        Self::PROTOCOLS.into_iter().find(|family| family.prefixes().contains(&prefix))
    }
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
#[non_exhaustive]
pub enum Rule {
    /// It does what it says: a transport declares it.
    Honoured,
    /// These values ask for what happens anyhow and are accepted; every other is refused.
    Fixed {
        /// The values, in lower case.
        values: &'static [&'static str],
        /// What happens anyhow, in a sentence without its end.
        why: &'static str,
        /// What to write instead of another value.
        advice: &'static str,
    },
    /// It is refused whatever its value.
    Refused {
        /// Why, in a sentence without its end.
        why: &'static str,
        /// What to write instead.
        advice: &'static str,
    },
}

/// A key of Jakarta Mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JakartaKey {
    /// Whose it is.
    pub family: Family,
    /// The key after `mail.` or `mail.<protocol>.`.
    pub name: &'static str,
    /// What becomes of it.
    pub rule: Rule,
}

impl JakartaKey {
    /// The key as one writes it, with the plain name of its protocol.
    pub fn key(&self) -> String {
        match self.family.prefixes().first() {
            Some(prefix) => format!("mail.{prefix}.{}", self.name),
            None => format!("mail.{}", self.name),
        }
    }
}

/// What stands in the tables of this folder.
type Row = (&'static str, Rule);

const fn honoured(name: &'static str) -> Row {
    (name, Rule::Honoured)
}

const fn fixed(
    name: &'static str,
    values: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Row {
    (name, Rule::Fixed { values, why, advice })
}

const fn refused(name: &'static str, why: &'static str, advice: &'static str) -> Row {
    (name, Rule::Refused { why, advice })
}

/// Every key: the session's first, then SMTP's, IMAP's and POP3's, each with the shared ones in front.
pub fn keys() -> impl Iterator<Item = JakartaKey> {
    let session = session::KEYS.iter().chain(mime::KEYS).map(|row| (Family::Session, row));
    let protocols = Family::PROTOCOLS.into_iter().flat_map(|family| {
        let own = match family {
            Family::Smtp => smtp::KEYS,
            Family::Imap => imap::KEYS,
            Family::Pop3 => pop3::KEYS,
            Family::Session => &[],
        };
        shared::KEYS.iter().chain(own).map(move |row| (family, row))
    });
    session.chain(protocols).map(|(family, &(name, rule))| JakartaKey { family, name, rule })
}

/// The key of this full name, whichever name of the protocol stands in it.
pub fn find(key: &str) -> Option<JakartaKey> {
    let rest = key.strip_prefix("mail.")?;
    let own = rest.split_once('.').and_then(|(prefix, name)| Some((Family::of(prefix)?, name)));
    let (family, name) = own.unwrap_or((Family::Session, rest));
    keys().find(|known| known.family == family && known.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_stands_in_the_list_twice_and_every_one_is_found_by_its_names() {
        let mut seen = BTreeSet::new();
        for key in keys() {
            assert!(seen.insert(key.key()), "{}", key.key());
            assert_eq!(find(&key.key()), Some(key));
            for prefix in key.family.prefixes() {
                assert_eq!(find(&format!("mail.{prefix}.{}", key.name)), Some(key));
            }
        }
        assert_eq!(find("mail.smtp.nonsense"), None);
        assert_eq!(find("smtp.host"), None);
    }

    #[test]
    fn reasons_and_advice_are_sentences_that_go_on_after_a_colon() {
        for key in keys() {
            let (Rule::Fixed { why, advice, .. } | Rule::Refused { why, advice }) = key.rule else {
                continue;
            };
            for text in [why, advice] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", key.key());
            }
            if let Rule::Fixed { values, .. } = key.rule {
                assert!(values.iter().all(|v| *v == v.to_ascii_lowercase()), "{}", key.key());
            }
        }
    }
}
