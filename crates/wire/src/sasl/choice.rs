//! Which mechanism: what the server offers, the credentials fit, the user allows and the connection is safe for.

use super::Mechanism;
use crate::Login;
use postrider_core::{Error, ErrorKind, Phase, Result, TlsSession};

/// Picks the mechanism: the strongest that the server offers, the credentials fit, the user allows and the
/// connection is safe for. `private` says that nobody can read along
/// ([`Channel::is_private`](crate::Channel::is_private)).
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
    let mut usable = login.mechanisms().into_iter().filter(|m| fits(*m) && is_offered(*m)).peekable();
    let any = usable.peek().is_some();
    if let Some(mechanism) = usable.find(|m| private || login.allow_cleartext || !m.reveals()) {
        return Ok(mechanism);
    }
    let list = if offered.is_empty() { "none".to_owned() } else { offered.join(" ") };
    Err(if any {
        Error::new(
            ErrorKind::Authentication,
            Phase::Authenticate,
            format!("the connection is not encrypted and the server offers only mechanisms that reveal the password ({list})"),
        )
        .with_advice("set tls=implicit or tls=starttls; only if the network is trusted, auth.cleartext=true")
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
