//! Who we are to a server.

use crate::login_grant;
use crate::login_mechanisms as mechanisms;
use crate::login_place::Places;
use crate::sasl::Mechanism;
use postrider_core::{Credential, Properties, Property, PropertySpec, Result, Secret, Target, TokenGrant};
use std::sync::Arc;

const USER: Property<String> = Property::new("user", "Name to sign in with.").shared();
pub(crate) const PASSWORD: Property<Credential> = Property::new(
    "password",
    "Password, or an app password where the provider wants one: itself, or where it is kept (file:PATH, \
     command:PROGRAM ARGUMENTS, env:NAME, keyring:SERVICE/USER), looked up for each connection. value: before one \
     that begins so itself.",
);
pub(crate) const TOKEN: Property<Credential> = Property::new(
    "auth.token",
    "OAuth 2 access token, used instead of a password (OAUTHBEARER, XOAUTH2): itself, or where it is kept, as for \
     password; so the command that prints one. See oauth.refreshtoken for the other way to have fresh ones.",
);
const AUTHORIZATION_ID: Property<String> =
    Property::new("sasl.authorizationid", "Whose mail to act on, if not the user's own.");
const CLEARTEXT: Property<bool> = Property::new(
    "auth.cleartext",
    "Sign in even over a connection that anybody on the way can read, by whatever mechanism: SCRAM does not show the \
     password, but a proof it can be guessed from. Never needed for loopback.",
)
.default("false");

/// Credentials and how they may be used.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Login {
    /// Name to sign in with; empty if there is none.
    pub user: String,
    /// Password, or where it is kept.
    pub password: Option<Credential>,
    /// OAuth 2 access token, or where it is kept.
    pub token: Option<Credential>,
    /// How to get an access token where there is none.
    pub grant: Option<Arc<TokenGrant>>,
    /// Whose mail to act on.
    pub authorization_id: Option<String>,
    /// Mechanisms allowed, in order of preference; empty allows all, strongest first.
    pub allowed: Vec<Mechanism>,
    /// Mechanisms that are not used even if they are allowed.
    pub disabled: Vec<Mechanism>,
    /// Sign in by SASL alone, never by IMAP's LOGIN or POP3's APOP, USER and PASS.
    pub sasl_only: bool,
    /// Sign in over a connection anybody can read.
    pub allow_cleartext: bool,
    /// The TLS session shows a client certificate.
    pub has_certificate: bool,
    /// The server's name, which OAUTHBEARER repeats.
    pub host: String,
    /// The server's port, which OAUTHBEARER repeats.
    pub port: u16,
    pub(crate) password_form: Option<fn(&Secret) -> Secret>,
    pub(crate) places: Places,
}

impl Login {
    /// The properties that [`Login::read`] reads.
    pub const PROPERTIES: &'static [PropertySpec] = &[
        USER.spec(),
        PASSWORD.spec(),
        TOKEN.spec(),
        mechanisms::MECHANISMS.spec(),
        mechanisms::SASL.spec(),
        mechanisms::SASL_MECHANISMS.spec(),
        mechanisms::DISABLE_LOGIN.spec(),
        mechanisms::DISABLE_PLAIN.spec(),
        mechanisms::DISABLE_XOAUTH2.spec(),
        AUTHORIZATION_ID.spec(),
        CLEARTEXT.spec(),
        login_grant::TOKEN_URL.spec(),
        login_grant::CLIENT_ID.spec(),
        login_grant::CLIENT_SECRET.spec(),
        login_grant::REFRESH_TOKEN.spec(),
        login_grant::SCOPE.spec(),
    ];

    /// A name and a password for this server.
    pub fn password(target: &Target, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        Self { user: user.into(), password: Some(password.into()), ..Self::none(target) }
    }

    /// A name and an OAuth 2 access token for this server.
    pub fn token(target: &Target, user: impl Into<String>, token: impl Into<Credential>) -> Self {
        Self { user: user.into(), token: Some(token.into()), ..Self::none(target) }
    }

    /// A name for this server, and how to get access tokens.
    pub fn grant(target: &Target, user: impl Into<String>, grant: TokenGrant) -> Self {
        Self { user: user.into(), grant: Some(Arc::new(grant)), ..Self::none(target) }
    }

    /// No credentials for this server, but perhaps a client certificate.
    pub fn none(target: &Target) -> Self {
        Self {
            has_certificate: target.tls_options.certificate_file.is_some(),
            host: target.host.clone(),
            port: target.port,
            ..Self::default()
        }
    }

    /// Reads the credentials for `target` from a transport's properties.
    ///
    /// # Errors
    /// `Configuration` naming the key, also for an unknown mechanism and for a password without a user.
    pub fn read(properties: &Properties, target: &Target) -> Result<Self> {
        let mut login = Self::none(target);
        login.user = properties.read(&USER)?.unwrap_or_default();
        login.password = properties.read(&PASSWORD)?;
        login.token = properties.read(&TOKEN)?;
        login.grant = login_grant::read(properties, target, login.token.is_some())?;
        login.places = Places::of(properties);
        login.authorization_id = properties.read(&AUTHORIZATION_ID)?;
        login.allow_cleartext = properties.require(&CLEARTEXT)?;
        let choice = mechanisms::read(properties)?;
        (login.allowed, login.disabled, login.sasl_only) =
            (choice.allowed, choice.disabled, choice.sasl_only);
        let is_bearer = |m: &Mechanism| matches!(m, Mechanism::OAuthBearer | Mechanism::XOAuth2);
        if !login.has_token() && !login.allowed.is_empty() && login.mechanisms().iter().all(is_bearer) {
            login.token = login.password.take();
            login.places.token_is_password();
        }
        if login.user.is_empty() && (login.has_password() || login.has_token()) {
            return Err(properties
                .fault(&USER, "there is a password or token but no user to go with it")
                .with_advice("set user of the same transport, or take password and auth.token away"));
        }
        Ok(login)
    }

    /// True if there is anything to sign in with.
    pub fn is_given(&self) -> bool {
        self.has_password() || self.has_token() || self.has_certificate
    }

    /// True if there is a password, or the place where it is kept.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// True if there is an access token, the place where it is kept or a way to get one.
    pub fn has_token(&self) -> bool {
        self.token.is_some() || self.grant.is_some()
    }

    /// The password itself; none before it was [looked up](Self::resolved).
    pub fn plain_password(&self) -> Option<&Secret> {
        self.password.as_ref().and_then(Credential::value)
    }

    /// The access token itself; none before it was [looked up](Self::resolved).
    pub fn plain_token(&self) -> Option<&Secret> {
        self.token.as_ref().and_then(Credential::value)
    }

    /// Puts every password through `form` before it is used, also one that has yet to be looked up: for
    /// providers that show their passwords in another form than they are sent in.
    pub fn with_password_form(mut self, form: fn(&Secret) -> Secret) -> Self {
        self.password = self.password.map(|password| match password {
            Credential::Value(secret) => form(&secret).into(),
            reference => reference,
        });
        self.password_form = Some(form);
        self
    }

    /// The mechanisms that may be used, in order of preference.
    pub fn mechanisms(&self) -> Vec<Mechanism> {
        let all = if self.allowed.is_empty() { &Mechanism::ALL[..] } else { &self.allowed };
        all.iter().copied().filter(|m| !self.disabled.contains(m)).collect()
    }

    /// True if the password may be said by a command of the protocol's own (IMAP's LOGIN, POP3's USER and PASS), for
    /// a server without a mechanism that fits: what PLAIN and LOGIN do by another name.
    pub fn may_say_password(&self) -> bool {
        let weak = self.mechanisms().iter().any(|m| matches!(m, Mechanism::Plain | Mechanism::Login));
        weak && !self.sasl_only && self.has_password() && !self.has_token()
    }

    /// Every secret that is known, for masking.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.plain_password().into_iter().chain(self.plain_token())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind, TlsMode};

    fn read(text: &str) -> Result<Login> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let target = Target::new("h", 465, TlsMode::Implicit)?;
        Login::read(&Properties::new([layer]).scoped(&["x"], Login::PROPERTIES), &target)
    }

    #[test]
    fn with_token_mechanisms_alone_the_password_is_the_token() {
        let base = "mail.x.user=me\nmail.x.password=p\n";
        let secrets = |text: &str| {
            let login = read(&format!("{base}{text}")).unwrap();
            let text = |s: Option<&Secret>| s.map(|s| s.expose().to_owned());
            (text(login.plain_password()), text(login.plain_token()))
        };
        let (p, t) = (Some("p".to_owned()), Some("t".to_owned()));
        assert_eq!(secrets("mail.x.auth.mechanisms=XOAUTH2"), (None, p.clone()));
        assert_eq!(secrets("mail.x.auth.mechanisms=OAUTHBEARER, xoauth2"), (None, p.clone()));
        assert_eq!(secrets("mail.x.auth.mechanisms=XOAUTH2 PLAIN"), (p.clone(), None));
        assert_eq!(secrets(""), (p.clone(), None));
        assert_eq!(secrets("mail.x.auth.mechanisms=XOAUTH2\nmail.x.auth.token=t"), (p, t));
    }

    #[test]
    fn a_password_without_a_user_and_an_unknown_mechanism_name_their_key() {
        for (text, part) in [
            ("mail.x.password=hunter2", "mail.x.user"),
            ("mail.x.auth.token=hunter2", "mail.x.user"),
            ("mail.x.auth.mechanisms=CRAM-MD5", "mail.x.auth.mechanisms"),
        ] {
            let error = read(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(part) && !shown.contains("hunter2"), "{shown}");
        }
    }
}
