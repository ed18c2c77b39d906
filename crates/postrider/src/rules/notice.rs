//! Headers by which a message says that a program wrote it.

use std::fmt;

/// Auto-Submitted of a message that a program wrote (RFC 3834 §5, RFC 5436 §2.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoSubmitted {
    /// Written by a program, not in answer to a message.
    Generated,
    /// Written by a program in answer to a message.
    Replied,
    /// A notification that somebody asked for.
    Notified,
}

impl AutoSubmitted {
    /// Reads the header's value.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all = [Self::Generated, Self::Replied, Self::Notified];
        let found = all.into_iter().find(|value| value.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| "auto-generated, auto-replied or auto-notified is expected".into())
    }

    /// The header's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "auto-generated",
            Self::Replied => "auto-replied",
            Self::Notified => "auto-notified",
        }
    }
}

/// X-Auto-Response-Suppress: which answers by programs the message asks not to get (MS-OXCMAIL).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoResponseSuppress(Vec<&'static str>);

impl AutoResponseSuppress {
    const WORDS: [&'static str; 7] = ["All", "DR", "NDR", "RN", "NRN", "OOF", "AutoReply"];

    /// No answers at all.
    pub fn all() -> Self {
        Self(vec!["All"])
    }

    /// Reads words.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut found: Vec<&'static str> = Vec::new();
        for word in words {
            let known = Self::WORDS.into_iter().find(|w| w.eq_ignore_ascii_case(word.as_ref()));
            let known = known
                .ok_or_else(|| format!("All or some of {} are expected", Self::WORDS[1..].join(", ")))?;
            if !found.contains(&known) {
                found.push(known);
            }
        }
        if found.contains(&"All") && found.len() > 1 {
            return Err("All stands alone".into());
        }
        Ok(Self(found))
    }
}

impl fmt::Display for AutoResponseSuppress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
