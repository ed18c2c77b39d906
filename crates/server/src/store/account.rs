//! One user's mailboxes, by name.

use std::collections::{BTreeMap, BTreeSet};

use super::Mailbox;

const MOST_MAILBOXES: usize = 1_000;
const LONGEST_NAME: usize = 500;

/// The mailboxes that every account starts with, and their special use (RFC 6154).
const INITIAL: [(&str, Option<&str>); 5] = [
    ("INBOX", None),
    ("Drafts", Some("\\Drafts")),
    ("Junk", Some("\\Junk")),
    ("Sent", Some("\\Sent")),
    ("Trash", Some("\\Trash")),
];

/// A user.
pub(crate) struct Account {
    pub(crate) password: String,
    pub(crate) mailboxes: BTreeMap<String, Mailbox>,
    pub(crate) subscribed: BTreeSet<String>,
}

/// Why a mailbox name won't do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameError {
    Exists,
    Missing,
    Invalid,
    TooMany,
}

impl Account {
    /// Takes five UIDVALIDITYs from `validity` on.
    pub(crate) fn new(password: &str, validity: u32) -> Self {
        let with_use = |(i, (name, special_use)): (u32, (&str, Option<&'static str>))| {
            let mut mailbox = Mailbox::new(validity.wrapping_add(i).max(1));
            mailbox.special_use = special_use;
            (name.to_owned(), mailbox)
        };
        Self {
            password: password.to_owned(),
            mailboxes: (0..).zip(INITIAL).map(with_use).collect(),
            subscribed: INITIAL.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    pub(crate) fn find(&mut self, name: &str) -> Option<&mut Mailbox> {
        self.mailboxes.get_mut(&canonical(name))
    }

    /// A mailbox by its UIDVALIDITY, which a rename doesn't change.
    pub(crate) fn by_validity(&mut self, validity: u32) -> Option<&mut Mailbox> {
        self.mailboxes.values_mut().find(|mailbox| mailbox.validity == validity)
    }

    pub(crate) fn create(&mut self, name: &str, validity: u32) -> Result<u32, NameError> {
        let name = canonical(name.strip_suffix('/').unwrap_or(name));
        check(&name)?;
        if self.mailboxes.contains_key(&name) {
            return Err(NameError::Exists);
        }
        if self.mailboxes.len() >= MOST_MAILBOXES {
            return Err(NameError::TooMany);
        }
        self.mailboxes.insert(name, Mailbox::new(validity));
        Ok(validity)
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<(), NameError> {
        let name = canonical(name);
        if name == "INBOX" {
            return Err(NameError::Invalid);
        }
        self.mailboxes.remove(&name).map(drop).ok_or(NameError::Missing)
    }

    /// Renames a mailbox and those below it; from INBOX the messages move and INBOX stays (RFC 9051 §6.3.6).
    pub(crate) fn rename(&mut self, from: &str, to: &str, validity: u32) -> Result<(), NameError> {
        let (from, to) = (canonical(from), canonical(to));
        check(&to)?;
        if !self.mailboxes.contains_key(&from) {
            return Err(NameError::Missing);
        }
        let below = format!("{from}/");
        if to.starts_with(&below) {
            return Err(NameError::Invalid);
        }
        if from == "INBOX" {
            self.create(&to, validity)?;
            let moved =
                self.find("INBOX").map(|inbox| std::mem::take(&mut inbox.messages)).unwrap_or_default();
            if let Some(target) = self.find(&to) {
                moved.into_iter().for_each(|m| {
                    let _ = target.add(m.bytes, m.flags, m.date);
                });
            }
            return Ok(());
        }
        let renamed: Vec<(String, String)> = self
            .mailboxes
            .keys()
            .filter(|name| **name == from || name.starts_with(&below))
            .map(|name| (name.clone(), format!("{to}{}", name.get(from.len()..).unwrap_or_default())))
            .collect();
        if renamed.iter().any(|(_, new)| self.mailboxes.contains_key(new)) {
            return Err(NameError::Exists);
        }
        for (old, new) in renamed {
            check(&new)?;
            if let Some(mailbox) = self.mailboxes.remove(&old) {
                self.mailboxes.insert(new, mailbox);
            }
        }
        Ok(())
    }

    /// Subscriptions outlive their mailboxes, so they have their own bound.
    pub(crate) fn subscribe(&mut self, name: &str) -> Result<(), NameError> {
        let name = canonical(name);
        check(&name)?;
        if self.subscribed.len() >= MOST_MAILBOXES {
            return Err(NameError::TooMany);
        }
        self.subscribed.insert(name);
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, name: &str) {
        self.subscribed.remove(&canonical(name));
    }

    pub(crate) fn messages(&self) -> usize {
        self.mailboxes.values().map(|mailbox| mailbox.messages.len()).sum()
    }

    pub(crate) fn size(&self) -> usize {
        self.mailboxes.values().map(Mailbox::size).fold(0, usize::saturating_add)
    }
}

/// INBOX is the one name without case.
fn canonical(name: &str) -> String {
    match name.split_once('/') {
        None if name.eq_ignore_ascii_case("INBOX") => "INBOX".to_owned(),
        Some((top, rest)) if top.eq_ignore_ascii_case("INBOX") => format!("INBOX/{rest}"),
        _ => name.to_owned(),
    }
}

fn check(name: &str) -> Result<(), NameError> {
    let fine = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.chars().any(|c| c.is_control() || c == '*' || c == '%')
        && !name.split('/').any(str::is_empty);
    if fine { Ok(()) } else { Err(NameError::Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_renames_take_the_children_along() {
        let mut account = Account::new("x", 1);
        assert_eq!(account.create("a/b", 10), Ok(10));
        assert_eq!(account.create("inbox", 11), Err(NameError::Exists));
        for bad in ["", "/", "a//b", "a*", "a%", "a\nb"] {
            assert_eq!(account.create(bad, 12), Err(NameError::Invalid), "{bad:?}");
        }
        assert_eq!(account.create("a", 13), Ok(13));
        assert_eq!(account.rename("a", "c", 14), Ok(()));
        assert!(account.find("c/b").is_some() && account.find("a/b").is_none());
        assert_eq!(account.rename("c", "c/d", 15), Err(NameError::Invalid));
        assert_eq!(account.delete("INBOX"), Err(NameError::Invalid));
        account.find("INBOX").unwrap().add(b"x".as_slice().into(), vec![], 0);
        assert_eq!(account.rename("inbox", "old", 16), Ok(()));
        assert_eq!(account.find("INBOX").unwrap().messages.len(), 0);
        assert_eq!(account.find("old").unwrap().messages.len(), 1);
    }
}
