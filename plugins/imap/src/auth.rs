//! How to sign in (RFC 9051 §6.2.2, §6.2.3), without I/O: SASL where anything fits, else LOGIN.

use crate::Capabilities;
use crate::codec::{Status, has_control};
use postrider_core::{Error, ErrorKind, Phase, Result, Secret, TlsSession};
use postrider_wire::Login;
use postrider_wire::sasl::{self, Exchange, Mechanism};

/// Longest initial response on the line of the command; a longer one waits for the server's prompt.
const MAX_INITIAL: usize = 7_000;
/// No mechanism takes more than four.
const ROUNDS: usize = 8;

/// The way that was chosen.
#[derive(Debug)]
pub(crate) enum Method {
    /// AUTHENTICATE.
    Sasl(Run),
    /// LOGIN.
    Login,
}

/// One run of AUTHENTICATE.
#[derive(Debug)]
pub(crate) struct Run {
    exchange: Exchange,
    rounds: usize,
}

/// What a prompt of the server is answered with.
pub(crate) enum Then {
    /// This line, without CRLF.
    Say(Secret),
    /// `*`; then the server's no is heard and this error given.
    Cancel(Error),
}

/// Refuses credentials that could break out of their command, before anything is dialed.
pub(crate) fn check(login: &Login) -> Result<()> {
    let secret = |s: Option<&Secret>| s.is_some_and(|s| has_control(s.expose()));
    let what = if has_control(&login.user) || login.authorization_id.as_deref().is_some_and(has_control) {
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

/// Chooses. `private` says that nobody can read along: to sign in at all needs that, or the user's word.
///
/// # Errors
/// `Configuration` if there are no credentials; `Authentication` if there is no safe way to use them.
pub(crate) fn plan(
    login: &Login,
    caps: &Capabilities,
    tls: Option<&TlsSession>,
    private: bool,
) -> Result<Method> {
    if !login.is_given() {
        let what = "there is nothing to sign in with, and IMAP shows nothing to strangers";
        return Err(Error::new(ErrorKind::Configuration, Phase::Authenticate, what)
            .with_advice("set user and password, or user and auth.token"));
    }
    let offered = caps.mechanisms();
    let error = match sasl::choose(login, &offered, tls, private) {
        Ok(mechanism) => {
            let exchange = Exchange::new(mechanism, login, &offered, tls)?;
            return Ok(Method::Sasl(Run { exchange, rounds: 0 }));
        }
        Err(error) => error,
    };
    if !login.may_say_password() || login.authorization_id.is_some() {
        return Err(error);
    }
    if caps.has("LOGINDISABLED") {
        return Err(if tls.is_none() {
            let what = "the server takes no password on a connection that is not encrypted";
            Error::new(ErrorKind::Authentication, Phase::Authenticate, what)
                .with_advice("set tls=implicit or tls=starttls")
        } else {
            error
        });
    }
    if !private && !login.allow_cleartext {
        return Err(sasl::in_clear("there is the command LOGIN"));
    }
    Ok(Method::Login)
}

impl Run {
    /// The command's words and, if `at_once` (SASL-IR, RFC 4959), the initial response.
    pub(crate) fn first(&self, at_once: bool) -> (String, Option<Secret>) {
        let initial = self.exchange.initial().filter(|i| at_once && i.expose().len() <= MAX_INITIAL);
        (format!("AUTHENTICATE {}", self.exchange.mechanism()), initial)
    }

    /// The answer to a prompt.
    pub(crate) fn answer(&mut self, challenge: &str) -> Then {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            let what = "the server never comes to an end of its challenges";
            return Then::Cancel(Error::new(ErrorKind::Protocol, Phase::Authenticate, what));
        }
        match self.exchange.answer(challenge) {
            Ok(answer) => Then::Say(answer),
            Err(error) => Then::Cancel(error),
        }
    }

    /// Whether the server has proved itself too, where the mechanism has it do so.
    pub(crate) fn check_success(&self) -> Result<()> {
        self.exchange.check_success()
    }

    /// In what words a refusal is told, and what to do about it where the mechanism knows better.
    pub(crate) fn refusal(&self, status: &Status) -> (String, Option<&'static str>) {
        let mechanism = self.exchange.mechanism();
        let mut what = format!("the server did not accept the sign-in by {mechanism}");
        // OAuth servers tell the reason inside the exchange (RFC 7628 §3.2.2).
        if let Some(detail) = self.exchange.failure() {
            what = format!("{what}; it explained: {detail}");
        }
        let advice = match mechanism {
            _ if status.kind == crate::codec::StatusKind::Bad => {
                Some("the server does not take this mechanism: set auth.mechanisms to another one it offers")
            }
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => {
                Some("check user and auth.token: the token may have expired or lack the right to read mail")
            }
            _ => None,
        };
        (what, advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Target, TlsMode};

    fn login() -> Login {
        let target = Target::new("h", 143, TlsMode::None).unwrap();
        Login::password(&target, "me", "secret")
    }

    fn pick(login: &Login, words: &[&str], private: bool) -> Result<Method> {
        let caps = Capabilities::new(words.iter().map(|w| (*w).to_owned()).collect());
        plan(login, &caps, None, private)
    }

    #[test]
    fn login_is_for_servers_without_a_mechanism_that_fits_and_only_where_it_is_safe() {
        let me = login();
        assert!(matches!(pick(&me, &["AUTH=PLAIN"], true), Ok(Method::Sasl(_))));
        assert!(matches!(pick(&me, &["AUTH=CRAM-MD5"], true), Ok(Method::Login)));
        assert!(matches!(pick(&me, &[], true), Ok(Method::Login)));
        for (words, private) in [(&["LOGINDISABLED"][..], true), (&[], false), (&["AUTH=PLAIN"], false)] {
            assert_eq!(pick(&me, words, private).unwrap_err().kind(), ErrorKind::Authentication, "{words:?}");
        }
        let mut brave = me.clone();
        brave.allow_cleartext = true;
        assert!(matches!(pick(&brave, &[], false), Ok(Method::Login)));
        let mut other = me.clone();
        other.authorization_id = Some("you".into());
        assert!(pick(&other, &[], true).is_err());
        let mut without = me.clone();
        without.disabled = vec![Mechanism::Login];
        assert!(
            matches!(pick(&without, &["AUTH=LOGIN"], true), Ok(Method::Login)),
            "the command, not the mechanism"
        );
        without.disabled.push(Mechanism::Plain);
        assert!(
            pick(&without, &["AUTH=LOGIN", "AUTH=PLAIN"], true).is_err(),
            "no way that shows the password"
        );
        let mut sasl = me.clone();
        sasl.sasl_only = true;
        assert!(pick(&sasl, &[], true).is_err());
        assert!(pick(&me, &["AUTH=SCRAM-SHA-256"], false).is_err());
        let mut strict = me;
        strict.allowed = vec![Mechanism::ScramSha256];
        assert!(pick(&strict, &["AUTH=PLAIN"], true).is_err());
        let target = Target::new("h", 143, TlsMode::None).unwrap();
        assert!(pick(&Login::token(&target, "me", "t"), &[], true).is_err());
        assert_eq!(pick(&Login::none(&target), &[], true).unwrap_err().kind(), ErrorKind::Configuration);
    }

    #[test]
    fn the_strongest_mechanism_on_offer_is_taken() {
        let Ok(Method::Sasl(run)) = pick(&login(), &["AUTH=PLAIN", "AUTH=SCRAM-SHA-256"], true) else {
            panic!()
        };
        assert_eq!(run.first(false).0, "AUTHENTICATE SCRAM-SHA-256");
        assert!(run.first(true).1.is_some() && run.first(false).1.is_none());
    }

    #[test]
    fn credentials_that_break_out_of_their_line_are_refused() {
        for (user, password) in
            [("a\r\nb LOGOUT", "x"), ("a\0", "x"), ("a", "x\n"), ("a\u{7f}", "x"), ("a", "x\u{1}")]
        {
            let mut login = login();
            login.user = user.into();
            login.password = Some(password.into());
            assert_eq!(check(&login).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
