//! What a server offers.

use crate::codec::Syntax;

/// The server's capability list (RFC 9051 §7.2.2), in capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    words: Vec<String>,
}

impl Capabilities {
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self { words }
    }

    /// True if this capability, in any case, is in the list. What IMAP4rev2 includes counts as being there.
    pub fn has(&self, name: &str) -> bool {
        let listed = |name: &str| self.words.iter().any(|w| w.eq_ignore_ascii_case(name));
        // RFC 9051 appendix E.
        const REV2: [&str; 13] = [
            "NAMESPACE",
            "UNSELECT",
            "UIDPLUS",
            "ESEARCH",
            "SEARCHRES",
            "ENABLE",
            "IDLE",
            "SASL-IR",
            "LIST-EXTENDED",
            "LIST-STATUS",
            "MOVE",
            "LITERAL-",
            "BINARY",
        ];
        listed(name) || (listed("IMAP4REV2") && REV2.iter().any(|w| w.eq_ignore_ascii_case(name)))
    }

    /// All of them, as the server listed them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The value of a capability such as `APPENDLIMIT=35651584`.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    }

    /// The SASL mechanisms on offer.
    pub(crate) fn mechanisms(&self) -> Vec<&str> {
        self.words.iter().filter_map(|w| w.strip_prefix("AUTH=")).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How strings may be written, with or without UTF-8 enabled.
    pub(crate) fn syntax(&self, utf8: bool) -> Syntax {
        Syntax { literal_plus: self.has("LITERAL+"), literal_minus: self.has("LITERAL-"), utf8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rev2_brings_its_extensions_along() {
        let caps = |words: &[&str]| Capabilities::new(words.iter().map(|w| (*w).to_owned()).collect());
        assert!(caps(&["IMAP4REV2"]).has("UIDPLUS") && !caps(&["IMAP4REV1"]).has("UIDPLUS"));
        assert!(caps(&["IMAP4REV2"]).syntax(false).literal_minus && !caps(&["IMAP4REV2"]).has("LITERAL+"));
        let some = caps(&["IMAP4REV1", "AUTH=PLAIN", "APPENDLIMIT=7", "AUTH=SCRAM-SHA-256"]);
        assert_eq!(
            (some.mechanisms(), some.number("APPENDLIMIT")),
            (vec!["PLAIN", "SCRAM-SHA-256"], Some(7))
        );
        assert!(some.has("auth=plain") && caps(&["APPENDLIMIT"]).number("APPENDLIMIT").is_none());
    }
}
