//! How the text of a property becomes a value.

use crate::{Address, Secret, TlsMode};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What kind of value a property takes, for help texts and generated documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ValueType {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number,
    /// A time: milliseconds as a bare number, or with a unit (`30s`, `5m`).
    Duration,
    /// A size: bytes as a bare number, or with a unit (`50MiB`).
    Size,
    /// Words apart by blanks or commas.
    Words,
    /// A path of a file.
    File,
    /// A mail address.
    Address,
    /// A password or token; never shown.
    Secret,
    /// One of `implicit`, `starttls`, `starttls-if-offered`, `none`.
    Tls,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Words => "words",
            Self::File => "file",
            Self::Address => "address",
            Self::Secret => "secret",
            Self::Tls => "tls",
        })
    }
}

/// A type that a property's text can be read into.
///
/// Blanks around the text are dropped before it is read; nothing falls back to a default because it could
/// not be read.
pub trait PropertyValue: Sized {
    /// The kind of value.
    const TYPE: ValueType;

    /// Reads the text.
    ///
    /// # Errors
    /// A sentence that says what is expected. It never repeats the text: the caller knows whether that may
    /// be shown.
    fn parse(text: &str) -> Result<Self, String>;
}

/// A duration in a property. A bare number counts milliseconds, as Jakarta Mail has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub Duration);

/// A size in a property, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Words of a property that takes several.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Words(pub Vec<String>);

impl PropertyValue for String {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err("text without control characters is expected".into());
        }
        Ok(text.to_owned())
    }
}

impl PropertyValue for Secret {
    const TYPE: ValueType = ValueType::Secret;

    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|c| matches!(c, '\r' | '\n' | '\0')) {
            return Err("a secret without line breaks is expected".into());
        }
        Ok(Self::new(text))
    }
}

impl PropertyValue for bool {
    const TYPE: ValueType = ValueType::Boolean;

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("true or false is expected".into()),
        }
    }
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl PropertyValue for $t {
            const TYPE: ValueType = ValueType::Number;

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("a whole number from {} to {} is expected", <$t>::MIN, <$t>::MAX))
            }
        }
    )*};
}
number!(u16, u32, u64, usize);

impl PropertyValue for Milliseconds {
    const TYPE: ValueType = ValueType::Duration;

    fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || "a time above zero is expected: milliseconds, or with a unit: 500ms, 30s, 5m, 1h".to_owned();
        let (number, unit) = split_unit(text);
        let number: u64 = number.parse().map_err(|_| expected())?;
        let factor = match unit {
            "" | "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(expected()),
        };
        match number.checked_mul(factor) {
            // A year: anything above is a slip of the keyboard, and some clocks overflow.
            Some(ms) if ms > 0 && ms <= 31_536_000_000 => Ok(Self(Duration::from_millis(ms))),
            _ => Err(expected()),
        }
    }
}

impl PropertyValue for Bytes {
    const TYPE: ValueType = ValueType::Size;

    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "a size is expected: bytes, or with a unit: 64KiB, 50MiB, 1GiB".to_owned();
        let (number, unit) = split_unit(text);
        let number: u64 = number.parse().map_err(|_| expected())?;
        let factor: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            _ => return Err(expected()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(expected)
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

impl PropertyValue for Words {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty());
        Ok(Self(words.map(str::to_owned).collect()))
    }
}

impl PropertyValue for PathBuf {
    const TYPE: ValueType = ValueType::File;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("a path is expected".into());
        }
        Ok(Self::from(text))
    }
}

impl PropertyValue for Address {
    const TYPE: ValueType = ValueType::Address;

    fn parse(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|e| e.message().to_owned())
    }
}

impl PropertyValue for TlsMode {
    const TYPE: ValueType = ValueType::Tls;

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "implicit" => Ok(Self::Implicit),
            "starttls" => Ok(Self::StartTls),
            "starttls-if-offered" => Ok(Self::StartTlsIfOffered),
            "none" => Ok(Self::None),
            _ => Err("one of implicit, starttls, starttls-if-offered, none is expected".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units_and_no_value_is_guessed() {
        let ms = |t| Milliseconds::parse(t).map(|m| m.0.as_millis());
        assert_eq!(
            (ms("1500"), ms("30s"), ms("5 m"), ms("1h")),
            (Ok(1500), Ok(30_000), Ok(300_000), Ok(3_600_000))
        );
        for bad in ["", "-1", "0", "1.5s", "5 parsecs", "99999999999999999999", "18446744073709551615h"] {
            assert!(ms(bad).is_err(), "{bad}");
        }
        assert_eq!(Bytes::parse("50MiB").unwrap().0, 50 << 20);
        assert!(Bytes::parse("50 parsecs").is_err() && Bytes::parse("99999999999999999GiB").is_err());
        assert_eq!(bool::parse("TRUE"), Ok(true));
        assert!(bool::parse("yes").is_err() && bool::parse("1").is_err());
        assert!(u16::parse("70000").unwrap_err().contains("65535"));
    }
}
