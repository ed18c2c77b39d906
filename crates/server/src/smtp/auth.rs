//! AUTH: RFC 4954.

use super::Session;
use crate::error::Result;
use crate::sasl::{self, Mechanism, Outcome};

impl Session<'_> {
    pub(super) async fn auth(&mut self, rest: &str) -> Result<()> {
        if !self.extended || self.user.is_some() || self.transaction.is_some() {
            self.mistake(503, "5.5.1", "Not now");
            return Ok(());
        }
        if self.options().require_tls && self.conn.tls().is_none() {
            self.say(538, "5.7.11", "Encryption first");
            return Ok(());
        }
        let (name, initial) = match rest.split_once(' ') {
            Some((name, initial)) => (name, Some(initial)),
            None => (rest, None),
        };
        let Some(mechanism) = Mechanism::named(name, self.options(), self.conn) else {
            self.mistake(504, "5.5.4", "That mechanism is not on offer");
            return Ok(());
        };
        let shared = self.shared.clone();
        let initial = initial.map(str::as_bytes);
        let outcome =
            sasl::converse(self.conn, &shared.store, &shared.options, mechanism, initial, "334 ").await?;
        match outcome {
            Outcome::Authenticated(user) => {
                self.user = Some(user);
                self.say(235, "2.7.0", "Welcome");
            }
            Outcome::Failed => self.mistake(535, "5.7.8", "Those credentials are wrong"),
            Outcome::Cancelled => self.say(501, "5.7.0", "Cancelled"),
            Outcome::Undecodable => self.mistake(501, "5.5.2", "That is not base64"),
        }
        Ok(())
    }
}
