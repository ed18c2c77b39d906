//! What a server offers (RFC 5321 §4.1.1.1).

use super::SmtpReply;

/// The extensions of an EHLO reply.
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
    /// SASL mechanisms (RFC 4954).
    pub auth: Vec<String>,
}

impl Capabilities {
    pub(crate) fn read(reply: &SmtpReply) -> Self {
        let mut caps = Self::default();
        // The first line is the server's name.
        for line in reply.text.lines().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "STARTTLS" => caps.starttls = true,
                "PIPELINING" => caps.pipelining = true,
                "8BITMIME" => caps.eight_bit_mime = true,
                "SMTPUTF8" => caps.smtputf8 = true,
                "DSN" => caps.dsn = true,
                "ENHANCEDSTATUSCODES" => caps.enhanced_status_codes = true,
                "CHUNKING" => caps.chunking = true,
                "SIZE" => {
                    caps.size = true;
                    // 0 means no fixed limit.
                    caps.max_size = words.next().and_then(|w| w.parse().ok()).filter(|n| *n > 0);
                }
                "AUTH" => caps.auth.extend(words.map(str::to_ascii_uppercase)),
                // "AUTH=PLAIN" is how servers of the nineties wrote it, and some still do.
                word => {
                    if let Some(first) = word.strip_prefix("AUTH=") {
                        caps.auth.push(first.to_owned());
                        caps.auth.extend(words.map(str::to_ascii_uppercase));
                    }
                }
            }
        }
        caps.auth.dedup();
        caps
    }
}
