//! OAuth tokens: OAUTHBEARER (RFC 7628) and XOAUTH2, with their error challenge.

use postrider_core::Secret;

pub(super) struct Bearer {
    initial: Secret,
    // What answers the error challenge, so that the server can say its final no.
    dummy: &'static str,
    opened: bool,
    failure: Option<String>,
}

impl Bearer {
    pub(super) fn xoauth2(user: &str, token: &Secret) -> Self {
        let initial = Secret::new(format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose()));
        Self { initial, dummy: "", opened: false, failure: None }
    }

    pub(super) fn oauthbearer(user: &str, token: &Secret, host: &str, port: u16) -> Self {
        let user = super::scram::escape(user);
        let initial = Secret::new(format!(
            "n,a={user},\u{1}host={host}\u{1}port={port}\u{1}auth=Bearer {}\u{1}\u{1}",
            token.expose()
        ));
        Self { initial, dummy: "\u{1}", opened: false, failure: None }
    }

    pub(super) fn initial(&self) -> Secret {
        self.initial.clone()
    }

    /// An empty challenge asks for the token; any other is the error, as JSON.
    pub(super) fn answer(&mut self, challenge: &[u8]) -> Secret {
        if challenge.is_empty() && !self.opened {
            self.opened = true;
            return self.initial.clone();
        }
        let text: String = String::from_utf8_lossy(challenge).chars().take(1_000).collect();
        self.failure = Some(text);
        Secret::new(self.dummy)
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.clone()
    }
}
