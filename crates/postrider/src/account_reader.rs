//! From the tables of a TOML file to layers, each value with its line.

use crate::account_file::Scope;
use postrider_core::{Error, ErrorKind, Layer, LayerKind, Phase};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A key and its value.
pub(crate) type Pair<'a> = (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>);

/// Reads one file, and goes on behind a mistake.
pub(crate) struct Reader<'a> {
    name: &'a str,
    // Where each line begins.
    lines: Vec<usize>,
    mistakes: Vec<(usize, Error)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(name: &'a str, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { name, lines: std::iter::once(0).chain(ends).collect(), mistakes: Vec::new() }
    }

    /// The mistakes in order of their lines.
    pub(crate) fn mistakes(mut self) -> Vec<Error> {
        self.mistakes.sort_by_key(|(offset, _)| *offset);
        self.mistakes.into_iter().map(|(_, error)| error).collect()
    }

    pub(crate) fn mistake(&mut self, offset: usize, why: impl std::fmt::Display) {
        let error = fault(format!("{}: {why}", self.at(offset)));
        self.mistakes.push((offset, error));
    }

    /// A system's or an instance's keys, accounts and locks.
    pub(crate) fn scope(&mut self, kind: LayerKind, entries: &[Pair<'_>]) -> Scope {
        let mut scope = Scope { common: Layer::new(kind, self.name), accounts: BTreeMap::new() };
        let (tables, keys): (Vec<_>, Vec<_>) =
            entries.iter().copied().partition(|(key, _)| key.get_ref() == "accounts");
        self.fill(&mut scope.common, &keys);
        for (_, value) in tables {
            for (account, table) in self.tables("accounts", value) {
                let mut layer = Layer::new(LayerKind::Account, self.name);
                self.fill(&mut layer, &table.iter().collect::<Vec<_>>());
                scope.accounts.insert(account.to_owned(), layer);
            }
        }
        scope
    }

    /// The tables in `accounts` or `instances`, by their names.
    pub(crate) fn tables<'v>(
        &mut self,
        what: &str,
        value: &'v Spanned<DeValue<'v>>,
    ) -> Vec<(&'v str, &'v DeTable<'v>)> {
        let DeValue::Table(all) = value.get_ref() else {
            self.mistake(value.span().start, format_args!("{what} must be tables: [{what}.NAME]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (name, value) in all {
            let name = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) => tables.push((name, table)),
                _ => {
                    let why = format!("{what}.{} must be a table", name.escape_debug());
                    self.mistake(value.span().start, why);
                }
            }
        }
        tables
    }

    /// Keys into a layer; `locked` last, since it names them.
    fn fill(&mut self, layer: &mut Layer, entries: &[Pair<'_>]) {
        let (locks, keys): (Vec<_>, Vec<_>) =
            entries.iter().copied().partition(|(key, _)| key.get_ref() == "locked");
        for (key, value) in keys {
            self.collect(key.get_ref(), value, layer);
        }
        for (_, value) in locks {
            self.lock(value, layer);
        }
    }

    fn lock(&mut self, value: &Spanned<DeValue<'_>>, layer: &mut Layer) {
        let DeValue::Array(names) = value.get_ref() else {
            return self.lock_mistake(value, "locked must be a list of keys");
        };
        for name in names {
            match name.get_ref() {
                DeValue::String(key) if layer.position(key).is_some() => layer.lock(key),
                DeValue::String(key) => {
                    let why = format!("{} is locked but not set beside it", key.escape_debug());
                    self.lock_mistake(name, &why);
                }
                _ => self.lock_mistake(name, "locked must be a list of keys"),
            }
        }
    }

    fn lock_mistake(&mut self, value: &Spanned<DeValue<'_>>, why: &str) {
        let offset = value.span().start;
        let advice = "write locked = [\"mail.smtp.host\"] beside the keys it names, which must be set there";
        let error = fault(format!("{}: {why}", self.at(offset))).with_advice(advice);
        self.mistakes.push((offset, error));
    }

    fn collect(&mut self, key: &str, value: &Spanned<DeValue<'_>>, layer: &mut Layer) {
        let offset = value.span().start;
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                for (name, value) in table {
                    self.collect(&format!("{key}.{}", name.get_ref()), value, layer);
                }
                return;
            }
            DeValue::Array(items) => {
                let words: Option<Vec<String>> = items.iter().map(|item| scalar(item.get_ref())).collect();
                words.map(|words| words.join(" "))
            }
            value => scalar(value),
        };
        let key_shown = key.escape_debug();
        match (text, layer.position(key)) {
            (None, _) => {
                let expected = "a text, a whole number, true, false or a list of texts";
                self.mistake(offset, format_args!("{key_shown} must be {expected}"));
            }
            // TOML refuses a key twice, but not `"a.b"` beside `a.b`.
            (Some(_), Some(earlier)) => {
                self.mistake(offset, format_args!("{key_shown} is set at {earlier} already"));
            }
            (Some(text), None) => layer.set_at(key, text, self.at(offset)),
        }
    }

    fn at(&self, offset: usize) -> String {
        format!("{}:{}", self.name, self.lines.partition_point(|begin| *begin <= offset))
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

pub(crate) fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
        .with_advice("write TOML: [mail.smtp] host = \"mail.example.org\"")
}
