//! The request to a token endpoint, by hyper over a connection of the host: its roots, proxies and filters count
//! for it too.

use super::answer::{self, Answer, Refusal};
use crate::TokioHost;
use crate::name::HostName;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use postrider_core::{Error, ErrorKind, Host, Phase, Result, Secret, TlsMode, TokenGrant};
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Time for all of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most that an answer may have, in bytes, head and body each.
const MOST: usize = 64 * 1024;

/// Asks for an access token (RFC 6749 §6). What the server refuses is the inner error.
pub(crate) async fn ask(
    host: &TokioHost,
    grant: &TokenGrant,
    client_secret: Option<&Secret>,
    refresh_token: &Secret,
) -> Result<Result<Answer, Refusal>> {
    let form = form(grant, client_secret, refresh_token);
    let (status, body) = match timeout(PATIENCE, post(host, grant, form)).await {
        Ok(answer) => answer?,
        Err(_) => {
            let message = format!("{} did not answer within {} s", server(grant), PATIENCE.as_secs());
            return Err(Error::new(ErrorKind::Timeout, Phase::Authenticate, message));
        }
    };
    let secrets: Vec<&Secret> = [refresh_token].into_iter().chain(client_secret).collect();
    answer::read(&server(grant), status, &body, &secrets)
}

async fn post(
    host: &TokioHost,
    grant: &TokenGrant,
    form: Zeroizing<String>,
) -> Result<(u16, Zeroizing<Vec<u8>>)> {
    let request = request(grant, form)?;
    let connection =
        host.connect(&grant.endpoint).await.map_err(|error| error.in_phase(Phase::Authenticate))?;
    if grant.endpoint.tls != TlsMode::Implicit && !connection.is_loopback() {
        let message = format!("{} is not this machine, and refresh tokens travel encrypted", server(grant));
        return Err(Error::new(ErrorKind::Configuration, Phase::Authenticate, message)
            .with_advice("use an https URL"));
    }
    let failed = |error| failed(grant, &error);
    let handshake = http1::Builder::new().max_buf_size(MOST).handshake(TokioIo::new(connection));
    let (mut sender, driver) = handshake.await.map_err(failed)?;
    // Ends with this function, however that ends.
    let _driver = Driver(tokio::spawn(async move { driver.await.unwrap_or_default() }));
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status().as_u16();
    let body = whole(grant, response.into_body()).await?;
    Ok((status, body))
}

fn request(grant: &TokenGrant, mut form: Zeroizing<String>) -> Result<Request<Full<Bytes>>> {
    let target = &grant.endpoint;
    let usual = if target.tls == TlsMode::Implicit { 443 } else { 80 };
    let name = match HostName::read(&target.host)? {
        HostName::Address(address @ std::net::IpAddr::V6(_)) => format!("[{address}]"),
        HostName::Address(address) => address.to_string(),
        HostName::Name(name) => name,
    };
    let name = if target.port == usual { name } else { format!("{name}:{}", target.port) };
    let body = Bytes::from(std::mem::take(&mut *form));
    let agent = HeaderValue::from_static(concat!("postrider/", env!("CARGO_PKG_VERSION")));
    let request = Request::post(grant.path.as_str())
        .header(HOST, name)
        .header(USER_AGENT, agent)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(CONNECTION, HeaderValue::from_static("close"))
        .body(Full::new(body));
    request.map_err(|error| {
        let message = format!("no request can be made for this token endpoint: {error}");
        Error::new(ErrorKind::Configuration, Phase::Authenticate, message)
    })
}

async fn whole(grant: &TokenGrant, body: Incoming) -> Result<Zeroizing<Vec<u8>>> {
    match Limited::new(body, MOST).collect().await {
        Ok(body) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the answer of {} has no end: above {MOST} bytes", server(grant));
            Err(Error::new(ErrorKind::Limit, Phase::Authenticate, message))
        }
        Err(error) => Err(broken_off(grant, &error)),
    }
}

fn form(grant: &TokenGrant, client_secret: Option<&Secret>, refresh_token: &Secret) -> Zeroizing<String> {
    let fields = [
        ("grant_type", Some("refresh_token")),
        ("refresh_token", Some(refresh_token.expose())),
        ("client_id", Some(grant.client_id.as_str())),
        ("client_secret", client_secret.map(Secret::expose)),
        ("scope", grant.scope.as_deref()),
    ];
    let mut form = Zeroizing::new(String::with_capacity(1024));
    for (name, value) in fields.iter().filter_map(|(name, value)| value.map(|value| (name, value))) {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        form.push_str(&percent_encoded(value));
    }
    form
}

/// All but the unreserved characters of RFC 3986 §2.3 as percent signs and digits.
pub(super) fn percent_encoded(text: &str) -> Zeroizing<String> {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// The server as errors name it.
fn server(grant: &TokenGrant) -> String {
    format!("the token endpoint at {}:{}", grant.endpoint.host.escape_debug(), grant.endpoint.port)
}

fn failed(grant: &TokenGrant, error: &hyper::Error) -> Error {
    if error.is_parse() {
        let message = format!("what {} answers is not HTTP/1.1: {error}", server(grant));
        return Error::new(ErrorKind::Protocol, Phase::Authenticate, message)
            .with_advice("check oauth.tokenurl");
    }
    broken_off(grant, error)
}

fn broken_off(grant: &TokenGrant, error: &(impl std::fmt::Display + ?Sized)) -> Error {
    let message = format!("the connection to {} broke off: {error}", server(grant));
    Error::new(ErrorKind::Closed, Phase::Authenticate, message)
}

struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
