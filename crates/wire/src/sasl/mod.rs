//! SASL (RFC 4422), client side, pure: which mechanism, and what to say in it.
//!
//! An [`Exchange`] speaks base64 as all three mail protocols do and knows which of its words are secret: all
//! of them. The protocol around it writes them with [`Channel::queue_secret`](crate::Channel::queue_secret).

mod bearer;
mod choice;
mod scram;

pub use choice::{choose, in_clear};

use crate::Login;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::{ChannelBinding, Error, ErrorKind, Phase, Result, Secret, TlsSession};
use std::fmt;

/// A mechanism, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// The client certificate of the TLS session says who we are (RFC 4422 appendix A).
    External,
    /// SCRAM bound to the TLS session (RFC 7677, RFC 9266).
    ScramSha256Plus,
    /// SCRAM (RFC 7677).
    ScramSha256,
    /// OAuth token (RFC 7628).
    OAuthBearer,
    /// OAuth token, Google's way before RFC 7628.
    XOAuth2,
    /// Name and password (RFC 4616).
    Plain,
    /// Name and password, never standardised.
    Login,
}

impl Mechanism {
    /// All of them, strongest first.
    pub const ALL: [Self; 7] = [
        Self::External,
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Plain,
        Self::Login,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// The mechanism of this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One run of a mechanism.
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
}

enum State {
    /// One message and nothing to wait for.
    Plain(Secret),
    /// Name, then password.
    Login {
        user: Secret,
        password: Secret,
        asked: u8,
    },
    Bearer(bearer::Bearer),
    Scram(Box<scram::Scram>),
}

impl Exchange {
    /// Prepares a run. `offered` is what the server offers, `tls` what protects the connection.
    ///
    /// # Errors
    /// `InvalidInput` for a name, password or token the mechanism can't carry (NUL, line breaks, control
    /// characters).
    pub fn new(
        mechanism: Mechanism,
        login: &Login,
        offered: &[&str],
        tls: Option<&TlsSession>,
    ) -> Result<Self> {
        check(login)?;
        let authzid = login.authorization_id.as_deref().unwrap_or_default();
        let user = login.user.as_str();
        let empty = Secret::new("");
        let password = login.plain_password().unwrap_or(&empty);
        let token = login.plain_token().unwrap_or(&empty);
        let state = match mechanism {
            Mechanism::External => State::Plain(Secret::new(authzid)),
            Mechanism::Plain => {
                State::Plain(Secret::new(format!("{authzid}\0{user}\0{}", password.expose())))
            }
            Mechanism::Login => {
                State::Login { user: Secret::new(user), password: password.clone(), asked: 0 }
            }
            Mechanism::XOAuth2 => State::Bearer(bearer::Bearer::xoauth2(user, token)),
            Mechanism::OAuthBearer => {
                State::Bearer(bearer::Bearer::oauthbearer(user, token, &login.host, login.port))
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                let binding = tls.and_then(|t| t.channel_binding.as_ref());
                let header = scram_header(mechanism, binding, offered);
                State::Scram(Box::new(scram::Scram::new(user, password, authzid, header)?))
            }
        };
        Ok(Self { mechanism, state })
    }

    /// The mechanism of this run.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response in base64, where the mechanism has one; `=` stands for an empty one (RFC 4954 §4,
    /// RFC 9051 §6.2.2, RFC 5034 §4).
    pub fn initial(&self) -> Option<Secret> {
        let message = match &self.state {
            State::Plain(message) => message.clone(),
            State::Bearer(bearer) => bearer.initial(),
            State::Scram(scram) => scram.initial(),
            State::Login { .. } => return None,
        };
        Some(if message.is_empty() { Secret::new("=") } else { encode(message.expose().as_bytes()) })
    }

    /// The answer, in base64, to the server's challenge in base64. The first challenge is empty if the
    /// initial response was not sent along: the initial response is the answer then.
    ///
    /// # Errors
    /// `Protocol` or `Authentication` if the challenge can't be answered: cancel with `*` then.
    pub fn answer(&mut self, challenge: &str) -> Result<Secret> {
        let challenge = STANDARD
            .decode(challenge.trim())
            .map_err(|_| protocol(self.mechanism, "its challenge is not base64"))?;
        let mechanism = self.mechanism;
        let answer = match &mut self.state {
            State::Plain(message) => message.clone(),
            State::Login { user, password, asked } => {
                *asked += 1;
                match *asked {
                    1 => user.clone(),
                    2 => password.clone(),
                    _ => return Err(protocol(mechanism, "it asks for more than a name and a password")),
                }
            }
            State::Bearer(bearer) => bearer.answer(&challenge),
            State::Scram(scram) => scram.answer(&challenge)?,
        };
        Ok(encode(answer.expose().as_bytes()))
    }

    /// To be asked when the server says that all is well: SCRAM knows whether the server has proved that it
    /// knows the password too.
    ///
    /// # Errors
    /// `Authentication` if it has not.
    pub fn check_success(&self) -> Result<()> {
        match &self.state {
            State::Scram(scram) if !scram.is_verified() => Err(Error::new(
                ErrorKind::Authentication,
                Phase::Authenticate,
                format!("{}: the server did not prove that it knows the password", self.mechanism),
            )
            .with_advice("this may not be the server you think it is; check host and certificate")),
            _ => Ok(()),
        }
    }

    /// What the server told of a failure inside the exchange: the decoded error of XOAUTH2 and OAUTHBEARER.
    pub fn failure(&self) -> Option<String> {
        match &self.state {
            State::Bearer(bearer) => bearer.failure(),
            State::Scram(scram) => scram.failure(),
            _ => None,
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.mechanism)
    }
}

fn scram_header(mechanism: Mechanism, binding: Option<&ChannelBinding>, offered: &[&str]) -> scram::Header {
    let plus = offered.iter().any(|o| o.eq_ignore_ascii_case(Mechanism::ScramSha256Plus.name()));
    match binding {
        Some(binding) if mechanism == Mechanism::ScramSha256Plus => scram::Header::Bound(binding.clone()),
        // "I could, you seem not to": lets the server notice if someone took -PLUS out of its list.
        Some(_) if !plus => scram::Header::NotOffered,
        _ => scram::Header::Unbound,
    }
}

fn check(login: &Login) -> Result<()> {
    let bad = |text: &str| text.chars().any(|c| matches!(c, '\0' | '\r' | '\n' | '\u{1}'));
    let secret = |s: Option<&Secret>| s.is_some_and(|s| bad(s.expose()));
    login.check_resolved()?;
    let what = if bad(&login.user) || login.authorization_id.as_deref().is_some_and(bad) {
        "user name"
    } else if secret(login.plain_password()) {
        "password"
    } else if secret(login.plain_token()) {
        "token"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::InvalidInput,
        Phase::Authenticate,
        format!("the {what} holds a line break or control character"),
    )
    .with_advice("a line end at the end of a file often gets in by mistake"))
}

fn encode(bytes: &[u8]) -> Secret {
    Secret::new(STANDARD.encode(bytes))
}

fn protocol(mechanism: Mechanism, what: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        Phase::Authenticate,
        format!("{mechanism}: the server broke the protocol: {what}"),
    )
}
