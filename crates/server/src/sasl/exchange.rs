//! One SASL exchange, free of I/O.

use super::scram::Scram;
use super::{Mechanism, oauth};
use crate::store::Store;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Challenge(Vec<u8>),
    Authenticated(String),
    Failed,
}

/// An exchange in progress.
pub(crate) struct Exchange<'a> {
    store: &'a Store,
    mechanism: Mechanism,
    state: State,
}

enum State {
    Start,
    /// LOGIN knows the user's name.
    Named(String),
    /// An error challenge went out; whatever comes back, it failed.
    Doomed,
    Scram(Scram),
    /// The server's signature went out; the client says nothing more.
    Proven(String),
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        mechanism: Mechanism,
        store: &'a Store,
        binding: Option<[u8; 32]>,
        plus_offered: bool,
    ) -> Self {
        let state = match mechanism {
            Mechanism::ScramSha256 => State::Scram(Scram::new(None, plus_offered)),
            Mechanism::ScramSha256Plus => State::Scram(Scram::new(binding, plus_offered)),
            _ => State::Start,
        };
        Self { store, mechanism, state }
    }

    /// The challenge to a client that sent no initial response.
    pub(crate) fn opening(&self) -> Vec<u8> {
        if self.mechanism == Mechanism::Login { b"Username:".to_vec() } else { Vec::new() }
    }

    pub(crate) fn step(&mut self, response: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Doomed) {
            State::Doomed => Step::Failed,
            State::Proven(user) if response.is_empty() => Step::Authenticated(user),
            State::Proven(_) => Step::Failed,
            State::Named(user) => self.login(&user, response),
            State::Scram(scram) => self.scram(scram, response),
            State::Start => match self.mechanism {
                Mechanism::Plain => self.plain(response),
                Mechanism::Login => {
                    let Ok(name) = std::str::from_utf8(response) else { return Step::Failed };
                    self.state = State::Named(name.to_owned());
                    Step::Challenge(b"Password:".to_vec())
                }
                Mechanism::XOAuth2 => self.token(oauth::xoauth2(response), oauth::GMAIL_ERROR),
                Mechanism::OAuthBearer => self.token(oauth::bearer(response), oauth::BEARER_ERROR),
                Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => Step::Failed,
            },
        }
    }

    /// RFC 4616: authzid NUL authcid NUL password. Acting for another is not offered.
    fn plain(&self, response: &[u8]) -> Step {
        let parts: Vec<&[u8]> = response.split(|&b| b == 0).collect();
        let [authzid, name, password] = parts.as_slice() else { return Step::Failed };
        let Ok(name) = std::str::from_utf8(name) else { return Step::Failed };
        let other = std::str::from_utf8(authzid).ok().and_then(|other| self.store.find(other));
        if !authzid.is_empty() && (other.is_none() || other != self.store.find(name)) {
            return Step::Failed;
        }
        self.login(name, password)
    }

    fn login(&self, name: &str, password: &[u8]) -> Step {
        match self.store.find(name) {
            Some(user) if password_is(self.store, &user, password) => Step::Authenticated(user),
            _ => Step::Failed,
        }
    }

    fn token(&mut self, parsed: Option<(String, Vec<u8>)>, error: &str) -> Step {
        let step = match parsed {
            Some((name, token)) => self.login(&name, &token),
            None => Step::Failed,
        };
        match step {
            Step::Failed => Step::Challenge(error.as_bytes().to_vec()),
            good => good,
        }
    }

    fn scram(&mut self, mut scram: Scram, response: &[u8]) -> Step {
        if !scram.is_started() {
            let Some((name, challenge)) = scram.first(response) else { return Step::Failed };
            scram.user = self.store.find(&name);
            self.state = State::Scram(scram);
            return Step::Challenge(challenge);
        }
        let Some(user) = scram.user.clone() else { return Step::Failed };
        let Some(password) = self.store.password(&user) else { return Step::Failed };
        let Some(signature) = scram.last(response, &password) else { return Step::Failed };
        self.state = State::Proven(user);
        Step::Challenge(signature)
    }
}

/// Compares a password, without a hint in the time it takes.
pub(crate) fn password_is(store: &Store, user: &str, password: &[u8]) -> bool {
    let Some(right) = store.password(user) else { return false };
    let differ = right.bytes().zip(password).fold(0, |acc, (a, b)| acc | (a ^ b));
    right.len() == password.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn store() -> Store {
        let store = Store::new("example.test", 1 << 20);
        store.add_user("alice", "secret");
        store
    }

    fn steps(mechanism: Mechanism, responses: &[&[u8]]) -> Step {
        let store = store();
        let mut exchange = Exchange::new(mechanism, &store, None, false);
        responses.iter().map(|r| exchange.step(r)).last().unwrap()
    }

    #[test]
    fn plain_and_login() {
        let alice = || Step::Authenticated("alice".into());
        assert_eq!(steps(Mechanism::Plain, &[b"\0alice\0secret"]), alice());
        assert_eq!(steps(Mechanism::Plain, &[b"alice\0alice\0secret"]), alice());
        assert_eq!(steps(Mechanism::Plain, &[b"\0alice@example.test\0secret"]), alice());
        assert_eq!(steps(Mechanism::Plain, &[b"alice@example.test\0alice\0secret"]), alice());
        for bad in [
            b"\0alice\0wrong".as_slice(),
            b"\0bob\0secret",
            b"bob\0alice\0secret",
            b"alice",
            b"",
            b"\0alice\0secret\0",
        ] {
            assert_eq!(steps(Mechanism::Plain, &[bad]), Step::Failed);
        }
        assert_eq!(steps(Mechanism::Login, &[b"alice", b"secret"]), alice());
        assert_eq!(steps(Mechanism::Login, &[b"alice", b"secre"]), Step::Failed);
    }

    #[test]
    fn tokens_and_their_error_challenge() {
        let good = b"user=alice@example.test\x01auth=Bearer secret\x01\x01";
        assert_eq!(steps(Mechanism::XOAuth2, &[good]), Step::Authenticated("alice".into()));
        let bad = b"user=alice\x01auth=Bearer stale\x01\x01";
        assert_eq!(steps(Mechanism::XOAuth2, &[bad]), Step::Challenge(oauth::GMAIL_ERROR.into()));
        assert_eq!(steps(Mechanism::XOAuth2, &[bad, b""]), Step::Failed);
        let good = b"n,a=alice,\x01host=localhost\x01port=143\x01auth=Bearer secret\x01\x01";
        assert_eq!(steps(Mechanism::OAuthBearer, &[good]), Step::Authenticated("alice".into()));
        assert_eq!(steps(Mechanism::OAuthBearer, &[bad]), Step::Challenge(oauth::BEARER_ERROR.into()));
        assert_eq!(steps(Mechanism::OAuthBearer, &[bad, b"\x01"]), Step::Failed);
    }

    proptest! {
        #[test]
        fn garbage_never_panics_nor_logs_in(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4)) {
            let store = store();
            for mechanism in Mechanism::ALL {
                let mut exchange = Exchange::new(mechanism, &store, Some([7; 32]), true);
                for piece in &pieces {
                    prop_assert!(!matches!(exchange.step(piece), Step::Authenticated(_)));
                }
            }
        }
    }
}
