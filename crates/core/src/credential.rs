//! A secret by value or by reference: what a password or token property holds.

use crate::{PropertyValue, Secret, ValueType};
use std::fmt;
use std::path::PathBuf;

/// Where a secret is kept, as the text of a property names it.
///
/// Neither Debug nor Display shows the arguments of a command: they may hold what is nobody's business.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretRef {
    /// `file:/run/secrets/mail`: what the file holds, without the line end at its end. A relative path is
    /// relative to the working directory.
    File(PathBuf),
    /// `command:pass show mail/me`: what the program prints, without the line end at its end. No shell has a say
    /// in it: words are apart by blanks, and `"…"` or `'…'` keeps a word with blanks together.
    Command {
        /// The program, by path or by name.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// `env:MAIL_PASSWORD`: a variable of the program's environment.
    Environment(String),
    /// `keyring:mail.example.org/me`: an entry of the operating system's keyring. The service ends at the first
    /// slash.
    Keyring {
        /// What the secret is for.
        service: String,
        /// Whose it is.
        user: String,
    },
}

impl SecretRef {
    /// Reads a reference; `None` if the text is none, since it begins with no prefix of one.
    ///
    /// # Errors
    /// A sentence that says what is expected after the prefix. It never repeats the text.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((prefix, rest)) = text.split_once(':') else { return Ok(None) };
        let rest = rest.trim();
        match prefix {
            "file" if rest.is_empty() => Err("a path is expected after file:".into()),
            "file" => Ok(Some(Self::File(rest.into()))),
            "command" => command(rest).map(Some),
            "env" if rest.is_empty() || rest.contains(['=', ' ']) => {
                Err("the name of a variable is expected after env:".into())
            }
            "env" => Ok(Some(Self::Environment(rest.to_owned()))),
            "keyring" => match rest.split_once('/') {
                // A name that begins with a hyphen would be an option to the program that is asked.
                Some((service, user)) if is_name(service) && is_name(user) => {
                    Ok(Some(Self::Keyring { service: service.to_owned(), user: user.to_owned() }))
                }
                _ => {
                    Err("a service and a user are expected after keyring:, with a slash between them".into())
                }
            },
            _ => Ok(None),
        }
    }

    /// The word before the colon.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Command { .. } => "command",
            Self::Environment(_) => "env",
            Self::Keyring { .. } => "keyring",
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.chars().any(char::is_control)
}

fn command(text: &str) -> Result<SecretRef, String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                // An empty pair of quotes is a word too.
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() {
        return Err("a quotation mark after command: is not closed".into());
    }
    let mut words = words.into_iter();
    match words.next() {
        Some(program) if !program.is_empty() => {
            Ok(SecretRef::Command { program, arguments: words.collect() })
        }
        _ => Err("a program is expected after command:".into()),
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display().to_string().escape_debug()),
            Self::Command { program, arguments } => {
                let more = if arguments.is_empty() { "" } else { " …" };
                write!(f, "command:{}{more}", program.escape_debug())
            }
            Self::Environment(name) => write!(f, "env:{}", name.escape_debug()),
            Self::Keyring { service, user } => {
                write!(f, "keyring:{}/{}", service.escape_debug(), user.escape_debug())
            }
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A password or token: the secret itself, or where it is kept. A [`Host`](crate::Host) resolves references when
/// a connection is made, so that a changed secret is the one used next.
///
/// A property's text is a reference if it begins with exactly `file:`, `command:`, `env:` or `keyring:`, and
/// otherwise the secret itself; one that really begins so is written behind `value:`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// The secret itself.
    Value(Secret),
    /// Where it is kept.
    Reference(SecretRef),
}

impl Credential {
    /// The secret itself, unless it has yet to be looked up.
    pub fn value(&self) -> Option<&Secret> {
        match self {
            Self::Value(secret) => Some(secret),
            Self::Reference(_) => None,
        }
    }

    /// The text of a property that holds this very secret, whatever it begins with.
    pub fn text(secret: &Secret) -> Secret {
        let begins = |prefix: &&str| secret.expose().starts_with(*prefix);
        if ["file:", "command:", "env:", "keyring:", "value:"].iter().any(begins) {
            return Secret::new(format!("value:{}", secret.expose()));
        }
        secret.clone()
    }

    /// Where it is kept, unless it is known.
    pub fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Value(_) => None,
            Self::Reference(reference) => Some(reference),
        }
    }
}

impl PropertyValue for Credential {
    const TYPE: ValueType = ValueType::Secret;

    fn parse(text: &str) -> Result<Self, String> {
        let secret = Secret::parse(text)?;
        if let Some(value) = text.strip_prefix("value:") {
            return Ok(Self::Value(value.into()));
        }
        Ok(SecretRef::parse(text)?.map_or(Self::Value(secret), Self::Reference))
    }
}

/// The secret itself, whatever it begins with.
impl<T: Into<Secret>> From<T> for Credential {
    fn from(secret: T) -> Self {
        Self::Value(secret.into())
    }
}

impl From<SecretRef> for Credential {
    fn from(reference: SecretRef) -> Self {
        Self::Reference(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> String {
        match Credential::parse(text).unwrap() {
            Credential::Reference(SecretRef::Command { program, arguments }) => {
                format!("{program}|{}", arguments.join("|"))
            }
            Credential::Reference(reference) => reference.to_string(),
            Credential::Value(secret) => format!("value {}", secret.expose()),
        }
    }

    #[test]
    fn only_the_exact_prefixes_make_a_reference_and_one_escapes_them() {
        for (text, want) in [
            ("hunter2", "value hunter2"),
            (" hunter2 ", "value  hunter2 "),
            ("File:/x", "value File:/x"),
            (" file:/x", "value  file:/x"),
            ("files:/x", "value files:/x"),
            ("file/x", "value file/x"),
            ("value:file:/x", "value file:/x"),
            ("value:value:x", "value value:x"),
            ("value:", "value "),
            ("file:/run/a b ", "file:/run/a b"),
            ("env:MAIL_PASSWORD", "env:MAIL_PASSWORD"),
            ("keyring:mail.example.org/me/you", "keyring:mail.example.org/me/you"),
            ("command:pass show  mail/me", "pass|show|mail/me"),
            ("command:sh -c 'pass x | head -n \"1\"' \"\"", "sh|-c|pass x | head -n \"1\"|"),
            ("command:/a\\b c\"d e\"f", "/a\\b|cd ef"),
        ] {
            assert_eq!(reference(text), want, "{text}");
        }
    }

    #[test]
    fn any_secret_can_be_written_down() {
        for secret in ["hunter2", "file:/x", "command:x", "env:", "keyring:x/y", "value:x", "File:x", ""] {
            let text = Credential::text(&secret.into());
            let read = Credential::parse(text.expose()).unwrap();
            assert_eq!(read.value().unwrap().expose(), secret);
        }
    }

    #[test]
    fn half_a_reference_says_what_is_missing_and_repeats_nothing() {
        for text in [
            "file:",
            "file: ",
            "command:",
            "command:\"\" hunter2",
            "command:hunter2 'x",
            "env:",
            "env:A=hunter2",
            "keyring:hunter2",
            "keyring:/hunter2",
            "keyring:hunter2/",
            "keyring:-x/hunter2",
        ] {
            let why = Credential::parse(text).unwrap_err();
            assert!(why.contains("command:") || why.contains("expected after"), "{text}: {why}");
            assert!(!why.contains("hunter2"));
        }
    }

    #[test]
    fn neither_values_nor_arguments_show() {
        for text in ["hunter2", "value:hunter2", "command:tool --key hunter2"] {
            let credential = Credential::parse(text).unwrap();
            assert!(!format!("{credential:?} {:?}", credential.reference()).contains("hunter2"));
        }
    }
}
