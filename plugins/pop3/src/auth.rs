//! How to sign in: SASL (RFC 5034), APOP or USER and PASS (RFC 1939 §7). Pure.

use crate::Pop3Config;
use crate::engine::capabilities::Capabilities;
use crate::engine::reply;
use md5::{Digest, Md5};
use postrider_core::{Error, ErrorKind, Phase, Result, Secret, TlsSession};
use postrider_wire::Login;
use postrider_wire::sasl::{self, Mechanism};

/// The way that was chosen.
#[derive(Debug)]
pub(crate) enum Method {
    /// AUTH with this mechanism.
    Sasl(Mechanism),
    /// APOP with this digest.
    Apop(Secret),
    /// USER and PASS.
    UserPass,
}

/// Refuses credentials that are missing or would break out of their line, before anything is dialed.
pub(crate) fn check(login: &Login) -> Result<()> {
    if !login.is_given() {
        let what = "there is nothing to sign in with, and POP3 shows nothing to strangers";
        return Err(Error::new(ErrorKind::Configuration, Phase::Authenticate, what)
            .with_advice("set user and password, or user and auth.token"));
    }
    let broken = |text: &str| text.chars().any(char::is_control);
    let secret = |s: Option<&Secret>| s.is_some_and(|s| broken(s.expose()));
    let what = if broken(&login.user) || login.authorization_id.as_deref().is_some_and(broken) {
        "user name"
    } else if secret(login.plain_password()) {
        "password"
    } else if secret(login.plain_token()) {
        "token"
    } else {
        return Ok(());
    };
    let what = format!("the {what} holds a line break or control character");
    Err(Error::new(ErrorKind::InvalidInput, Phase::Authenticate, what)
        .with_advice("a line end at the end of a file often gets in by mistake"))
}

/// Chooses: APOP if it was asked for, else the strongest SASL mechanism, else USER and PASS. All of them are for
/// private connections only, unless the user says otherwise.
pub(crate) fn choose(
    config: &Pop3Config,
    capabilities: Option<&Capabilities>,
    greeting: &str,
    tls: Option<&TlsSession>,
    private: bool,
) -> Result<Method> {
    let login = &config.login;
    if let (true, Some(password), Some(stamp)) =
        (config.apop, login.plain_password(), reply::timestamp(greeting))
    {
        return refuse_in_clear(login, private, "APOP").and_then(|()| apop(login, password, stamp));
    }
    let offered = offered(login, capabilities);
    let chosen = sasl::choose(login, &offered, tls, private);
    // USER and PASS are PLAIN by another name: for a server that knows no SASL, or says it knows them too.
    let known = offered.is_empty() || capabilities.is_some_and(|c| c.has("USER"));
    let wanted = login.may_say_password() && !login.disabled.contains(&Mechanism::Login);
    if chosen.is_ok() || !known || !wanted {
        return chosen.map(Method::Sasl);
    }
    refuse_in_clear(login, private, "USER and PASS")?;
    if login.authorization_id.is_some() {
        let what = "the server offers only USER and PASS, which can't act for another user";
        return Err(Error::new(ErrorKind::Authentication, Phase::Authenticate, what)
            .with_advice("unset sasl.authorizationid"));
    }
    Ok(Method::UserPass)
}

/// The mechanisms on offer, for SASL to choose from. A server that was not asked, or has no CAPA, offers what
/// the user says it does.
pub(crate) fn offered<'a>(login: &'a Login, capabilities: Option<&'a Capabilities>) -> Vec<&'a str> {
    match capabilities {
        Some(capabilities) => capabilities.mechanisms(),
        None if login.allowed.is_empty() => Vec::new(),
        None => login.mechanisms().into_iter().map(Mechanism::name).collect(),
    }
}

/// The AUTH command, with the initial response on its line if there is one and it may stand there: RFC 5034
/// §4 has at most 255 octets; Google's XOAUTH2 wants longer ones, Microsoft's wants none.
pub(crate) fn opening(mechanism: Mechanism, initial: Option<&Secret>, two_lines: bool) -> Secret {
    let limit = if mechanism == Mechanism::XOAuth2 { usize::MAX } else { 255 };
    let bare = format!("AUTH {mechanism}\r\n");
    match initial {
        Some(initial) if !(two_lines && mechanism == Mechanism::XOAuth2) => {
            let line = Secret::new(format!("AUTH {mechanism} {}\r\n", initial.expose()));
            if line.expose().len() <= limit { line } else { Secret::new(bare) }
        }
        _ => Secret::new(bare),
    }
}

fn apop(login: &Login, password: &Secret, stamp: &str) -> Result<Method> {
    if login.user.contains(' ') {
        let what = "APOP can't carry a user name with a blank in it";
        return Err(Error::new(ErrorKind::InvalidInput, Phase::Authenticate, what));
    }
    let digest = Md5::new().chain_update(stamp).chain_update(password.expose()).finalize();
    Ok(Method::Apop(Secret::new(digest.iter().map(|b| format!("{b:02x}")).collect::<String>())))
}

fn refuse_in_clear(login: &Login, private: bool, what: &str) -> Result<()> {
    if private || login.allow_cleartext {
        return Ok(());
    }
    Err(sasl::in_clear(&format!("there is {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Target, TlsMode};

    fn config() -> Pop3Config {
        let target = Target::new("h", 110, TlsMode::None).unwrap();
        let login = Login::password(&target, "mrose", "tanstaaf");
        Pop3Config::new(target, login)
    }

    fn capabilities(lines: &[&str]) -> Capabilities {
        let mut c = Capabilities::default();
        lines.iter().for_each(|l| assert!(c.add(l.as_bytes())));
        c
    }

    #[test]
    fn the_digest_is_the_one_of_rfc_1939() {
        let config = Pop3Config { apop: true, ..config() };
        let greeting = "POP3 server ready <1896.697170952@dbc.mtview.ca.us>";
        let Method::Apop(digest) = choose(&config, None, greeting, None, true).unwrap() else { panic!() };
        assert_eq!(digest.expose(), "c4c9334bac560ecc979e58001b3e22fb");
        assert!(matches!(choose(&config, None, "no stamp", None, true), Ok(Method::UserPass)));
        assert_eq!(
            choose(&config, None, greeting, None, false).unwrap_err().kind(),
            ErrorKind::Authentication
        );
    }

    #[test]
    fn user_and_pass_serve_where_no_sasl_fits_and_the_server_knows_them() {
        let config = config();
        let pick = |lines: &[&str]| choose(&config, Some(&capabilities(lines)), "", None, true);
        assert!(matches!(pick(&["SASL PLAIN", "USER"]), Ok(Method::Sasl(Mechanism::Plain))));
        assert!(matches!(pick(&["SASL CRAM-MD5", "USER"]), Ok(Method::UserPass)));
        assert!(matches!(pick(&["TOP"]), Ok(Method::UserPass)));
        assert!(pick(&["SASL CRAM-MD5"]).is_err());
        assert!(
            choose(&config, Some(&capabilities(&["SASL SCRAM-SHA-256", "USER"])), "", None, false).is_err()
        );
        let mut without = config.clone();
        without.login.disabled = vec![Mechanism::Login];
        assert!(choose(&without, Some(&capabilities(&["USER"])), "", None, true).is_err());
        let mut sasl = config.clone();
        sasl.login.sasl_only = true;
        assert!(choose(&sasl, Some(&capabilities(&["USER"])), "", None, true).is_err());
        let mut only_scram = config.clone();
        only_scram.login.allowed = vec![Mechanism::ScramSha256];
        assert!(choose(&only_scram, Some(&capabilities(&["USER"])), "", None, true).is_err());
        let mut token = config;
        token.login = Login::token(&token.target, "u", "t");
        assert!(choose(&token, Some(&capabilities(&["USER"])), "", None, true).is_err());
        token.login.allowed = vec![Mechanism::XOAuth2];
        assert!(matches!(choose(&token, None, "", None, true), Ok(Method::Sasl(Mechanism::XOAuth2))));
    }

    #[test]
    fn long_initial_responses_go_on_a_line_of_their_own() {
        let long = Secret::new("A".repeat(300));
        let line = |m, two| opening(m, Some(&long), two).expose().len();
        assert_eq!(line(Mechanism::Plain, false), "AUTH PLAIN\r\n".len());
        assert!(line(Mechanism::XOAuth2, false) > 300);
        assert_eq!(line(Mechanism::XOAuth2, true), "AUTH XOAUTH2\r\n".len());
    }

    #[test]
    fn credentials_that_break_out_of_their_line_are_refused() {
        for (user, password) in
            [("a\r\nDELE 1", "x"), ("a\0", "x"), ("a", "x\n"), ("a\u{7f}", "x"), ("a", "x\u{1}")]
        {
            let mut login = config().login;
            login.user = user.into();
            login.password = Some(password.into());
            let error = check(&login).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(check(&Login::none(&config().target)).unwrap_err().kind(), ErrorKind::Configuration);
    }
}
