//! Accounts in a TOML file.

use crate::account_reader::{Reader, fault};
use crate::settings::text_file;
use postrider_core::{Error, Layer, LayerKind, Result};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::DeTable;

/// A TOML file of settings: `mail.…` keys for everybody, `[instances.NAME]` tables with keys of one instance that
/// beat them, and `[accounts.NAME]` tables with keys of one account that beat both.
///
/// ```toml
/// locked = ["mail.smtp.host"]        # no higher layer changes it, not even overrides
///
/// [mail.smtp]
/// host = "mail.example.org"
/// "auth.mechanisms" = "PLAIN"
///
/// [accounts.work.mail]
/// smtp.user = "me@example.org"
/// store.protocol = "imap"
///
/// [instances.shop]
/// locked = ["mail.from"]             # of the instance's own keys
/// mail.from = "shop@example.org"
///
/// [instances.shop.accounts.orders.mail]
/// smtp.user = "orders@example.org"
/// ```
///
/// An account is an instance's or nobody's: with an instance only its own accounts can be chosen.
#[derive(Clone, Debug)]
pub struct AccountFile {
    scope: Scope,
    instances: BTreeMap<String, Scope>,
}

/// The keys of the system or of an instance, and the accounts in it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) common: Layer,
    pub(crate) accounts: BTreeMap<String, Layer>,
}

impl AccountFile {
    /// Reads a file.
    ///
    /// # Errors
    /// `Configuration` naming the file and, for a mistake in it, the line.
    pub fn load(path: &Path) -> Result<Self> {
        let (file, mistakes) = Self::load_all(path)?;
        mistakes.into_iter().next().map_or(Ok(file), Err)
    }

    /// As [`load`](Self::load), but goes on behind a mistake: what can be read, and every mistake in order of the
    /// lines. Of a text that is no TOML nothing can be.
    ///
    /// # Errors
    /// `Configuration` if the file can't be read.
    pub fn load_all(path: &Path) -> Result<(Self, Vec<Error>)> {
        let name = text_file::shown(path);
        let bytes = text_file::read(path, "a TOML account file")?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            fault(format!("{name}:{line}: it is not UTF-8, as TOML must be"))
        })?;
        Ok(Self::parse_all(&name, &text))
    }

    /// Reads the text of a file called `name`.
    ///
    /// # Errors
    /// `Configuration` with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let (file, mistakes) = Self::parse_all(name, text);
        mistakes.into_iter().next().map_or(Ok(file), Err)
    }

    /// As [`parse`](Self::parse), but as [`load_all`](Self::load_all) goes on behind a mistake.
    pub fn parse_all(name: &str, text: &str) -> (Self, Vec<Error>) {
        let mut reader = Reader::new(name, text);
        let (document, faults) = DeTable::parse_recoverable(text);
        for fault in &faults {
            // The parser's full message quotes the line, and the line may hold a password.
            reader.mistake(fault.span().map_or(0, |span| span.start), fault.message());
        }
        let (mut all, mut instances) = (Vec::new(), BTreeMap::new());
        for (key, value) in document.get_ref().iter().filter(|_| faults.is_empty()) {
            if key.get_ref() != "instances" {
                all.push((key, value));
                continue;
            }
            for (instance, table) in reader.tables("instances", value) {
                let entries: Vec<_> = table.iter().collect();
                instances.insert(instance.to_owned(), reader.scope(LayerKind::Instance, &entries));
            }
        }
        let scope = reader.scope(LayerKind::System, &all);
        (Self { scope, instances }, reader.mistakes())
    }

    /// The layers of an account outside all instances, or of the only one, or of none if there are no accounts.
    ///
    /// # Errors
    /// `Configuration` that lists the accounts there are.
    pub fn layers(&self, account: Option<&str>) -> Result<Vec<Layer>> {
        self.layers_of(None, account)
    }

    /// The layers of an instance and of one of its accounts, or of its only one, or of none if it has no accounts.
    ///
    /// # Errors
    /// `Configuration` that lists the instances or accounts there are.
    pub fn layers_of(&self, instance: Option<&str>, account: Option<&str>) -> Result<Vec<Layer>> {
        let system = &self.scope;
        let Some(instance) = instance else {
            let own = system.account(account, system.common.name())?;
            return Ok(std::iter::once(&system.common).chain(own).cloned().collect());
        };
        let file = system.common.name();
        let scope = self.instances.get(instance).ok_or_else(|| {
            fault(format!(
                "{file} has no instance \"{}\" ({})",
                instance.escape_debug(),
                listed(self.instances.keys())
            ))
            .with_advice("name an instance that the file has")
        })?;
        let own = scope.account(account, &format!("instance {} in {file}", instance.escape_debug()))?;
        Ok([&system.common, &scope.common].into_iter().chain(own).cloned().collect())
    }

    /// The names of the instances, sorted.
    pub fn instances(&self) -> impl Iterator<Item = &str> {
        self.instances.keys().map(String::as_str)
    }

    /// The names of an instance's accounts, or of those outside all instances, sorted. Of an instance that is not
    /// there, none.
    pub fn accounts(&self, instance: Option<&str>) -> impl Iterator<Item = &str> {
        let scope = match instance {
            Some(name) => self.instances.get(name),
            None => Some(&self.scope),
        };
        scope.into_iter().flat_map(|scope| scope.accounts.keys()).map(String::as_str)
    }
}

impl Scope {
    fn account(&self, account: Option<&str>, holder: &str) -> Result<Option<&Layer>> {
        match account {
            Some(name) => self.accounts.get(name).map(Some).ok_or_else(|| {
                let (name, there) = (name.escape_debug(), listed(self.accounts.keys()));
                fault(format!("{holder} has no account \"{name}\" ({there})"))
                    .with_advice("name an account that the file has")
            }),
            None if self.accounts.len() > 1 => {
                let there = self.accounts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                Err(fault(format!("{holder} has several accounts: choose one of {there}"))
                    .with_advice("name the account; the command's option is --account NAME"))
            }
            None => Ok(self.accounts.values().next()),
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "there are none".to_owned() } else { format!("there are: {}", names.join(", ")) }
}

#[cfg(test)]
#[path = "account_file_tests.rs"]
mod tests;
