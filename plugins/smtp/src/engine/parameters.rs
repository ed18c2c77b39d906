//! Parameters of MAIL FROM that the user gives as text (RFC 5321 §4.1.2).

use postrider_core::{PropertyValue, ValueType};

/// Longest text: with the longest path it still fits a line that every server takes with its extensions.
const MOST: usize = 400;

/// Parameters of MAIL FROM: `NAME` or `NAME=VALUE`, apart by blanks. Nothing in them can end the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailParameters(String);

impl MailParameters {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let joined = words.join(" ");
        if words.is_empty() || joined.len() > MOST || !words.iter().all(|word| is_parameter(word)) {
            return Err(format!("NAME or NAME=VALUE, apart by blanks, at most {MOST} bytes, is expected"));
        }
        Ok(Self(joined))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if one of them has this name, in any case.
    pub fn has(&self, name: &str) -> bool {
        let names = self.0.split(' ').filter_map(|word| word.split('=').next());
        names.into_iter().any(|found| found.eq_ignore_ascii_case(name))
    }
}

impl PropertyValue for MailParameters {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

/// esmtp-param: a keyword, and a value without "=", blanks and control characters.
fn is_parameter(word: &str) -> bool {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let keyword = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    name.bytes().all(keyword)
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && value.is_none_or(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_graphic() && b != b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_grammar_has_can_be_a_parameter() {
        for (good, shown) in [("XVERP", "XVERP"), ("A=b  C", "A=b C"), (" by=120;R ", "by=120;R")] {
            assert_eq!(MailParameters::parse(good).unwrap().as_str(), shown);
        }
        let long = format!("A={}", "x".repeat(MOST));
        for bad in ["", " ", "=x", "-A", "A=", "A=b=c", "A\r\nRSET", "A\n", "A\0", "A=ü", "A>", "A\tB", &long]
        {
            assert!(MailParameters::parse(bad).is_err(), "{bad:?}");
        }
        let some = MailParameters::parse("BODY=8BITMIME XVERP").unwrap();
        assert!(some.has("body") && some.has("XVERP") && !some.has("8BITMIME") && !some.has("VERP"));
    }
}
