//! MAIL and RCPT.

use super::{Session, path};

const MOST_RECIPIENTS: usize = 1_000;

/// A mail transaction under way.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) from: String,
    pub(super) parameters: Vec<String>,
    pub(super) utf8: bool,
    pub(super) recipients: Vec<Recipient>,
    /// What BDAT brought so far.
    pub(super) chunks: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) address: String,
    pub(super) parameters: Vec<String>,
    /// The account whose INBOX it goes to.
    pub(super) user: String,
}

/// A refusal: code, enhanced code, text.
type Refusal = (u16, &'static str, &'static str);

impl Session<'_> {
    pub(super) fn mail(&mut self, rest: &str) {
        if !self.greeted {
            return self.mistake(503, "5.5.1", "Say EHLO first");
        }
        if self.transaction.is_some() {
            return self.mistake(503, "5.5.1", "One transaction at a time");
        }
        if self.options().require_auth && self.user.is_none() {
            return self.mistake(530, "5.7.0", "Log in first");
        }
        let Some(path) = path::parse("FROM:", rest) else {
            return self.mistake(501, "5.5.4", "MAIL FROM:<address>, please");
        };
        if !path.address.is_empty() && !path::is_address(&path.address) {
            return self.mistake(553, "5.1.7", "That is not an address");
        }
        let utf8 = match self.mail_parameters(&path.parameters) {
            Ok(utf8) => utf8,
            Err((code, enhanced, text)) => return self.mistake(code, enhanced, text),
        };
        if !path.address.is_ascii() && !utf8 {
            return self.mistake(553, "5.6.7", "That address needs SMTPUTF8");
        }
        self.transaction =
            Some(Transaction { from: path.address, parameters: path.parameters, utf8, ..Default::default() });
        self.say(250, "2.1.0", "Go on");
    }

    pub(super) fn rcpt(&mut self, rest: &str) {
        let Some(transaction) = &self.transaction else {
            return self.mistake(503, "5.5.1", "MAIL comes first");
        };
        let utf8 = transaction.utf8;
        if transaction.chunks.is_some() {
            return self.mistake(503, "5.5.1", "Not after BDAT");
        }
        if transaction.recipients.len() >= MOST_RECIPIENTS {
            return self.say(452, "4.5.3", "Too many recipients");
        }
        let Some(path) = path::parse("TO:", rest) else {
            return self.mistake(501, "5.5.4", "RCPT TO:<address>, please");
        };
        if let Some((code, text)) = self.shared.journal.refusal(&path.address) {
            return self.conn.put(format!("{code} {text}\r\n"));
        }
        if !path::is_address(&path.address) && !path.address.eq_ignore_ascii_case("postmaster") {
            return self.mistake(501, "5.1.3", "That is not an address");
        }
        if !path.address.is_ascii() && !utf8 {
            return self.mistake(553, "5.6.7", "That address needs SMTPUTF8");
        }
        if let Err((code, enhanced, text)) = self.rcpt_parameters(&path.parameters) {
            return self.mistake(code, enhanced, text);
        }
        let user = match self.route(&path.address) {
            Ok(user) => user,
            Err((code, enhanced, text)) => return self.say(code, enhanced, text),
        };
        let recipient = Recipient { address: path.address, parameters: path.parameters, user };
        if let Some(transaction) = &mut self.transaction {
            transaction.recipients.push(recipient);
        }
        self.say(250, "2.1.5", "Recipient noted");
    }

    /// The account that an address belongs to.
    fn route(&self, address: &str) -> Result<String, Refusal> {
        let store = &self.shared.store;
        let catch_all = || self.options().catch_all.as_deref().and_then(|user| store.find(user));
        if address.contains('@')
            && let Some(user) = store.find(address)
        {
            return Ok(user);
        }
        if let Some(user) = catch_all() {
            return Ok(user);
        }
        let domain = address.rsplit_once('@').map_or(self.options().domain.as_str(), |(_, domain)| domain);
        if domain.eq_ignore_ascii_case(&self.options().domain) {
            Err((550, "5.1.1", "No such user here"))
        } else {
            Err((550, "5.7.1", "This server never relays"))
        }
    }

    /// Checks the parameters of MAIL; returns whether SMTPUTF8 is among them.
    fn mail_parameters(&self, parameters: &[String]) -> Result<bool, Refusal> {
        let mut utf8 = false;
        for parameter in parameters {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let offers = |name: &str| self.extended && self.options().offers(name);
            let fine = match key.to_ascii_uppercase().as_str() {
                "SIZE" if offers("SIZE") => match value.parse::<u64>() {
                    Ok(size) if size > self.options().message_limit as u64 => {
                        return Err((552, "5.3.4", "That is more than this server takes"));
                    }
                    parsed => parsed.is_ok(),
                },
                "BODY" if offers("8BITMIME") => {
                    ["7BIT", "8BITMIME"].iter().any(|b| b.eq_ignore_ascii_case(value))
                }
                "SMTPUTF8" if offers("SMTPUTF8") => {
                    utf8 = true;
                    value.is_empty()
                }
                "RET" if offers("DSN") => ["FULL", "HDRS"].iter().any(|r| r.eq_ignore_ascii_case(value)),
                "ENVID" if offers("DSN") => !value.is_empty() && value.len() <= 100 && is_xtext(value),
                "AUTH" if offers("AUTH") => is_xtext(value),
                _ => return Err((555, "5.5.4", "That parameter is not on offer")),
            };
            if !fine {
                return Err((501, "5.5.4", "That parameter's value is wrong"));
            }
        }
        Ok(utf8)
    }

    fn rcpt_parameters(&self, parameters: &[String]) -> Result<(), Refusal> {
        for parameter in parameters {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let dsn = self.extended && self.options().offers("DSN");
            let fine = match key.to_ascii_uppercase().as_str() {
                "NOTIFY" if dsn => {
                    let known =
                        |n: &str| ["SUCCESS", "FAILURE", "DELAY"].iter().any(|k| k.eq_ignore_ascii_case(n));
                    value.eq_ignore_ascii_case("NEVER") || value.split(',').all(known)
                }
                "ORCPT" if dsn => value.split_once(';').is_some_and(|(kind, address)| {
                    !kind.is_empty() && (is_xtext(address) || kind.eq_ignore_ascii_case("utf-8"))
                }),
                _ => return Err((555, "5.5.4", "That parameter is not on offer")),
            };
            if !fine {
                return Err((501, "5.5.4", "That parameter's value is wrong"));
            }
        }
        Ok(())
    }
}

/// RFC 3461 §4: printable, with `+` and `=` only as `+HH`.
fn is_xtext(value: &str) -> bool {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        let fine = match byte {
            b'+' => hex(bytes.next()) && hex(bytes.next()),
            b'=' => false,
            other => other.is_ascii_graphic(),
        };
        if !fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn xtext() {
        assert!(["", "a", "a+2Bb", "a@b"].into_iter().all(super::is_xtext));
        assert!(!["a+", "a+2", "a+2b", "a=b", "a b", "é"].into_iter().any(super::is_xtext));
    }
}
