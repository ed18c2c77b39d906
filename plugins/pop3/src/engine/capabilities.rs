//! What a server can do (RFC 2449).

use std::time::Duration;

/// Most lines of a capability list.
pub(crate) const LINES: usize = 1_000;

/// A capability list, in capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(Vec<String>);

impl Capabilities {
    /// Takes in one line of the list. False if there are too many.
    pub(crate) fn add(&mut self, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        if !line.trim().is_empty() {
            self.0.push(line.trim().to_ascii_uppercase());
        }
        self.0.len() <= LINES && self.0.iter().map(String::len).sum::<usize>() <= 64 * 1024
    }

    /// Each line of the list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// True if the capability of this name, in capitals, is listed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.arguments(name).is_some()
    }

    /// The SASL mechanisms offered; some servers list them on several lines.
    pub(crate) fn mechanisms(&self) -> Vec<&str> {
        self.0.iter().filter_map(|line| arguments(line, "SASL")).flatten().collect()
    }

    /// Least time between two sessions (RFC 2449 §6.5).
    pub(crate) fn login_delay(&self) -> Option<Duration> {
        let seconds: u32 = self.arguments("LOGIN-DELAY")?.next()?.parse().ok()?;
        Some(Duration::from_secs(u64::from(seconds.min(86_400))))
    }

    /// True if a message may be deleted because it was read (RFC 2449 §6.7).
    pub(crate) fn deletes_what_is_read(&self) -> bool {
        self.arguments("EXPIRE").and_then(|mut words| words.next()) == Some("0")
    }

    fn arguments(&self, name: &str) -> Option<impl Iterator<Item = &str>> {
        self.0.iter().find_map(|line| arguments(line, name))
    }
}

fn arguments<'a>(line: &'a str, name: &str) -> Option<impl Iterator<Item = &'a str>> {
    let mut words = line.split_ascii_whitespace();
    (words.next() == Some(name)).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arguments_are_read_in_any_case() {
        let mut c = Capabilities::default();
        for line in ["top", "SASL PLAIN login", "SASL SCRAM-SHA-256", "LOGIN-DELAY 900 USER", "", "STLSX"] {
            assert!(c.add(line.as_bytes()));
        }
        assert!(c.has("TOP") && !c.has("STLS"));
        assert_eq!(c.mechanisms(), ["PLAIN", "LOGIN", "SCRAM-SHA-256"]);
        assert_eq!(c.login_delay(), Some(Duration::from_secs(900)));
        assert!(!c.deletes_what_is_read() && c.add(b"EXPIRE 0 USER") && c.deletes_what_is_read());
        assert!(!(0..2_000).all(|_| c.add(b"X")));
    }
}
