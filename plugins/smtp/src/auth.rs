//! Signing in (RFC 4954).

use crate::SmtpConfig;
use crate::engine::SmtpReply;
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result};
use postrider_wire::sasl::{self, Exchange};

/// An initial response that makes the command longer than this goes as the answer to a challenge, as
/// RFC 4954 §4 wants it: not every server takes longer command lines.
const INITIAL: usize = 512;

/// Signs in if there is anything to sign in with.
pub(crate) async fn sign_in(session: &mut Session, config: &SmtpConfig) -> Result<()> {
    let login = &config.login;
    if config.auth == Some(false) || !login.is_given() {
        return Ok(());
    }
    let offered = session.caps.auth.clone();
    let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    let certificate_only = login.password.is_none() && login.token.is_none();
    if certificate_only && !offered.contains(&"EXTERNAL") {
        // The certificate may be all the server wants.
        return Ok(());
    }
    if offered.is_empty() {
        let clear = session.channel.tls().is_none();
        return Err(Error::new(ErrorKind::Authentication, Phase::Authenticate, "the server offers no way to sign in")
            .with_advice(if clear {
                "many servers offer it only over TLS: set tls=starttls or tls=implicit; or set auth=false to send without"
            } else {
                "check the port: 465 and 587 are for signing in, 25 often is not; or set auth=false to send without"
            }));
    }
    let mechanism = sasl::choose(login, &offered, session.channel.tls(), session.channel.is_private())?;
    let mut exchange = Exchange::new(mechanism, login, &offered, session.channel.tls())?;
    let verb = format!("AUTH {mechanism}");
    let initial = exchange.initial().filter(|i| verb.len() + i.expose().len() + 3 <= INITIAL);
    match &initial {
        Some(initial) => {
            session
                .channel
                .queue_secret(format!("{verb} {}\r\n", initial.expose()).as_bytes(), &format!("{verb} ***"));
        }
        None => session.channel.queue(format!("{verb}\r\n").as_bytes()),
    }
    session.channel.flush(Phase::Authenticate).await?;
    // No mechanism takes more than four rounds.
    for _ in 0..8 {
        let reply = session.read(Phase::Authenticate).await?;
        match reply.code {
            235 => return exchange.check_success(),
            334 => {
                let answer = match exchange.answer(&reply.text) {
                    Ok(answer) => answer,
                    Err(error) => {
                        session.command("*\r\n", Phase::Authenticate).await?;
                        return Err(error);
                    }
                };
                session.channel.queue_secret(format!("{}\r\n", answer.expose()).as_bytes(), "***");
                session.channel.flush(Phase::Authenticate).await?;
            }
            _ => return Err(failure(session, &exchange, &reply)),
        }
    }
    Err(Error::new(
        ErrorKind::Protocol,
        Phase::Authenticate,
        "the server never comes to an end of its challenges",
    ))
}

fn failure(session: &Session, exchange: &Exchange, reply: &SmtpReply) -> Error {
    let redactor = session.channel.redactor();
    let mut what = format!("the server did not accept the sign-in by {}", exchange.mechanism());
    if let Some(detail) = exchange.failure() {
        what = format!("{what}; it explained: {}", redactor.clean(&detail).escape_debug());
    }
    let (kind, advice) = match reply.code {
        421 | 450..=454 => (ErrorKind::Deferred, "the server can't sign anybody in now: try again later"),
        504 | 534 | 538 | 500..=502 => (
            ErrorKind::Authentication,
            "the server does not take this mechanism: set auth.mechanisms to another one it offers",
        ),
        _ => (
            ErrorKind::Authentication,
            "check user and password; many providers want an app password or an OAuth token here",
        ),
    };
    Error::new(kind, Phase::Authenticate, what).with_reply(reply.to_core(redactor)).with_advice(advice)
}
