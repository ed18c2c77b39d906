//! OAuth tokens: OAUTHBEARER (RFC 7628) and XOAUTH2, with their error challenge.

use crate::Redactor;
use postrider_core::Secret;

pub(super) struct Bearer {
    initial: Secret,
    token: Secret,
    // What answers the error challenge, so that the server can say its final no.
    dummy: &'static str,
    opened: bool,
    failure: Option<String>,
}

impl Bearer {
    pub(super) fn xoauth2(user: &str, token: &Secret) -> Self {
        let initial = Secret::new(format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose()));
        Self { initial, token: token.clone(), dummy: "", opened: false, failure: None }
    }

    pub(super) fn oauthbearer(user: &str, token: &Secret, host: &str, port: u16) -> Self {
        let user = super::scram::escape(user);
        let initial = Secret::new(format!(
            "n,a={user},\u{1}host={host}\u{1}port={port}\u{1}auth=Bearer {}\u{1}\u{1}",
            token.expose()
        ));
        Self { initial, token: token.clone(), dummy: "\u{1}", opened: false, failure: None }
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
        // Masked before it is shortened: half a token would not be known as one.
        let mut redactor = Redactor::default();
        redactor.add(&self.token);
        let text = redactor.clean(&String::from_utf8_lossy(challenge));
        self.failure = Some(text.chars().take(1_000).collect());
        Secret::new(self.dummy)
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_repeats_the_token_where_it_is_shortened_tells_nothing_of_it() {
        let token = Secret::new("ya29.abcdefghijklmnopqrstuvwxyz0123456789");
        for before in 950..1_000 {
            let mut bearer = Bearer::xoauth2("me", &token);
            bearer.answer(format!("{}{}", " ".repeat(before), token.expose()).as_bytes());
            let failure = bearer.failure().unwrap();
            assert!(!failure.contains("ya29") && failure.len() <= 1_000, "{before}: {failure}");
        }
    }
}
