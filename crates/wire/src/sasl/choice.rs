//! Which mechanism: what the server offers, the credentials fit, the user allows and the connection is safe for.
//!
//! Over a connection that anybody on the way can read, none is safe. The weak ones show the password or token; SCRAM
//! shows the name and a proof that the password can be guessed from at leisure, and whoever is in the middle may be
//! the one who left it as the only choice.

use super::Mechanism;
use crate::Login;
use postrider_core::{Error, ErrorKind, Phase, Result, TlsSession};

/// Picks the mechanism: the strongest that the server offers, the credentials fit, the user allows and the
/// connection is safe for. `private` says that nobody can read along
/// ([`Channel::is_private`](crate::Channel::is_private)); if somebody can, credentials stay here, whatever the
/// mechanism, unless [`Login::allow_cleartext`] is set.
///
/// # Errors
/// `Authentication` that says what was offered and what is missing.
pub fn choose(login: &Login, offered: &[&str], tls: Option<&TlsSession>, private: bool) -> Result<Mechanism> {
    let binds = tls.is_some_and(|t| t.channel_binding.is_some());
    // A token is used instead of a password, and either instead of the certificate, which may be there for the
    // handshake only; unless EXTERNAL is asked for by name.
    let by_password = login.has_password() && !login.has_token();
    let by_certificate = !login.has_password() && !login.has_token();
    let fits = |m: Mechanism| match m {
        Mechanism::External => {
            tls.is_some() && login.has_certificate && (by_certificate || login.allowed.contains(&m))
        }
        Mechanism::ScramSha256Plus => binds && by_password,
        Mechanism::ScramSha256 | Mechanism::Plain | Mechanism::Login => by_password,
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => login.has_token(),
    };
    let is_offered = |m: Mechanism| offered.iter().any(|o| o.eq_ignore_ascii_case(m.name()));
    let usable = login.mechanisms().into_iter().find(|m| fits(*m) && is_offered(*m));
    let safe = private || login.allow_cleartext;
    if let Some(mechanism) = usable.filter(|_| safe) {
        return Ok(mechanism);
    }
    let list = if offered.is_empty() { "none".to_owned() } else { offered.join(" ") };
    Err(if usable.is_some() {
        in_clear(&format!("the server offers {list}"))
    } else {
        let have = match (login.has_password(), login.has_token()) {
            (_, true) => "an OAuth token",
            (true, _) => "a password",
            _ => "no password, token or client certificate",
        };
        Error::new(
            ErrorKind::Authentication,
            Phase::Authenticate,
            format!("no mechanism fits: the server offers {list}, there is {have}"),
        )
        .with_advice("compare auth.mechanisms and the credentials with what the server offers")
    })
}

/// The error of credentials that stay here because anybody on the way could read along; `detail` says what would
/// have been done.
pub fn in_clear(detail: &str) -> Error {
    Error::new(
        ErrorKind::Authentication,
        Phase::Authenticate,
        format!(
            "the connection is not encrypted, and whoever reads along could get at the password ({detail})"
        ),
    )
    .with_advice("set tls=implicit or tls=starttls; only if the network is trusted, auth.cleartext=true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Target, TlsMode};

    fn login() -> Login {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        Login::password(&target, "me", "hunter2")
    }

    #[test]
    fn a_token_is_used_instead_of_a_password_whatever_is_stronger() {
        let mut login = login();
        login.token = Some("t".into());
        let offered = ["SCRAM-SHA-256", "PLAIN", "XOAUTH2"];
        assert_eq!(choose(&login, &offered, None, true).unwrap(), Mechanism::XOAuth2);
        let error = choose(&login, &["SCRAM-SHA-256", "PLAIN"], None, true).unwrap_err();
        assert!(error.message().contains("an OAuth token"), "{error}");
    }

    #[test]
    fn where_others_read_along_no_mechanism_runs_unless_the_user_says_so() {
        let target = Target::new("h", 143, TlsMode::None).unwrap();
        for (mut login, offered) in [
            (login(), &["SCRAM-SHA-256"][..]),
            (login(), &["SCRAM-SHA-256", "PLAIN", "LOGIN"]),
            (login(), &["PLAIN"]),
            (Login::token(&target, "me", "t"), &["OAUTHBEARER", "XOAUTH2"]),
        ] {
            let error = choose(&login, offered, None, false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication);
            assert!(
                error.message().contains("not encrypted") && error.message().contains(offered[0]),
                "{error}"
            );
            assert!(error.advice().unwrap().contains("auth.cleartext=true"), "{error}");
            let private = choose(&login, offered, None, true).unwrap();
            login.allow_cleartext = true;
            assert_eq!(choose(&login, offered, None, false).unwrap(), private);
        }
    }

    #[test]
    fn what_is_disabled_is_not_chosen_and_the_next_one_is() {
        let mut login = login();
        let offered = ["PLAIN", "LOGIN"];
        login.disabled = vec![Mechanism::Plain];
        assert_eq!(choose(&login, &offered, None, true).unwrap(), Mechanism::Login);
        login.allowed = vec![Mechanism::Plain, Mechanism::Login];
        assert_eq!(choose(&login, &offered, None, true).unwrap(), Mechanism::Login);
        login.disabled.push(Mechanism::Login);
        assert!(choose(&login, &offered, None, true).is_err());
    }

    #[test]
    fn a_certificate_signs_in_where_there_is_nothing_else_or_by_name() {
        let tls = TlsSession::new("TLSv1.3", "x");
        let mut login = login();
        login.has_certificate = true;
        let offered = ["EXTERNAL", "PLAIN"];
        assert_eq!(choose(&login, &offered, Some(&tls), true).unwrap(), Mechanism::Plain);
        login.allowed = vec![Mechanism::External];
        assert_eq!(choose(&login, &offered, Some(&tls), true).unwrap(), Mechanism::External);
        assert!(choose(&login, &offered, None, true).is_err());
        login.allowed.clear();
        login.password = None;
        assert_eq!(choose(&login, &offered, Some(&tls), true).unwrap(), Mechanism::External);
    }
}
