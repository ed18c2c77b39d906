//! Signing in (RFC 4954), without I/O: what to say, and what the answers mean.

use crate::SmtpConfig;
use crate::engine::{Capabilities, SmtpReply};
use postrider_core::{Error, ErrorKind, Phase, Result, Secret, TlsSession};
use postrider_wire::Redactor;
use postrider_wire::sasl::{self, Exchange, Mechanism};

/// Longest command line with an initial response, its CRLF counted. A longer response waits for the server's
/// challenge, where 12,288 octets are allowed (RFC 4954 §4).
const COMMAND_LINE: usize = 512;
/// No mechanism takes more than four.
const ROUNDS: usize = 8;

/// One run of AUTH.
pub(crate) struct SignIn {
    exchange: Exchange,
    rounds: usize,
}

/// What follows from a reply.
pub(crate) enum Then {
    /// Say this line, without CRLF.
    Say(Secret),
    /// We are in.
    Done,
    /// Say `*`, hear the server's no, and give this error.
    Cancel(Error),
}

impl SignIn {
    /// Prepares to sign in; `None` if there is nothing to sign in with, or `auth` says not to. `private` says
    /// that nobody can read along.
    ///
    /// # Errors
    /// `Authentication` if there are credentials and no safe way to use them.
    pub(crate) fn plan(
        config: &SmtpConfig,
        caps: &Capabilities,
        tls: Option<&TlsSession>,
        private: bool,
    ) -> Result<Option<Self>> {
        let login = &config.login;
        let offered = caps.mechanisms();
        let certificate_only = !login.has_password() && !login.has_token();
        if config.auth == Some(false) || (config.auth.is_none() && !login.is_given()) {
            return Ok(None);
        }
        if certificate_only && config.auth.is_none() && !offered.contains(&Mechanism::External.name()) {
            // To have shown the certificate in the handshake may be all the server wants.
            return Ok(None);
        }
        if offered.is_empty() {
            return Err(nothing_offered(tls.is_some()));
        }
        let mechanism = sasl::choose(login, &offered, tls, private)?;
        Ok(Some(Self { exchange: Exchange::new(mechanism, login, &offered, tls)?, rounds: 0 }))
    }

    /// The command before its initial response, and that response if it fits the line.
    pub(crate) fn first(&self) -> (String, Option<Secret>) {
        let verb = format!("AUTH {}", self.exchange.mechanism());
        let room = COMMAND_LINE - 3 - verb.len().min(COMMAND_LINE - 3);
        (verb, self.exchange.initial().filter(|initial| initial.expose().len() <= room))
    }

    /// What follows from the server's reply.
    ///
    /// # Errors
    /// `Authentication`, or `Deferred` if the server can't sign anybody in now.
    pub(crate) fn take(&mut self, reply: &SmtpReply, redactor: &Redactor) -> Result<Then> {
        match reply.code {
            235 => self.exchange.check_success().map(|()| Then::Done),
            334 if self.rounds < ROUNDS => {
                self.rounds += 1;
                Ok(match self.exchange.answer(reply.text()) {
                    Ok(answer) => Then::Say(answer),
                    Err(error) => Then::Cancel(error),
                })
            }
            334 => Ok(Then::Cancel(Error::new(
                ErrorKind::Protocol,
                Phase::Authenticate,
                "the server never comes to an end of its challenges",
            ))),
            _ => Err(self.failure(reply, redactor)),
        }
    }

    fn failure(&self, reply: &SmtpReply, redactor: &Redactor) -> Error {
        let mechanism = self.exchange.mechanism();
        let mut what = format!("the server did not accept the sign-in by {mechanism}");
        // OAuth servers tell the reason inside the exchange (RFC 7628 §3.2.2).
        if let Some(detail) = self.exchange.failure() {
            what = format!("{what}; it explained: {}", redactor.clean(&detail).escape_debug());
        }
        let is_token = matches!(mechanism, Mechanism::OAuthBearer | Mechanism::XOAuth2);
        let (kind, advice) = match reply.code {
            432 => {
                (ErrorKind::Authentication, "the account needs a new password before this mechanism works")
            }
            400..=499 => (ErrorKind::Deferred, "the server can't sign anybody in now: try again later"),
            500..=504 | 534 | 538 => (
                ErrorKind::Authentication,
                "the server does not take this mechanism: set auth.mechanisms to another one it offers",
            ),
            530 => {
                (ErrorKind::Authentication, "the server wants TLS first: set tls=starttls or tls=implicit")
            }
            _ if is_token => (
                ErrorKind::Authentication,
                "check user and auth.token: the token may have expired or lack the right to send mail",
            ),
            _ => (
                ErrorKind::Authentication,
                "check user and password; many providers want an app password or an OAuth token here",
            ),
        };
        Error::new(kind, Phase::Authenticate, what).with_reply(reply.to_core(redactor)).with_advice(advice)
    }
}

fn nothing_offered(encrypted: bool) -> Error {
    Error::new(ErrorKind::Authentication, Phase::Authenticate, "the server offers no way to sign in").with_advice(
        if encrypted {
            "check the port: 465 and 587 are for signing in, 25 often is not; or set auth=false to send without"
        } else {
            "many servers offer it only over TLS: set tls=starttls or tls=implicit; or set auth=false to send without"
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Target, TlsMode};
    use postrider_wire::Login;

    fn plan(token: &str, auth: Option<bool>, offered: &[&str]) -> Result<Option<SignIn>> {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        let login = if token.is_empty() { Login::none(&target) } else { Login::token(&target, "me", token) };
        let mut config = SmtpConfig::new(target, login);
        config.auth = auth;
        let auth = offered.iter().map(|o| (*o).to_owned()).collect();
        SignIn::plan(&config, &Capabilities { auth, ..Capabilities::default() }, None, true)
    }

    #[test]
    fn an_initial_response_goes_along_exactly_while_the_line_has_512_octets() {
        let mut seen = [false; 2];
        for length in 1..600 {
            let (verb, initial) = plan(&"t".repeat(length), None, &["XOAUTH2"]).unwrap().unwrap().first();
            let whole = plan(&"t".repeat(length), None, &["XOAUTH2"]).unwrap().unwrap().exchange.initial();
            let line = verb.len() + 1 + whole.unwrap().expose().len() + 2;
            assert_eq!(initial.is_some(), line <= 512, "{line}");
            seen[usize::from(initial.is_some())] = true;
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn credentials_are_used_or_it_is_an_error_unless_the_property_says_not_to() {
        assert!(plan("", None, &["PLAIN"]).unwrap().is_none());
        assert!(plan("t", Some(false), &["XOAUTH2"]).unwrap().is_none());
        for (token, auth, offered) in
            [("t", None, &[][..]), ("t", None, &["PLAIN"]), ("", Some(true), &["PLAIN"])]
        {
            let Err(error) = plan(token, auth, offered) else { panic!("{token} {auth:?} {offered:?}") };
            assert_eq!(error.kind(), ErrorKind::Authentication);
        }
    }

    #[test]
    fn every_refusal_has_its_kind_and_says_what_to_do() {
        let sign_in = plan("secrettoken", None, &["XOAUTH2"]).unwrap().unwrap();
        for (code, kind, part) in [
            (535, ErrorKind::Authentication, "auth.token"),
            (534, ErrorKind::Authentication, "auth.mechanisms"),
            (504, ErrorKind::Authentication, "auth.mechanisms"),
            (432, ErrorKind::Authentication, "new password"),
            (530, ErrorKind::Authentication, "tls="),
            (454, ErrorKind::Deferred, "later"),
            (421, ErrorKind::Deferred, "later"),
        ] {
            let reply = SmtpReply::new(code, None, "no".into());
            let error = sign_in.failure(&reply, &Redactor::default());
            assert_eq!(error.kind(), kind, "{code}");
            assert!(error.advice().unwrap().contains(part), "{code}: {error}");
        }
    }
}
