//! What the suite found out, for people, for READMEs and for programs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of each promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The transport's name.
    pub transport: String,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// The promises, in the suite's order.
    pub promises: Vec<Promise>,
}

/// A promise of the contract and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promise {
    /// Its short name, which stays the same from version to version.
    pub name: String,
    /// What is promised, in a sentence.
    pub text: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result", content = "seen")]
#[non_exhaustive]
pub enum Verdict {
    /// It was tried and kept.
    Kept,
    /// The transport says itself, by a typed `Unsupported`, that it can't do this.
    NotOffered(String),
    /// The bench has no way to try it, or it makes no sense for such a transport.
    NotTried(String),
    /// It was broken; the text says what was seen.
    Broken(String),
}

impl Verdict {
    pub(super) fn broken(seen: impl Into<String>) -> Self {
        Self::Broken(seen.into())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::NotOffered(what) => write!(f, "not offered: {what}"),
            Self::NotTried(why) => write!(f, "not tried: {why}"),
            Self::Broken(seen) => write!(f, "**BROKEN**: {seen}"),
        }
    }
}

impl Report {
    /// The promises that were broken.
    pub fn broken(&self) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(|p| matches!(p.verdict, Verdict::Broken(_)))
    }

    /// What became of the promise of this name.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.promises.iter().find(|p| p.name == name).map(|p| &p.verdict)
    }

    /// Asserts that no promise was broken.
    ///
    /// # Panics
    /// If one was; the message is the whole report.
    pub fn assert_kept(&self) {
        assert!(self.broken().next().is_none(), "the transport breaks its contract\n\n{self}");
    }
}

/// A Markdown table with a heading, ready for a README.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### `{}`, {}\n", self.transport, self.direction)?;
        writeln!(f, "| promise | result |\n|---|---|")?;
        for promise in &self.promises {
            let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
            writeln!(f, "| {} | {} |", cell(&promise.text), cell(&promise.verdict.to_string()))?;
        }
        Ok(())
    }
}
