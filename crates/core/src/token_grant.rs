//! How to get OAuth access tokens with a refresh token.

use crate::target::is_this_machine;
use crate::{Credential, Error, ErrorKind, Phase, Result, Target, TlsMode};

/// What a host needs to get access tokens with a refresh token (RFC 6749 §6).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenGrant {
    /// The server of the token endpoint (RFC 6749 §3.2): TLS, unless it is this machine.
    pub endpoint: Target,
    /// The endpoint's path with its query, beginning with a slash.
    pub path: String,
    /// Who the program is to the authorization server (RFC 6749 §2.2).
    pub client_id: String,
    /// What the program proves that with, where it has to; goes into the body (RFC 6749 §2.3.1).
    pub client_secret: Option<Credential>,
    /// The refresh token. If it is kept in a file, a server that gives a new one has it saved there.
    pub refresh_token: Credential,
    /// Scopes apart by blanks; the ones first granted if there are none.
    pub scope: Option<String>,
}

impl TokenGrant {
    /// A grant for the token endpoint at this URL, without client secret and scope.
    ///
    /// # Errors
    /// `InvalidInput` if the URL is none, or one of `http` for another machine than this: refresh tokens travel
    /// encrypted.
    pub fn new(
        url: &str,
        client_id: impl Into<String>,
        refresh_token: impl Into<Credential>,
    ) -> Result<Self> {
        let (endpoint, path) = read_url(url)?;
        Ok(Self {
            endpoint,
            path,
            client_id: client_id.into(),
            client_secret: None,
            refresh_token: refresh_token.into(),
            scope: None,
        })
    }
}

fn read_url(url: &str) -> Result<(Target, String)> {
    let fault = |why: &str| Error::new(ErrorKind::InvalidInput, Phase::Configure, why);
    let expected = || fault("a URL such as https://login.example.org/oauth2/token is expected");
    let (scheme, rest) = url.split_once("://").ok_or_else(expected)?;
    let encrypted = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(expected()),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !path.bytes().all(|b| b.is_ascii_graphic()) || path.contains('#') {
        return Err(fault("a URL without blanks, fragment and characters beyond ASCII is expected"));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if authority.contains('@') {
        return Err(fault("a URL without user and password is expected"));
    }
    let bracket = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority.rfind(':').filter(|colon| *colon >= bracket) {
        Some(colon) => {
            let (host, port) = authority.split_at(colon);
            let port = port.trim_start_matches(':').parse().ok().filter(|port| *port > 0u16);
            (host, port.ok_or_else(|| fault("a port from 1 to 65535 is expected in the URL"))?)
        }
        None => (authority, if encrypted { 443 } else { 80 }),
    };
    if !encrypted && !is_this_machine(host) {
        return Err(fault("an https URL is expected: over http anybody on the way reads the refresh token"));
    }
    let mode = if encrypted { TlsMode::Implicit } else { TlsMode::None };
    Ok((Target::new(host, port, mode)?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<String> {
        let grant = TokenGrant::new(url, "id", "r")?;
        let server = grant.endpoint;
        Ok(format!("{} {} {} {}", server.host, server.port, server.tls, grant.path))
    }

    #[test]
    fn urls_are_taken_apart() {
        for (url, want) in [
            ("https://oauth2.googleapis.com/token", "oauth2.googleapis.com 443 implicit /token"),
            ("HTTPS://h:8443", "h 8443 implicit /"),
            ("https://h?x=1:2", "h 443 implicit /?x=1:2"),
            ("https://[2001:db8::1]:8443/t", "[2001:db8::1] 8443 implicit /t"),
            ("https://[2001:db8::1]/t", "[2001:db8::1] 443 implicit /t"),
            ("http://127.0.0.1:8080/t?u", "127.0.0.1 8080 none /t?u"),
            ("http://[::1]/t", "[::1] 80 none /t"),
            ("http://localhost/t", "localhost 80 none /t"),
        ] {
            assert_eq!(read(url).unwrap(), want);
        }
    }

    #[test]
    fn what_is_no_url_or_not_encrypted_is_refused() {
        for (url, part) in [
            ("oauth2.googleapis.com/token", "a URL such as"),
            ("ftp://h/t", "a URL such as"),
            ("https://", "host name"),
            ("https:///t", "host name"),
            ("https://h:0/t", "port"),
            ("https://h:99999/t", "port"),
            ("https://me:pw@h/t", "without user"),
            ("https://h/t#x", "fragment"),
            ("https://h/a b", "blanks"),
            ("https://h/a\r\nHost: x", "blanks"),
            ("http://h/t", "https"),
            ("http://localhost.example.org/t", "https"),
            ("http://192.0.2.1/t", "https"),
        ] {
            let error = read(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(part), "{url}: {error}");
        }
    }
}
