//! A form's password field.

use postrider_core::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A password as it stands in a form: empty, given, or "as it was".
///
/// Serialised, a password is [`PLACEHOLDER`](Self::PLACEHOLDER): a page shows that there is one, and sends the
/// placeholder back where nobody typed another, which the form then takes over from what is stored
/// (`keep_passwords`). Only a form that was asked to (`reveal`) serialises the text itself. Debug never shows it.
#[derive(Clone, Default)]
pub struct Password {
    state: State,
    shown: bool,
}

#[derive(Clone, Default)]
enum State {
    #[default]
    Empty,
    Unchanged,
    Given(Secret),
}

impl Password {
    /// What stands for a password that is not shown.
    pub const PLACEHOLDER: &'static str = "(unchanged)";

    /// A password; an empty one is none, and the placeholder says that it is as it was.
    pub fn new(text: impl Into<Secret>) -> Self {
        let text = text.into();
        let state = match text.expose() {
            "" => State::Empty,
            Self::PLACEHOLDER => State::Unchanged,
            _ => State::Given(text),
        };
        Self { state, shown: false }
    }

    /// The text, if one was given.
    pub fn given(&self) -> Option<&Secret> {
        match &self.state {
            State::Given(text) => Some(text),
            _ => None,
        }
    }

    /// True if nobody typed anything and the stored one is meant.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.state, State::Unchanged)
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.state, State::Empty)
    }

    pub(super) fn keep(&mut self, stored: &Self) {
        if self.is_unchanged() {
            self.state = stored.state.clone();
        }
    }

    pub(super) fn reveal(&mut self) {
        self.shown = true;
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Empty => "none",
            State::Unchanged => Self::PLACEHOLDER,
            State::Given(_) => "***",
        })
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match &self.state {
            State::Empty => "",
            State::Given(text) if self.shown => text.expose(),
            _ => Self::PLACEHOLDER,
        })
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a visitor that names no value: serde's own error for a number repeats it.
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Password;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Password, E> {
                Ok(Password::new(text))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Password, E> {
                Err(E::custom("a password must be a text, in quotation marks"))
            }

            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Password, E> {
                Err(E::custom("a password must be a text, in quotation marks"))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Password, E> {
                Err(E::custom("a password must be a text, in quotation marks"))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Password, E> {
                Ok(Password::default())
            }
        }
        deserializer.deserialize_any(Text)
    }
}
