//! The server's side of SASL: pure exchanges, and the one loop that carries them over a connection.

mod exchange;
mod oauth;
mod scram;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::conn::{Conn, Line};
use crate::error::Result;
use crate::options::Options;
use crate::store::Store;

pub(crate) use exchange::{Exchange, Step, password_is};

/// RFC 4954 §4 lets a base64 line be this long.
const LINE_LIMIT: usize = 12_288;

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    ScramSha256Plus,
    ScramSha256,
    OAuthBearer,
    XOAuth2,
    Plain,
    Login,
}

impl Mechanism {
    pub(crate) const ALL: [Self; 6] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Plain,
        Self::Login,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// The mechanisms on offer here and now. `-PLUS` needs a channel to bind to.
    pub(crate) fn offered(options: &Options, conn: &Conn) -> Vec<Self> {
        let in_clear = conn.tls().is_none();
        if !options.offers("AUTH") || (in_clear && options.require_tls) {
            return Vec::new();
        }
        let bound = conn.tls().is_some_and(|tls| tls.exporter.is_some());
        let fits = |m: &Self| options.offers(m.name()) && (bound || *m != Self::ScramSha256Plus);
        Self::ALL.into_iter().filter(fits).collect()
    }

    pub(crate) fn named(name: &str, options: &Options, conn: &Conn) -> Option<Self> {
        Self::offered(options, conn).into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }
}

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This account logged in.
    Authenticated(String),
    /// The credentials or their form are wrong.
    Failed,
    /// The client sent `*`.
    Cancelled,
    /// What came isn't base64.
    Undecodable,
}

/// Runs one exchange. `prefix` introduces a challenge: `334 ` or `+ `. `initial` is still base64, `=` for empty.
pub(crate) async fn converse(
    conn: &mut Conn,
    store: &Store,
    options: &Options,
    mechanism: Mechanism,
    initial: Option<&[u8]>,
    prefix: &str,
) -> Result<Outcome> {
    let plus_offered = Mechanism::offered(options, conn).contains(&Mechanism::ScramSha256Plus);
    let binding = conn.tls().and_then(|tls| tls.exporter);
    let mut exchange = Exchange::new(mechanism, store, binding, plus_offered);
    let mut step = match initial {
        None => Step::Challenge(exchange.opening()),
        Some(b"=") => exchange.step(b""),
        Some(encoded) => match STANDARD.decode(encoded) {
            Ok(response) => exchange.step(&response),
            Err(_) => return Ok(Outcome::Undecodable),
        },
    };
    loop {
        match step {
            Step::Authenticated(user) => return Ok(Outcome::Authenticated(user)),
            Step::Failed => return Ok(Outcome::Failed),
            Step::Challenge(challenge) => {
                conn.put(format!("{prefix}{}\r\n", STANDARD.encode(challenge)));
                let Line::Whole(line) = conn.line(LINE_LIMIT).await? else { return Ok(Outcome::Undecodable) };
                if line == b"*" {
                    return Ok(Outcome::Cancelled);
                }
                let Ok(response) = STANDARD.decode(line) else { return Ok(Outcome::Undecodable) };
                step = exchange.step(&response);
            }
        }
    }
}
