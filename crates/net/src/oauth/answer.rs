//! What a token endpoint answers (RFC 6749 §5). Pure.

use super::request::percent_encoded;
use postrider_core::{Error, ErrorKind, Phase, Result, Secret};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// A token and what belongs to it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) access_token: Secret,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_token: Option<Secret>,
}

/// The server's no (RFC 6749 §5.2).
#[derive(Debug)]
pub(crate) struct Refusal {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    error: Option<Value>,
    error_description: Option<String>,
}

/// Reads an answer. `secrets` are those of the request, which a server may repeat.
///
/// # Errors
/// `Deferred`, `Configuration` or `Protocol` for an answer that is neither a token nor a refusal.
pub(crate) fn read(
    server: &str,
    status: u16,
    body: &[u8],
    secrets: &[&Secret],
) -> Result<Result<Answer, Refusal>> {
    let error = |kind, what: &str| Error::new(kind, Phase::Authenticate, format!("{server} {what}"));
    // serde's own words may repeat what they are about.
    let fields = serde_json::from_slice::<Fields>(body).ok();
    match (status, fields) {
        (429 | 500..=599, _) => {
            Err(error(ErrorKind::Deferred, &format!("can't tell now (HTTP status {status})"))
                .with_advice("try again later"))
        }
        (300..=399, _) => Err(error(ErrorKind::Configuration, &format!("points to another place (HTTP status {status})"))
            .with_advice("set oauth.tokenurl to the URL of the token endpoint itself: no secret is sent where a server points to")),
        (_, Some(Fields { error: Some(code), error_description, .. })) => {
            Ok(Err(refusal(server, &code, error_description.as_deref(), secrets)))
        }
        (200..=299, Some(Fields { access_token: Some(token), token_type, expires_in, refresh_token, .. })) => {
            let (token, refresh_token) = (Secret::new(token), refresh_token.map(Secret::new));
            if token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
                return Err(error(ErrorKind::Protocol, "gives a token that is no bearer token"));
            }
            let bad = |s: &Secret| s.is_empty() || s.expose().chars().any(|c| c.is_control() || c == ' ');
            if bad(&token) || refresh_token.as_ref().is_some_and(bad) {
                return Err(error(ErrorKind::Protocol, "gives a token that is empty or holds blanks"));
            }
            let expires_in = expires_in.as_ref().and_then(seconds);
            Ok(Ok(Answer { access_token: token, expires_in, refresh_token }))
        }
        (200..=299, _) => Err(error(ErrorKind::Protocol, "answers without an access token")
            .with_advice("check that oauth.tokenurl is a token endpoint")),
        _ => Err(error(ErrorKind::Protocol, &format!("answers with HTTP status {status} and no reason"))
            .with_advice("check that oauth.tokenurl is a token endpoint")),
    }
}

/// Some write the number as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number).ok()
}

fn refusal(server: &str, code: &Value, description: Option<&str>, secrets: &[&Secret]) -> Refusal {
    let code = code.as_str().unwrap_or("an error without a name");
    let (code, why) = (clean(code, secrets), description.map(|text| clean(text, secrets)));
    let message = match why {
        Some(why) if !why.is_empty() => format!("{server} refuses with {code}: {why}"),
        _ => format!("{server} refuses with {code}"),
    };
    Refusal { code, message }
}

/// A server's words without secrets, control characters and an end too far away.
fn clean(text: &str, secrets: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.expose().len() > 3) {
        text = text.replace(secret.expose(), "***").replace(percent_encoded(secret.expose()).as_str(), "***");
    }
    text.chars().take(300).collect::<String>().trim().escape_debug().to_string()
}

impl Refusal {
    /// True if it is the refresh token that is refused.
    pub(crate) fn is_invalid_grant(&self) -> bool {
        self.code == "invalid_grant"
    }

    pub(crate) fn error(self) -> Error {
        let (kind, name, advice) = match self.code.as_str() {
            "invalid_grant" => (
                ErrorKind::Authentication,
                "oauth.refreshtoken",
                "the refresh token has expired, was revoked, was used up or is another client's: sign in at the provider \
                 anew and put the new one in its place",
            ),
            "invalid_client" => (
                ErrorKind::Authentication,
                "oauth.clientid",
                "check oauth.clientid and oauth.clientsecret: the secret may have expired, or the client was deleted",
            ),
            "unauthorized_client" | "unsupported_grant_type" => (
                ErrorKind::Authentication,
                "oauth.clientid",
                "the client may not use refresh tokens: allow it at the provider, or use another client",
            ),
            "invalid_scope" => (
                ErrorKind::Configuration,
                "oauth.scope",
                "ask for no more than was granted when the refresh token was given, or leave oauth.scope away",
            ),
            "temporarily_unavailable" | "server_error" | "slow_down" => {
                (ErrorKind::Deferred, "oauth.tokenurl", "try again later")
            }
            _ => (
                ErrorKind::Authentication,
                "oauth.tokenurl",
                "check oauth.tokenurl, oauth.clientid and oauth.refreshtoken against what the provider tells",
            ),
        };
        Error::new(kind, Phase::Authenticate, self.message).with_property(name, None).with_advice(advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Result<Answer, Refusal>> {
        read("the endpoint", status, body.as_bytes(), &[&"r3fresh/t".into(), &"cl1ent".into()])
    }

    #[test]
    fn a_token_comes_with_its_life_and_perhaps_a_new_refresh_token() {
        for (body, life, refresh) in [
            (r#"{"access_token":"a","token_type":"Bearer","expires_in":3599,"scope":"x"}"#, Some(3599), None),
            (
                r#"{"access_token":"a","token_type":"bearer","expires_in":"60","refresh_token":"n"}"#,
                Some(60),
                Some("n"),
            ),
            (r#"{"access_token":"a","expires_in":-1}"#, None, None),
            (r#"{"access_token":"a","expires_in":1e300}"#, None, None),
            (r#"{"access_token":"a","id_token":{"x":[1]}}"#, None, None),
        ] {
            let answer = answer(200, body).unwrap().unwrap();
            assert_eq!(answer.access_token.expose(), "a");
            assert_eq!(answer.expires_in.map(|life| life.as_secs()), life, "{body}");
            assert_eq!(answer.refresh_token.as_ref().map(Secret::expose), refresh);
        }
    }

    #[test]
    fn each_refusal_has_its_kind_and_advice_and_repeats_no_secret() {
        for (code, kind, property, part) in [
            (
                "invalid_grant",
                ErrorKind::Authentication,
                "oauth.refreshtoken",
                "sign in at the provider anew",
            ),
            ("invalid_client", ErrorKind::Authentication, "oauth.clientid", "oauth.clientsecret"),
            ("unauthorized_client", ErrorKind::Authentication, "oauth.clientid", "may not use"),
            ("unsupported_grant_type", ErrorKind::Authentication, "oauth.clientid", "may not use"),
            ("invalid_scope", ErrorKind::Configuration, "oauth.scope", "granted"),
            ("temporarily_unavailable", ErrorKind::Deferred, "oauth.tokenurl", "later"),
            ("invalid_request", ErrorKind::Authentication, "oauth.tokenurl", "check"),
        ] {
            let body =
                format!(r#"{{"error":"{code}","error_description":"no r3fresh/t r3fresh%2Ft\ncl1ent"}}"#);
            let refusal = answer(400, &body).unwrap().unwrap_err();
            assert_eq!(refusal.is_invalid_grant(), code == "invalid_grant");
            let error = refusal.error();
            assert_eq!((error.kind(), error.phase()), (kind, Phase::Authenticate), "{code}");
            assert_eq!(error.property().unwrap().0, property);
            assert!(error.advice().unwrap().contains(part), "{error}");
            assert!(error.message().contains(code) && error.message().contains("*** ***\\n***"), "{error}");
        }
    }

    #[test]
    fn what_is_neither_token_nor_refusal_is_told_without_repeating_it() {
        for (status, body, kind) in [
            (200, "<html>s3cret</html>", ErrorKind::Protocol),
            (200, r#"{"access_token":["s3cret"]}"#, ErrorKind::Protocol),
            (200, r#"{"access_token":"s3cret","token_type":"mac"}"#, ErrorKind::Protocol),
            (200, r#"{"access_token":"s3cret\r\nX: y"}"#, ErrorKind::Protocol),
            (200, r#"{"access_token":""}"#, ErrorKind::Protocol),
            (200, r#"{"access_token":"s3cret","refresh_token":"a b"}"#, ErrorKind::Protocol),
            (200, "{}", ErrorKind::Protocol),
            (404, "s3cret", ErrorKind::Protocol),
            (302, "s3cret", ErrorKind::Configuration),
            (429, r#"{"error":"invalid_grant"}"#, ErrorKind::Deferred),
            (503, "", ErrorKind::Deferred),
        ] {
            let error = answer(status, body).unwrap_err();
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
        let odd = answer(401, r#"{"error":{"code":401}}"#).unwrap().unwrap_err().error();
        assert_eq!(odd.kind(), ErrorKind::Authentication);
    }
}
