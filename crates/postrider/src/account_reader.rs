//! From the tables of a TOML file to layers, each value with its line.

use crate::account_file::Scope;
use postrider_core::{Error, ErrorKind, Layer, LayerKind, Phase, Result};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A key and its value.
pub(crate) type Pair<'a> = (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>);

/// A file's name and text.
pub(crate) struct Reader<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl Reader<'_> {
    /// A system's or an instance's keys, accounts and locks.
    pub(crate) fn scope(&self, kind: LayerKind, entries: &[Pair<'_>]) -> Result<Scope> {
        let mut scope = Scope { common: Layer::new(kind, self.name), accounts: BTreeMap::new() };
        let (tables, keys): (Vec<_>, Vec<_>) =
            entries.iter().copied().partition(|(key, _)| key.get_ref() == "accounts");
        self.fill(&mut scope.common, &keys)?;
        for (_, value) in tables {
            for (account, table) in self.tables("accounts", value)? {
                let entries: Vec<_> = self.table(&format!("accounts.{account}"), table)?.iter().collect();
                let mut layer = Layer::new(LayerKind::Account, self.name);
                self.fill(&mut layer, &entries)?;
                scope.accounts.insert(account.to_owned(), layer);
            }
        }
        Ok(scope)
    }

    /// Keys into a layer; `locked` last, since it names them.
    fn fill(&self, layer: &mut Layer, entries: &[Pair<'_>]) -> Result<()> {
        let (locks, keys): (Vec<_>, Vec<_>) =
            entries.iter().copied().partition(|(key, _)| key.get_ref() == "locked");
        for (key, value) in keys {
            self.collect(key.get_ref(), value, layer)?;
        }
        for (_, value) in locks {
            self.lock(value, layer)?;
        }
        Ok(())
    }

    fn lock(&self, value: &Spanned<DeValue<'_>>, layer: &mut Layer) -> Result<()> {
        let at = |span: std::ops::Range<usize>| format!("{}:{}", self.name, self.line(span.start));
        let DeValue::Array(names) = value.get_ref() else {
            return Err(lock_fault(format!("{}: locked must be a list of keys", at(value.span()))));
        };
        for name in names {
            let DeValue::String(key) = name.get_ref() else {
                return Err(lock_fault(format!("{}: locked must be a list of keys", at(name.span()))));
            };
            if layer.position(key).is_none() {
                let (at, key) = (at(name.span()), key.escape_debug());
                return Err(lock_fault(format!("{at}: {key} is locked but not set beside it")));
            }
            layer.lock(key);
        }
        Ok(())
    }

    /// The tables in `accounts` or `instances`, by their names.
    pub(crate) fn tables<'v>(
        &self,
        what: &str,
        value: &'v Spanned<DeValue<'_>>,
    ) -> Result<Vec<(&'v str, &'v Spanned<DeValue<'v>>)>> {
        match value.get_ref() {
            DeValue::Table(table) => {
                Ok(table.iter().map(|(name, value)| (name.get_ref().as_ref(), value)).collect())
            }
            _ => {
                let line = self.line(value.span().start);
                Err(fault(format!("{}:{line}: {what} must be tables: [{what}.NAME]", self.name)))
            }
        }
    }

    pub(crate) fn table<'v>(&self, what: &str, value: &'v Spanned<DeValue<'v>>) -> Result<&'v DeTable<'v>> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => {
                let (line, what) = (self.line(value.span().start), what.escape_debug());
                Err(fault(format!("{}:{line}: {what} must be a table", self.name)))
            }
        }
    }

    fn collect(&self, key: &str, value: &Spanned<DeValue<'_>>, layer: &mut Layer) -> Result<()> {
        let position = format!("{}:{}", self.name, self.line(value.span().start));
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                for (name, value) in table {
                    self.collect(&format!("{key}.{}", name.get_ref()), value, layer)?;
                }
                return Ok(());
            }
            DeValue::Array(items) => {
                let words = items.iter().map(|item| self.scalar(key, item)).collect::<Result<Vec<_>>>()?;
                words.join(" ")
            }
            _ => self.scalar(key, value)?,
        };
        // TOML refuses a key twice, but not `"a.b"` beside `a.b`.
        if let Some(earlier) = layer.position(key) {
            let key = key.escape_debug();
            return Err(fault(format!("{position}: {key} is set at {earlier} already")));
        }
        layer.set_at(key, text, position);
        Ok(())
    }

    fn scalar(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            DeValue::Boolean(truth) => Ok(truth.to_string()),
            _ => {
                let line = self.line(value.span().start);
                let (name, key) = (self.name, key.escape_debug());
                Err(fault(format!(
                    "{name}:{line}: {key} must be a text, a whole number, true, false or a list of texts"
                )))
            }
        }
    }

    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }
}

pub(crate) fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
        .with_advice("write TOML: [mail.smtp] host = \"mail.example.org\"")
}

fn lock_fault(message: String) -> Error {
    fault(message)
        .with_advice("write locked = [\"mail.smtp.host\"] beside the keys it names, which must be set there")
}
