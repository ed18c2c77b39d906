//! AUTH (RFC 4954) through lettre's client: what is said is of our own, for lettre's exchange gives up where an
//! OAuth server explains its refusal.

use crate::LettreConfig;
use crate::session::Session;
use lettre::transport::smtp::authentication as lettre_auth;
use lettre::transport::smtp::response::Response;
use postrider_core::{Error, ErrorKind, Fact, Phase, Result, Secret, TlsSession};
use postrider_wire::sasl::{self, Exchange};

/// No mechanism takes more than four.
const ROUNDS: usize = 8;

impl Session {
    /// Signs in if there is anything to sign in with. `private` says that nobody can read along.
    pub(crate) async fn sign_in(
        &mut self,
        config: &LettreConfig,
        tls: Option<&TlsSession>,
        private: bool,
    ) -> Result<()> {
        if !config.login.has_password() && !config.login.has_token() {
            return Ok(());
        }
        let known =
            [lettre_auth::Mechanism::Plain, lettre_auth::Mechanism::Login, lettre_auth::Mechanism::Xoauth2];
        let names = ["PLAIN", "LOGIN", "XOAUTH2"];
        let is_offered = |m: &lettre_auth::Mechanism| self.smtp.server_info().supports_auth_mechanism(*m);
        let offered: Vec<&str> =
            known.iter().zip(names).filter(|(m, _)| is_offered(m)).map(|(_, name)| name).collect();
        if offered.is_empty() {
            let what = "the server offers no way to sign in that lettre knows (PLAIN, LOGIN, XOAUTH2)";
            return Err(Error::new(ErrorKind::Authentication, Phase::Authenticate, what)
                .with_advice("many servers offer it only over TLS: set tls=implicit or tls=starttls"));
        }
        let mechanism = sasl::choose(&config.login, &offered, tls, private)?;
        let mut exchange = Exchange::new(mechanism, &config.login, &offered, tls)?;
        self.host.learned(Fact::SigningIn(format!("AUTH {mechanism}")));
        let mut line = format!("AUTH {mechanism}\r\n");
        for _ in 0..ROUNDS {
            let answer = self.ask(&line, Phase::Authenticate).await;
            let answer = answer.map_err(|error| refused(error, &exchange))?;
            if answer.has_code(235) {
                return exchange.check_success();
            }
            line = match self.answer(&answer, &mut exchange) {
                Ok(secret) => format!("{}\r\n", secret.expose()),
                Err(error) => {
                    // Its answer changes nothing: we are not signed in, and why is known.
                    let _ = self.ask("*\r\n", Phase::Authenticate).await;
                    return Err(error);
                }
            };
        }
        let what = "the server never comes to an end of its challenges";
        Err(Error::new(ErrorKind::Protocol, Phase::Authenticate, what))
    }

    fn answer(&mut self, challenge: &Response, exchange: &mut Exchange) -> Result<Secret> {
        if !challenge.has_code(334) {
            let what = "the server's answer to AUTH is neither a yes nor a challenge";
            return Err(Error::new(ErrorKind::Protocol, Phase::Authenticate, what));
        }
        let answer = exchange.answer(challenge.first_line().unwrap_or_default())?;
        // A server may repeat the line; a short one stands in ordinary words.
        if answer.expose().len() > 3 {
            self.redactor.add(&answer);
        }
        Ok(answer)
    }
}

fn refused(error: Error, exchange: &Exchange) -> Error {
    if error.kind() != ErrorKind::Rejected {
        return error;
    }
    let what = format!("the server did not accept the sign-in by {}", exchange.mechanism());
    let refused = Error::new(ErrorKind::Authentication, Phase::Authenticate, what)
        .with_advice("check user and password; many providers want an app password or an OAuth token here");
    match error.reply() {
        Some(reply) => refused.with_reply(reply.clone()),
        None => refused,
    }
}
