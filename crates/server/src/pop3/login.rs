//! The AUTHORIZATION state: USER and PASS, APOP, AUTH.

use md5::{Digest as _, Md5};

use super::{Maildrop, Session};
use crate::error::Result;
use crate::sasl::{self, Mechanism, Outcome};

impl Session<'_> {
    pub(super) fn user(&mut self, name: &str) {
        if !self.options().offers("USER") || !self.may_log_in() {
            return self.mistake("USER is not on offer here");
        }
        if name.is_empty() {
            return self.mistake("USER name, please");
        }
        self.name = Some(name.to_owned());
        self.ok("And the password?");
    }

    /// Everything after `PASS ` is the password, blanks and all (RFC 1939 §7).
    pub(super) fn pass(&mut self, password: &str) {
        let Some(name) = self.name.take() else { return self.mistake("USER comes first") };
        match self.shared.store.find(&name) {
            Some(user) if sasl::password_is(&self.shared.store, &user, password.as_bytes()) => {
                self.open(user)
            }
            _ => self.wrong(),
        }
    }

    /// The digest of the greeting's timestamp and the password.
    pub(super) fn apop(&mut self, rest: &str) {
        if !self.may_log_in() {
            return self.mistake("Encryption first");
        }
        let Some((name, digest)) = rest.rsplit_once(' ') else {
            return self.mistake("APOP name digest, please");
        };
        let user = self.shared.store.find(name);
        let password = user.as_deref().and_then(|user| self.shared.store.password(user));
        let expected = password.map(|password| {
            let digest = Md5::new().chain_update(&self.timestamp).chain_update(password).finalize();
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        match user {
            Some(user) if expected.as_deref() == Some(digest) => self.open(user),
            _ => self.wrong(),
        }
    }

    pub(super) async fn auth(&mut self, rest: &str) -> Result<()> {
        if rest.is_empty() {
            return self.list_mechanisms();
        }
        let (name, initial) = match rest.split_once(' ') {
            Some((name, initial)) => (name, Some(initial.as_bytes())),
            None => (rest, None),
        };
        let Some(mechanism) = Mechanism::named(name, self.options(), self.conn) else {
            self.mistake("That mechanism is not on offer");
            return Ok(());
        };
        let shared = self.shared.clone();
        match sasl::converse(self.conn, &shared.store, &shared.options, mechanism, initial, "+ ").await? {
            Outcome::Authenticated(user) => self.open(user),
            Outcome::Failed => self.wrong(),
            Outcome::Cancelled => self.err("Cancelled"),
            Outcome::Undecodable => self.mistake("That is not base64"),
        }
        Ok(())
    }

    fn list_mechanisms(&mut self) -> Result<()> {
        let mechanisms = Mechanism::offered(self.options(), self.conn);
        self.ok("What there is");
        for mechanism in mechanisms {
            self.conn.put(format!("{}\r\n", mechanism.name()));
        }
        self.conn.put(".\r\n");
        Ok(())
    }

    fn may_log_in(&self) -> bool {
        self.conn.tls().is_some() || !self.options().require_tls
    }

    fn open(&mut self, user: String) {
        match self.shared.store.pop_lock(&user) {
            None => self.err_coded("IN-USE", "Another session has that maildrop"),
            Some(lock) => {
                self.maildrop = Some(Maildrop::open(&self.shared.store, &user, lock));
                self.ok("Welcome");
            }
        }
    }

    fn wrong(&mut self) {
        self.mistakes += 1;
        self.err_coded("AUTH", "Those credentials are wrong");
    }
}
