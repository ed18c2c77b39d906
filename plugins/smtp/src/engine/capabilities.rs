//! What a server offers (RFC 5321 §4.1.1.1).

use super::SmtpReply;

/// The extensions of an EHLO reply; after STARTTLS those that were offered inside TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// SIZE (RFC 1870) is offered.
    pub size: bool,
    /// The largest message in bytes, if the server names a limit.
    pub max_size: Option<u64>,
    /// SASL mechanisms (RFC 4954), in upper case, each once.
    pub auth: Vec<String>,
}

impl Capabilities {
    /// Reads an EHLO reply. What is malformed or unknown is no capability.
    pub(crate) fn read(reply: &SmtpReply) -> Self {
        let mut caps = Self::default();
        // The first line is the server's name.
        for line in reply.text().split('\n').skip(1) {
            let mut words = line.split_ascii_whitespace().map(str::to_ascii_uppercase);
            let keyword = words.next().unwrap_or_default();
            match keyword.as_str() {
                "STARTTLS" => caps.starttls = true,
                "PIPELINING" => caps.pipelining = true,
                "8BITMIME" => caps.eight_bit_mime = true,
                "SMTPUTF8" => caps.smtputf8 = true,
                "DSN" => caps.dsn = true,
                "ENHANCEDSTATUSCODES" => caps.enhanced_status_codes = true,
                "CHUNKING" => caps.chunking = true,
                "SIZE" => {
                    caps.size = true;
                    // 0 means no fixed limit (RFC 1870 §4).
                    caps.max_size = words.next().and_then(|w| w.parse().ok()).filter(|n| *n > 0);
                }
                "AUTH" => caps.add_mechanisms(words),
                // "AUTH=PLAIN" is how servers of the nineties wrote it, and some still do.
                word => {
                    if let Some(first) = word.strip_prefix("AUTH=") {
                        caps.add_mechanisms(std::iter::once(first.to_owned()).chain(words));
                    }
                }
            }
        }
        caps
    }

    /// The mechanisms as words.
    pub(crate) fn mechanisms(&self) -> Vec<&str> {
        self.auth.iter().map(String::as_str).collect()
    }

    fn add_mechanisms(&mut self, words: impl Iterator<Item = String>) {
        for word in words {
            if !word.is_empty() && !self.auth.contains(&word) {
                self.auth.push(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Capabilities {
        Capabilities::read(&SmtpReply::new(250, None, text.into()))
    }

    #[test]
    fn keywords_are_read_in_any_case_and_junk_is_no_capability() {
        let caps =
            read("AUTH LOGIN\nsize 1000\nAuth plain LOGIN\nAUTH=PLAIN\n8bitmime\n\n \nX-FOO\nSTARTTLS");
        assert_eq!(caps.auth, ["PLAIN", "LOGIN"]);
        assert_eq!((caps.size, caps.max_size), (true, Some(1000)));
        assert!(caps.eight_bit_mime && caps.starttls && !caps.pipelining);
        for size in ["SIZE", "SIZE 0", "SIZE -1", "SIZE 99999999999999999999999", "SIZE x"] {
            let caps = read(&format!("me\n{size}"));
            assert_eq!((caps.size, caps.max_size), (true, None), "{size}");
        }
        assert_eq!(read("STARTTLS PIPELINING"), Capabilities::default(), "the first line is a name");
    }
}
