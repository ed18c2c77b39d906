//! What a server offers (RFC 2449).

/// The lines of a CAPA answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// False if the server does not know CAPA: nothing is known then.
    pub known: bool,
    /// STLS (RFC 2595).
    pub stls: bool,
    /// USER and PASS.
    pub user: bool,
    /// TOP.
    pub top: bool,
    /// UIDL.
    pub uidl: bool,
    /// PIPELINING.
    pub pipelining: bool,
    /// UTF8 (RFC 6856), also in names and passwords.
    pub utf8_user: bool,
    /// SASL mechanisms (RFC 5034).
    pub sasl: Vec<String>,
}

impl Capabilities {
    pub(crate) fn line(&mut self, line: &str) {
        self.known = true;
        let mut words = line.split_ascii_whitespace();
        match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "STLS" => self.stls = true,
            "USER" => self.user = true,
            "TOP" => self.top = true,
            "UIDL" => self.uidl = true,
            "PIPELINING" => self.pipelining = true,
            "UTF8" => self.utf8_user = words.any(|w| w.eq_ignore_ascii_case("USER")),
            "SASL" => self.sasl.extend(words.map(str::to_ascii_uppercase)),
            _ => {}
        }
    }
}
