//! Why nobody was let in.

use crate::doctor::report::{Finding, StepName};
use crate::doctor::seen::Seen;
use crate::doctor::settings::Patient;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_core::{Error, ErrorKind, Secret};
use std::time::{SystemTime, UNIX_EPOCH};

/// The causes, the likeliest first; none if the error says all there is.
pub(crate) fn causes(patient: &Patient, seen: &Seen, step: StepName, error: &Error) -> Vec<Finding> {
    if error.kind() == ErrorKind::Deferred {
        return Vec::new();
    }
    let mut found = Vec::new();
    if step == StepName::Mechanisms {
        found.extend(no_way(patient, seen));
        return found;
    }
    if !matches!(error.kind(), ErrorKind::Authentication | ErrorKind::Rejected) {
        return found;
    }
    found.extend(token(patient, error));
    if let Some((provider, _)) = patient.provider
        && !patient.has_token()
    {
        let proof = patient.proof_of(provider);
        found.push(patient.secret_of(provider).unwrap_or_else(|| {
            let cause = format!(
                "{} does not know this user with this password; an app password ends when the account's password changes",
                provider.name
            );
            Finding::new(cause, proof)
        }));
    }
    if patient.speaks.is_none() {
        return found;
    }
    if found.is_empty() {
        let (user, password) = (patient.key("user"), patient.key("password"));
        let next = match error.advice() {
            Some(advice) => patient.clean(advice),
            None => format!("check {user} and {password}"),
        };
        found.push(Finding::new("the user name or what proves it is not what the server knows", next));
    }
    if !patient.user.contains('@') && patient.provider.is_none() {
        let key = patient.key("user");
        found.push(Finding::new(
            "many servers want the whole address as the user name",
            format!("try the whole address in {key}"),
        ));
    }
    found
}

/// The server offers nothing that could be used.
fn no_way(patient: &Patient, seen: &Seen) -> Option<Finding> {
    let offered = seen.mechanisms.as_ref()?;
    let configured = patient.mechanisms();
    let is = |name: &str, list: &[String]| list.iter().any(|other| other.eq_ignore_ascii_case(name));
    let key = patient.key("auth.mechanisms");
    if offered.is_empty() && seen.tls.is_none() {
        let cause = "the server offers no way to sign in on a connection that is not encrypted";
        let next = format!("set {}=starttls, or implicit with a port for it", patient.key("tls"));
        return Some(Finding::new(cause, next).correct(patient.key("tls"), "starttls"));
    }
    if !configured.is_empty() && !offered.is_empty() && !configured.iter().any(|name| is(name, offered)) {
        let cause = format!("{key} allows {} only, and the server offers none of it", configured.join(" "));
        let next = format!("remove {key}, or name one that the server offers: {}", offered.join(" "));
        return Some(Finding::new(cause, patient.clean(&next)));
    }
    let tokens = ["XOAUTH2", "OAUTHBEARER"];
    if !patient.has_token()
        && !offered.is_empty()
        && offered.iter().all(|name| is(name, &tokens.map(String::from)))
    {
        let next = format!("set {} to an access token", patient.key("auth.token"));
        return Some(Finding::new("the server takes OAuth tokens only, and there is none", next));
    }
    if patient.has_token() && !offered.iter().any(|name| is(name, &tokens.map(String::from))) {
        let next = format!("set {} instead of {}", patient.key("password"), patient.key("auth.token"));
        return Some(Finding::new("there is an OAuth token, and the server takes none", next));
    }
    None
}

/// A token that was not accepted.
fn token(patient: &Patient, error: &Error) -> Option<Finding> {
    if !patient.has_token() {
        return None;
    }
    let end = patient.token().and_then(|token| expiry(&token));
    let key = patient.key("auth.token");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let cause = match end {
        Some(end) if end <= now => {
            format!("the token has expired, {} ago by this machine's clock", span(now - end))
        }
        Some(end) => format!(
            "the token holds for another {}, so it is not its age: it is for another account or purpose, or was revoked",
            span(end - now)
        ),
        None => {
            "the token has expired (most hold for an hour), was revoked, or is for another account or purpose"
                .into()
        }
    };
    let next = match error.advice() {
        Some(advice) if end.is_none() => patient.clean(advice),
        _ => format!("get a fresh token and set {key} to it"),
    };
    Some(Finding::new(cause, next))
}

/// When a token ends, in seconds since 1970, if it is one that says so (RFC 7519 §4.1.4). Not a check: nobody
/// looks at its signature.
fn expiry(token: &Secret) -> Option<u64> {
    let claims = token.expose().split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let json = String::from_utf8(json).ok()?;
    let (_, rest) = json.split_once("\"exp\"")?;
    let digits: String =
        rest.trim_start().strip_prefix(':')?.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_where_it_says_so() {
        let made = |claims: &str| Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)));
        assert_eq!(expiry(&made("{\"aud\":\"x\",\"exp\": 1700000000,\"iat\":1}")), Some(1_700_000_000));
        assert_eq!(expiry(&made("{\"aud\":\"x\"}")), None);
        for text in ["", "ya29.a0Af", "a.b.c", "..", "e30.\u{e9}.x"] {
            assert_eq!(expiry(&Secret::new(text)), None, "{text}");
        }
        assert_eq!(span(3_600), "60 min");
    }
}
