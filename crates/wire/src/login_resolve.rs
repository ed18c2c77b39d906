//! Credentials that are kept elsewhere, looked up by the host.

use crate::Login;
use crate::login::{PASSWORD, TOKEN};
use crate::login_grant::TOKEN_URL;
use postrider_core::{Credential, Error, ErrorKind, Host, Phase, Reply, Result, Secret};

impl Login {
    /// The same with every secret known: what is kept elsewhere is looked up, and an access token got. A session
    /// does it when it is opened and keeps the outcome no longer than that takes.
    ///
    /// # Errors
    /// As [`Host::secret`] and [`Host::access_token`], naming the key.
    ///
    /// # Cancellation
    /// As those.
    pub async fn resolved(&self, host: &dyn Host) -> Result<Self> {
        let mut login = self.clone();
        if let Some(Credential::Reference(reference)) = &self.password {
            let found = host.secret(reference).await;
            let found = found.map_err(|error| self.places.explain(PASSWORD.name(), error))?;
            login.password = Some(self.password_form.map_or(found.clone(), |form| form(&found)).into());
        }
        if let Some(token) = self.token_from(host, None).await? {
            login.token = Some(token.into());
        }
        Ok(login)
    }

    /// True if this refusal of a resolved login may mean no more than that its token is too old.
    pub fn may_be_stale(&self, error: &Error) -> bool {
        let refused = error.reply().is_some_and(is_about_credentials);
        let authentication =
            error.kind() == ErrorKind::Authentication && error.phase() == Phase::Authenticate;
        refused && authentication && self.plain_token().is_some()
    }

    /// For another try, exactly one: `refused`, which came from this login, with a token that is fresh. `None` if
    /// there is no other token, so that trying again can only count towards a lock-out. A password is never
    /// looked up again.
    ///
    /// # Errors
    /// As [`resolved`](Self::resolved).
    ///
    /// # Cancellation
    /// As [`resolved`](Self::resolved).
    pub async fn renewed(&self, refused: &Self, host: &dyn Host) -> Result<Option<Self>> {
        let Some(old) = refused.plain_token() else { return Ok(None) };
        let fresh = self.token_from(host, Some(old)).await?;
        Ok(fresh.filter(|fresh| fresh.expose() != old.expose()).map(|fresh| {
            tracing::info!(user = %self.user, "the access token was refused; trying once more with a fresh one");
            Self { token: Some(fresh.into()), ..refused.clone() }
        }))
    }

    /// The token from where it is kept; `None` if it is not kept elsewhere.
    async fn token_from(&self, host: &dyn Host, refused: Option<&Secret>) -> Result<Option<Secret>> {
        match (&self.token, &self.grant) {
            (Some(Credential::Reference(reference)), _) => {
                let found = host.secret(reference).await;
                found.map(Some).map_err(|error| self.places.explain(TOKEN.name(), error))
            }
            (None, Some(grant)) => {
                let got = host.access_token(grant, refused).await;
                got.map(Some).map_err(|error| self.places.explain(TOKEN_URL.name(), error))
            }
            _ => Ok(None),
        }
    }

    /// Refuses credentials that nobody has looked up.
    pub(crate) fn check_resolved(&self) -> Result<()> {
        let password = self.has_password() && self.plain_password().is_none();
        if password || (self.has_token() && self.plain_token().is_none()) {
            let what = "the transport did not look up its credentials (Login::resolved)";
            return Err(Error::new(ErrorKind::Plugin, Phase::Authenticate, what));
        }
        Ok(())
    }
}

/// True unless the reply gives another reason than the credentials. SMTP has a number for them (RFC 4954 §6), IMAP
/// and POP3 have codes (RFC 5530 §3, RFC 3206 §4) or say nothing.
fn is_about_credentials(reply: &Reply) -> bool {
    if let Some(number) = reply.number() {
        return number == 535;
    }
    let code = reply.code().unwrap_or_default();
    let known = ["", "AUTHENTICATIONFAILED", "EXPIRED", "AUTH"];
    reply.status() != "BAD" && known.iter().any(|known| code.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{SecretRef, Target, TlsMode, TokenGrant};

    #[test]
    fn only_a_refusal_of_a_token_may_come_of_its_age() {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        let (token, password) = (Login::token(&target, "me", "t"), Login::password(&target, "me", "p"));
        let refusal = |status: &str, code: Option<&str>| {
            let error = Error::new(ErrorKind::Authentication, Phase::Authenticate, "no");
            error.with_reply(Reply::new(status, code.map(str::to_owned), "no"))
        };
        for (status, code, stale) in [
            ("535", Some("5.7.8"), true),
            ("534", Some("5.7.9"), false),
            ("504", None, false),
            ("NO", None, true),
            ("NO", Some("AUTHENTICATIONFAILED"), true),
            ("NO", Some("ALERT"), false),
            ("BAD", None, false),
            ("-ERR", Some("AUTH"), true),
            ("-ERR", Some("SYS/TEMP"), false),
        ] {
            let error = refusal(status, code);
            assert_eq!(token.may_be_stale(&error), stale, "{status} {code:?}");
            assert!(!password.may_be_stale(&error));
        }
        let nobody_asked = Error::new(ErrorKind::Authentication, Phase::Authenticate, "no mechanism fits");
        assert!(!token.may_be_stale(&nobody_asked));
        assert!(!token.may_be_stale(&refusal("535", None).in_phase(Phase::Sender)));
    }

    /// A host that knows one secret and gives one token after the other.
    struct Vault(std::sync::atomic::AtomicUsize);

    #[postrider_core::async_trait]
    impl Host for Vault {
        async fn connect(&self, _: &Target) -> Result<Box<dyn postrider_core::Connection>> {
            Err(Error::new(ErrorKind::Connect, Phase::Connect, "no network"))
        }

        fn sleep(&self, _: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(std::future::ready(()))
        }

        fn now(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }

        async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
            match reference {
                SecretRef::Environment(name) => Ok(name.as_str().into()),
                _ => Err(Error::new(ErrorKind::Configuration, Phase::Authenticate, "it is not there")),
            }
        }

        async fn access_token(&self, _: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(format!("token {number} not {}", refused.map_or("any", Secret::expose)).into())
        }
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let host = postrider_testkit::VirtualHost::serve(|| panic!("nothing is dialed"));
        postrider_testkit::run(&host, work).unwrap_or_else(|_| panic!("hangs"))
    }

    #[test]
    fn what_is_kept_elsewhere_is_looked_up_in_the_form_it_is_sent_in_and_known_for_masking() {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        let reference = || SecretRef::Environment("AB CD".into());
        let together: fn(&Secret) -> Secret = |s| s.expose().replace(' ', "").into();
        let login = Login::password(&target, "me", reference()).with_password_form(together);
        let vault = Vault(Default::default());
        let resolved = run(login.resolved(&vault)).unwrap();
        assert_eq!(resolved.plain_password().unwrap().expose(), "ABCD");
        assert_eq!(resolved.secrets().map(Secret::expose).collect::<Vec<_>>(), ["ABCD"]);
        assert!(login.plain_password().is_none(), "it is looked up anew the next time");
        // A password is never tried again.
        assert!(run(login.renewed(&resolved, &vault)).unwrap().is_none());
        // Nor is a token that is the same again.
        let login = Login::token(&target, "me", reference());
        let resolved = run(login.resolved(&vault)).unwrap();
        assert!(run(login.renewed(&resolved, &vault)).unwrap().is_none());
        let lost = Login::password(&target, "me", SecretRef::File("/x".into()));
        let error = run(lost.resolved(&vault)).unwrap_err();
        assert_eq!(error.message(), "password: it is not there");
    }

    #[test]
    fn a_grant_is_asked_for_another_token_than_the_refused_one() {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        let grant = TokenGrant::new("https://h/t", "id", "r").unwrap();
        let login = Login::grant(&target, "me", grant);
        let vault = Vault(Default::default());
        let resolved = run(login.resolved(&vault)).unwrap();
        assert_eq!(resolved.plain_token().unwrap().expose(), "token 0 not any");
        let fresh = run(login.renewed(&resolved, &vault)).unwrap().unwrap();
        assert_eq!(fresh.plain_token().unwrap().expose(), "token 1 not token 0 not any");
        assert_eq!(fresh.user, "me");
    }

    #[test]
    fn credentials_that_nobody_looked_up_are_not_sent_as_empty_ones() {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        let reference = SecretRef::Environment("X".into());
        for login in [
            Login::password(&target, "me", reference.clone()),
            Login::token(&target, "me", reference.clone()),
        ] {
            assert!(login.is_given() && login.secrets().next().is_none());
            assert_eq!(login.check_resolved().unwrap_err().kind(), ErrorKind::Plugin);
        }
    }
}
