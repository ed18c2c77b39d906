//! HTTP's CONNECT (RFC 9110 §9.3.6).

use crate::name::HostName;
use crate::proxy::{Login, Talk};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postrider_core::{ErrorKind, Repeat, Result};
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

/// More than this no proxy has to say before it connects.
const LONGEST: usize = 16 << 10;

/// Asks for a way to the server and hears the answer.
pub(crate) async fn connect(tcp: &mut TcpStream, talk: &Talk<'_>) -> Result<()> {
    let request = request(talk);
    tcp.write_all(request.as_bytes()).await.map_err(|error| talk.broken(error))?;
    let mut room = LONGEST;
    loop {
        let head = match head(tcp, room).await.map_err(|error| talk.broken(error))? {
            Head::Whole(head) => head,
            Head::Other(seen) => return Err(talk.stranger(&seen)),
            Head::TooLong => {
                let what = format!("answers with more than {LONGEST} bytes");
                return Err(talk
                    .fault(ErrorKind::Limit, what)
                    .with_advice("another service may listen there"));
            }
        };
        room -= head.len().min(room);
        let Some(answer) = Answer::read(&head) else { return Err(talk.stranger(&head)) };
        match answer.code {
            // Announcements (RFC 9110 §15.2): the answer is yet to come.
            100..=199 if answer.code != 101 => {}
            200..=299 => return Ok(()),
            _ => return Err(refusal(talk, &answer)),
        }
    }
}

fn request(talk: &Talk<'_>) -> Zeroizing<String> {
    let server = match &talk.name {
        HostName::Address(address) => match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        },
        HostName::Name(name) => name.strip_suffix('.').unwrap_or(name).to_owned(),
    };
    let server = format!("{server}:{}", talk.target.port);
    let token = talk.login.map(token);
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let length = 100 + 2 * server.len() + token.as_ref().map_or(0, |token| token.len());
    let mut request = Zeroizing::new(String::with_capacity(length));
    for part in ["CONNECT ", &server, " HTTP/1.1\r\nHost: ", &server, "\r\n"] {
        request.push_str(part);
    }
    if let Some(token) = &token {
        for part in ["Proxy-Authorization: Basic ", token, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    request
}

/// Name and password as Basic says them (RFC 7617 §2).
pub(crate) fn token(login: &Login) -> Zeroizing<String> {
    let (user, password) = (login.user.as_str(), login.password.expose());
    let mut plain = Zeroizing::new(String::with_capacity(user.len() + password.len() + 1));
    for part in [user, ":", password] {
        plain.push_str(part);
    }
    Zeroizing::new(STANDARD.encode(plain.as_bytes()))
}

enum Head {
    Whole(Vec<u8>),
    /// What came is not HTTP.
    Other(Vec<u8>),
    TooLong,
}

/// Reads up to the empty line and leaves what follows where it is.
async fn head(tcp: &mut TcpStream, most: usize) -> io::Result<Head> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let length = tcp.peek(&mut chunk).await?;
        if length == 0 {
            let end = || io::ErrorKind::UnexpectedEof.into();
            // A line without an end is an answer that was cut, or no HTTP.
            return if is_http(&head) { Err(end()) } else { Ok(Head::Other(head)) };
        }
        let (mut taken, mut whole) = (0, false);
        for byte in chunk.iter().take(length) {
            head.push(*byte);
            taken += 1;
            whole = head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n");
            if whole {
                break;
            }
        }
        if let Some(bytes) = chunk.get_mut(..taken) {
            tcp.read_exact(bytes).await?;
        }
        if !is_http(&head) {
            return Ok(Head::Other(head));
        }
        if head.len() > most {
            return Ok(Head::TooLong);
        }
        if whole {
            return Ok(Head::Whole(head));
        }
    }
}

/// True if it is, or can become, an answer in HTTP/1.
fn is_http(head: &[u8]) -> bool {
    let start = b"HTTP/1.";
    start.starts_with(head) || head.starts_with(start)
}

struct Answer<'a> {
    code: u16,
    /// Code and reason.
    status: &'a [u8],
    headers: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Answer<'a> {
    fn read(head: &'a [u8]) -> Option<Self> {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.next()?;
        let at = first.iter().position(|byte| *byte == b' ')?;
        let status = first.get(at..)?.trim_ascii();
        let digits = status.split(|byte| *byte == b' ').next()?;
        let code = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 3)?.parse().ok()?;
        let header = |line: &'a [u8]| {
            let at = line.iter().position(|byte| *byte == b':')?;
            Some((line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii()))
        };
        Some(Self { code, status, headers: lines.filter_map(header).collect() })
    }

    fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a [u8]> + 'b {
        let named = move |header: &&(&[u8], &[u8])| header.0.eq_ignore_ascii_case(name.as_bytes());
        self.headers.iter().filter(named).map(|(_, value)| *value)
    }
}

fn refusal(talk: &Talk<'_>, answer: &Answer<'_>) -> postrider_core::Error {
    let (server, said) = (talk.server_name(), talk.words(answer.status));
    match answer.code {
        // 401 is for servers, but tinyproxy says so where the password is wrong.
        401 | 407 => unauthenticated(talk, answer, &said),
        300..=399 | 511 => {
            let place = answer.all("location").next().map(|place| format!(" ({})", talk.words(place)));
            let what = format!("wants a sign-in in a browser first: \"{said}\"{}", place.unwrap_or_default());
            talk.fault(ErrorKind::Connect, what)
                .with_advice("a captive portal is in the way: open any web page on this machine and sign in")
        }
        400..=499 => talk
            .fault(ErrorKind::Connect, format!("does not connect to {server}: \"{said}\""))
            .with_advice(format!(
                "many proxies allow CONNECT to port 443 only: ask whoever runs it to allow port {}, or take another",
                talk.target.port
            )),
        501 | 505 => talk
            .fault(ErrorKind::Connect, format!("knows no CONNECT: \"{said}\""))
            .with_advice("another proxy is needed, or a SOCKS proxy in socks.host"),
        500..=599 => talk
            .fault(ErrorKind::Connect, format!("could not connect to {server}: \"{said}\""))
            .with_repeat(Repeat::Safe)
            .with_advice("check host and port; the proxy looks the name up and may not reach the server"),
        _ => talk
            .fault(ErrorKind::Protocol, format!("answers CONNECT by \"{said}\""))
            .with_advice("check proxy.host and proxy.port: another service may listen there"),
    }
}

fn unauthenticated(talk: &Talk<'_>, answer: &Answer<'_>, said: &str) -> postrider_core::Error {
    let schemes: Vec<String> = answer
        .all("proxy-authenticate")
        .filter_map(|value| value.split(|byte| *byte == b' ').next())
        .map(|scheme| talk.words(scheme))
        .collect();
    let fault = |what: String| talk.fault(ErrorKind::Authentication, what);
    if !schemes.is_empty() && !schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic")) {
        let what = format!("lets one sign in by {} only: \"{said}\"", schemes.join(", "));
        return fault(what)
            .with_advice("only Basic is spoken here: another proxy, or one that adds it, is needed");
    }
    match talk.login {
        None => fault(format!("asks for a name and a password: \"{said}\""))
            .with_property("proxy.user", None)
            .with_advice("set proxy.user and proxy.password"),
        Some(login) => {
            let user = login.user.escape_debug();
            fault(format!("does not accept the name \"{user}\" and its password: \"{said}\""))
                .with_advice("check proxy.user and proxy.password")
        }
    }
}
