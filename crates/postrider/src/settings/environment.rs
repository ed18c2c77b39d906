//! Settings in environment variables.

use super::portal::PortalLayers;
use super::portal_variable;
use postrider_core::java_properties::JavaEntry;
use postrider_core::{Error, ErrorKind, Layer, LayerKind, Note, NoteKind, Phase, Result, Secret};
use std::ffi::OsString;
use std::fmt;

const OURS: &str = "POSTRIDER_";
const PORTALS: &str = "LIFERAY_";
const MAIL: &str = "MAIL_";
/// First words of keys, for who forgets `MAIL_`.
const FIRST_WORDS: &[&str] = &[
    "SMTP",
    "SMTPS",
    "IMAP",
    "IMAPS",
    "POP3",
    "POP3S",
    "GMAIL",
    "HOST",
    "USER",
    "PASSWORD",
    "FROM",
    "DEBUG",
    "STORE",
    "TRANSPORT",
    "SESSION",
    "MAILER",
];

/// The environment variables that hold settings.
///
/// `POSTRIDER_MAIL_SMTP_HOST` is `mail.smtp.host`: behind `POSTRIDER_MAIL_` an underscore is a dot and two are a
/// hyphen, so `POSTRIDER_MAIL_GMAIL__POP3_USER` is `mail.gmail-pop3.user`. Capital letters are small ones, unless
/// there is a small one behind `POSTRIDER_MAIL_`: then all stay as they are
/// (`POSTRIDER_MAIL_smtp_socketFactory_class`). Every key has exactly one way to be written so, see
/// [`variable`](Self::variable).
///
/// A portal's variables (`LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST`) are read by
/// [`portal_layers`](Self::portal_layers). Debug shows names, never values.
#[derive(Clone)]
pub struct Environment {
    // Sorted by name; a value that is not Unicode is `None`.
    variables: Vec<(String, Option<Secret>)>,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// Variables from somewhere else: another process's, a test's.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let is_ours = |name: &str| name.starts_with(OURS) || name.starts_with(PORTALS);
        let mut variables: Vec<_> = variables
            .into_iter()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.into_string().ok().map(Secret::new))
            })
            .filter(|(name, _)| is_ours(name))
            .collect();
        variables.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { variables }
    }

    /// The name of the variable that sets a key; `None` for a key that no variable can set (one with an underscore
    /// or another sign that is neither letter, digit, dot nor hyphen).
    pub fn variable(key: &str) -> Option<String> {
        let rest = key.strip_prefix("mail.")?;
        let keep_case = rest.bytes().any(|b| b.is_ascii_uppercase());
        let mut name = format!("{OURS}{MAIL}");
        let mut sign_before = true;
        for c in rest.chars() {
            let sign = matches!(c, '.' | '-');
            match c {
                _ if sign && sign_before => return None,
                '.' => name.push('_'),
                '-' => name.push_str("__"),
                c if !c.is_ascii_alphanumeric() => return None,
                c if keep_case => name.push(c),
                c => name.push(c.to_ascii_uppercase()),
            }
            sign_before = sign;
        }
        // Without a small letter it would be read as small letters.
        let told = !keep_case || rest.bytes().any(|b| b.is_ascii_lowercase());
        Some(name).filter(|_| !sign_before && told)
    }

    /// The settings in `POSTRIDER_MAIL_…` variables; the position of each is the variable's name.
    ///
    /// # Errors
    /// `Configuration` naming the variable: no key can be made of its name, its value is not Unicode, or another one
    /// sets the same key.
    pub fn layer(&self) -> Result<Layer> {
        let (layer, mistakes) = self.layer_all();
        mistakes.into_iter().next().map_or(Ok(layer), Err)
    }

    /// As [`layer`](Self::layer), but goes on behind a mistake: what can be read, and every mistake.
    pub fn layer_all(&self) -> (Layer, Vec<Error>) {
        let mut layer = Layer::new(LayerKind::Environment, "environment");
        let mut mistakes = Vec::new();
        for (name, value) in self.of(OURS) {
            mistakes.extend(set(&mut layer, name, value).err());
        }
        (layer, mistakes)
    }

    /// The settings in a portal's `LIFERAY_…` variables, as [`PortalFile`](super::PortalFile) understands the keys:
    /// a layer of the environment, and one of overrides if there are additional properties among them.
    ///
    /// # Errors
    /// `Configuration` naming the variable, for a value that is not Unicode or a mistake in additional properties.
    pub fn portal_layers(&self) -> Result<Vec<Layer>> {
        let mut layers = PortalLayers::new(LayerKind::Environment, "environment");
        for (name, value) in self.of(PORTALS) {
            let (key, unknown) = portal_variable::decode(name.get(PORTALS.len()..).unwrap_or_default());
            if let Some(part) = unknown.first().filter(|_| key.starts_with("mail")) {
                let message =
                    format!("it is not used: _{}_ is the name of no character", part.escape_debug());
                layers.note(
                    Note::new(NoteKind::NotUsed, key, name, message)
                        .with_advice("write _PERIOD_ for a dot and _MINUS_ for a hyphen"),
                );
                continue;
            }
            if !key.contains("mail") && !key.starts_with("pop.server.") {
                continue;
            }
            let mistakes = layers.take(&JavaEntry::new(key, text(name, value)?, 1), name);
            if let Some(first) = mistakes.into_iter().next() {
                return Err(first);
            }
        }
        Ok(layers.into_layers())
    }

    fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (String, Option<Secret>)> {
        self.variables.iter().filter(move |(name, _)| name.starts_with(prefix))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.iter().map(|(name, _)| name)).finish()
    }
}

fn set(layer: &mut Layer, name: &str, value: &Option<Secret>) -> Result<()> {
    let rest = name.get(OURS.len()..).unwrap_or_default();
    let (mail, rest_of_mail) = rest.split_at_checked(MAIL.len()).unwrap_or_default();
    if !mail.eq_ignore_ascii_case(MAIL) {
        forgotten(name, rest).into_iter().for_each(|note| layer.add_note(note));
        return Ok(());
    }
    let key = key_of(rest_of_mail).map_err(|why| {
        fault(format!("{}: {why}", name.escape_debug()))
            .with_advice("write _ for a dot and __ for a hyphen: POSTRIDER_MAIL_SMTP_HOST is mail.smtp.host")
    })?;
    if let Some(other) = layer.position(&key) {
        return Err(fault(format!("{name} and {other} both set {key}")).with_advice("unset one of them"));
    }
    layer.set_at(key, text(name, value)?, name);
    Ok(())
}

/// A variable of ours that is no setting may be one whose `MAIL_` was forgotten.
fn forgotten(name: &str, rest: &str) -> Option<Note> {
    let first = rest.split('_').next().unwrap_or_default();
    let message = "it is not used: the name of a setting goes on with MAIL_";
    FIRST_WORDS.contains(&first).then(|| {
        Note::new(NoteKind::NotUsed, name, name, message).with_advice(format!("write {OURS}{MAIL}{rest}"))
    })
}

/// The key behind `mail.` of a name behind `POSTRIDER_MAIL_`.
fn key_of(rest: &str) -> Result<String, &'static str> {
    let keep_case = rest.bytes().any(|b| b.is_ascii_lowercase());
    let mut key = "mail".to_owned();
    for (at, word) in rest.split('_').enumerate() {
        if !word.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err("only letters, digits and underscores make a key");
        }
        // An empty word stands between two underscores: they are a hyphen.
        if word.is_empty() && (at == 0 || key.ends_with('-')) {
            return Err("an underscore at the beginning or the end, or three in a row, make no key");
        }
        match word.is_empty() {
            true => key.push('-'),
            false if key.ends_with('-') => key.push_str(word),
            false => key.extend([".", word]),
        }
    }
    if key.ends_with('-') {
        return Err("an underscore at the beginning or the end, or three in a row, make no key");
    }
    Ok(if keep_case { key } else { key.to_ascii_lowercase() })
}

fn text(name: &str, value: &Option<Secret>) -> Result<Secret> {
    value.clone().ok_or_else(|| {
        fault(format!("the value of {} is not Unicode text", name.escape_debug()))
            .with_advice("set it again, in UTF-8")
    })
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
