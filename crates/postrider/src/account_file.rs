//! Accounts in a TOML file.

use postrider_core::{Error, ErrorKind, Layer, LayerKind, Phase, Result};
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A TOML file of settings: `mail.…` keys for everybody, and `[accounts.NAME]` tables with keys of one
/// account that beat them.
///
/// ```toml
/// [mail.smtp]
/// host = "mail.example.org"
/// "auth.mechanisms" = "PLAIN"
///
/// [accounts.work.mail]
/// smtp.user = "me@example.org"
/// store.protocol = "imap"
/// ```
#[derive(Clone, Debug)]
pub struct AccountFile {
    common: Layer,
    accounts: BTreeMap<String, Layer>,
}

impl AccountFile {
    /// Reads a file.
    ///
    /// # Errors
    /// `Configuration` naming the file and, for a mistake in it, the line.
    pub fn load(path: &Path) -> Result<Self> {
        // It stands in every error about a value of the file: no line breaks or terminal sequences.
        let name = path.display().to_string().escape_debug().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(ErrorKind::Configuration, Phase::Configure, format!("{name} can't be read: {e}"))
                .with_advice("give the path of a TOML account file")
                .with_source(e)
        })?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a file called `name`.
    ///
    /// # Errors
    /// `Configuration` with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let reader = Reader { name, text };
        let document = DeTable::parse(text).map_err(|e| {
            let line = reader.line(e.span().map_or(0, |s| s.start));
            // The parser's full message quotes the line, and the line may hold a password.
            fault(format!("{name}:{line}: {}", e.message()))
        })?;
        let mut file = Self { common: Layer::new(LayerKind::System, name), accounts: BTreeMap::new() };
        for (key, value) in document.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("accounts", DeValue::Table(accounts)) => {
                    for (account, table) in accounts {
                        let layer = reader.account(account.get_ref(), table)?;
                        file.accounts.insert(account.get_ref().to_string(), layer);
                    }
                }
                ("accounts", _) => {
                    let line = reader.line(value.span().start);
                    return Err(fault(format!("{name}:{line}: accounts must be tables: [accounts.NAME]")));
                }
                (top, _) => reader.collect(top, value, &mut file.common)?,
            }
        }
        Ok(file)
    }

    /// The layers of an account, or of the only one, or of none if the file has no accounts.
    ///
    /// # Errors
    /// `Configuration` that lists the accounts there are.
    pub fn layers(&self, account: Option<&str>) -> Result<Vec<Layer>> {
        let there = || self.accounts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let own = match account {
            Some(name) => Some(self.accounts.get(name).ok_or_else(|| {
                fault(format!(
                    "{} has no account \"{}\" (there are: {})",
                    self.common.name(),
                    name.escape_debug(),
                    there()
                ))
            })?),
            None if self.accounts.len() > 1 => {
                return Err(fault(format!(
                    "{} has several accounts: choose one of {}",
                    self.common.name(),
                    there()
                )));
            }
            None => self.accounts.values().next(),
        };
        Ok(std::iter::once(&self.common).chain(own).cloned().collect())
    }
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn account(&self, account: &str, table: &Spanned<DeValue<'_>>) -> Result<Layer> {
        if !matches!(table.get_ref(), DeValue::Table(_)) {
            let (line, account) = (self.line(table.span().start), account.escape_debug());
            return Err(fault(format!("{}:{line}: accounts.{account} must be a table", self.name)));
        }
        let mut layer = Layer::new(LayerKind::Account, self.name);
        self.collect("", table, &mut layer)?;
        Ok(layer)
    }

    fn collect(&self, key: &str, value: &Spanned<DeValue<'_>>, layer: &mut Layer) -> Result<()> {
        let position = format!("{}:{}", self.name, self.line(value.span().start));
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                for (name, value) in table {
                    let name = name.get_ref();
                    let key = if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
                    self.collect(&key, value, layer)?;
                }
                return Ok(());
            }
            DeValue::Array(items) => {
                let words = items.iter().map(|item| self.scalar(key, item)).collect::<Result<Vec<_>>>()?;
                words.join(" ")
            }
            _ => self.scalar(key, value)?,
        };
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

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
        .with_advice("write TOML: [mail.smtp] host = \"mail.example.org\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Properties;

    const FILE: &str = "mail.debug = true\n[mail.smtp]\nhost = 'a'\nport = 2525\n'auth.mechanisms' = ['PLAIN', 'LOGIN']\n\
                        [accounts.work.mail]\nsmtp.host = 'b'\n[accounts.home.mail.smtp]\nhost = 'c'\n";

    #[test]
    fn keys_have_their_lines_and_an_account_beats_what_is_common() {
        let file = AccountFile::parse("acc.toml", FILE).unwrap();
        let all = Properties::new(file.layers(Some("work")).unwrap()).explain();
        let host = all.iter().find(|e| e.key == "mail.smtp.host").unwrap();
        assert_eq!(host.value, "b");
        assert_eq!(host.origin.as_ref().unwrap().position, "acc.toml:7");
        assert_eq!(host.covered[0].origin.position, "acc.toml:3");
        assert!(all.iter().any(|e| e.key == "mail.smtp.auth.mechanisms" && e.value == "PLAIN LOGIN"));
    }

    #[test]
    fn mistakes_name_their_line_and_never_quote_it() {
        for (text, part) in [
            ("mail.smtp.host = 'a'\nmail.smtp.password = 'hunter2\n", "acc.toml:2"),
            ("mail.smtp.password = hunter2", "acc.toml:1"),
            ("\nmail.smtp.password = \"hunter2\\q\"", "acc.toml:2"),
            ("mail.smtp.password = 'hunter2' hunter2", "acc.toml:1"),
            ("mail.x = 'hunter2'\nmail.x = 'hunter2'", "acc.toml:2"),
            ("mail.x = 1.5", "acc.toml:1: mail.x"),
            ("mail.x = 1979-05-27", "acc.toml:1: mail.x"),
            ("mail.x = [1, ['hunter2']]", "acc.toml:1: mail.x"),
            ("'a\u{1b}b' = 1.5", "TOML"),
            ("accounts = 'hunter2'", "[accounts.NAME]"),
            ("[[accounts]]\nname = 'hunter2'", "[accounts.NAME]"),
            ("[accounts]\nwork = 'hunter2'", "acc.toml:2: accounts.work must be a table"),
            ("mail = {", "acc.toml:1"),
        ] {
            let error = AccountFile::parse("acc.toml", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(error.to_string().contains(part), "{error}");
            let all = format!("{error:?}");
            assert!(!all.contains("hunter2") && !all.contains('\u{1b}'), "{all}");
        }
    }

    #[test]
    fn which_account_is_never_guessed() {
        let file = AccountFile::parse("acc.toml", FILE).unwrap();
        assert!(file.layers(None).unwrap_err().to_string().contains("home, work"));
        assert!(file.layers(Some("x")).unwrap_err().to_string().contains("home, work"));
        let one = AccountFile::parse("one.toml", "mail.debug=true\n[accounts.only.mail]\nhost='h'").unwrap();
        assert_eq!(one.layers(None).unwrap().len(), 2);
        let none = AccountFile::parse("none.toml", "mail.host='h'").unwrap();
        assert_eq!(none.layers(None).unwrap().len(), 1);
        assert!(none.layers(Some("work")).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = AccountFile::load(Path::new("/nowhere/acc.toml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/acc.toml"), "{error}");
        assert!(
            !format!("{:?}", AccountFile::parse("a", "mail.smtp.password='hunter2'").unwrap())
                .contains("hunter2")
        );
    }
}
