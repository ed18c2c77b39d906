//! SOCKS 5 (RFC 1928) with a name and a password (RFC 1929).

use crate::name::HostName;
use crate::proxy::{Login, Talk};
use postrider_core::{Error, ErrorKind, Repeat, Result};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
const NONE_OF_THEM: u8 = 0xff;

/// Greets, signs in if it has to be, and asks for a way to the server.
pub(crate) async fn connect(tcp: &mut TcpStream, talk: &Talk<'_>) -> Result<()> {
    let request = request(talk)?;
    let offer: &[u8] = match talk.login {
        None => &[VERSION, 1, NO_LOGIN],
        Some(_) => &[VERSION, 2, NO_LOGIN, NAME_AND_PASSWORD],
    };
    say(tcp, talk, offer).await?;
    let version = hear::<1>(tcp, talk).await?;
    if version != [VERSION] {
        return Err(stranger(tcp, talk, version).await);
    }
    match (hear::<1>(tcp, talk).await?, talk.login) {
        ([NO_LOGIN], _) => {}
        ([NAME_AND_PASSWORD], Some(login)) => sign_in(tcp, talk, login).await?,
        ([NONE_OF_THEM], None) => {
            return Err(talk
                .fault(ErrorKind::Authentication, "lets nobody in without a name and a password")
                .with_property("socks.user", None)
                .with_advice("set socks.user and socks.password"));
        }
        ([NONE_OF_THEM], Some(_)) => {
            return Err(talk
                .fault(ErrorKind::Authentication, "does not let one sign in by name and password")
                .with_advice("another proxy is needed: GSSAPI is not spoken here"));
        }
        ([other], _) => {
            return Err(nonsense(talk, &format!("a way to sign in that was not offered ({other})")));
        }
    }
    say(tcp, talk, &request).await?;
    let [version, reply, _, kind] = hear::<4>(tcp, talk).await?;
    if version != VERSION {
        return Err(nonsense(talk, &format!("version {version} in its reply")));
    }
    if reply != 0 {
        return Err(refusal(talk, reply));
    }
    // The address it connects from is of no use, but the next byte after it is the server's.
    let rest = 2 + match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(u8::from_be_bytes(hear::<1>(tcp, talk).await?)),
        other => return Err(nonsense(talk, &format!("an address of an unknown kind ({other})"))),
    };
    for _ in 0..rest {
        hear::<1>(tcp, talk).await?;
    }
    Ok(())
}

async fn say(tcp: &mut TcpStream, talk: &Talk<'_>, words: &[u8]) -> Result<()> {
    tcp.write_all(words).await.map_err(|error| talk.broken(error))
}

async fn hear<const N: usize>(tcp: &mut TcpStream, talk: &Talk<'_>) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    tcp.read_exact(&mut bytes).await.map_err(|error| talk.broken(error))?;
    Ok(bytes)
}

async fn sign_in(tcp: &mut TcpStream, talk: &Talk<'_>, login: &Login) -> Result<()> {
    let (user, password) = (login.user.as_bytes(), login.password.expose().as_bytes());
    let (Ok(user_length), Ok(password_length)) = (u8::try_from(user.len()), u8::try_from(password.len()))
    else {
        let what = "can't be told a name or password of more than 255 bytes";
        return Err(talk
            .fault(ErrorKind::Configuration, what)
            .with_advice("check socks.user and socks.password"));
    };
    let mut words = Zeroizing::new(Vec::with_capacity(3 + user.len() + password.len()));
    words.extend([1, user_length]);
    words.extend(user);
    words.push(password_length);
    words.extend(password);
    say(tcp, talk, &words).await?;
    match hear::<2>(tcp, talk).await? {
        [_, 0] => Ok(()),
        _ => {
            let what = format!("does not accept the name \"{}\" and its password", login.user.escape_debug());
            Err(talk
                .fault(ErrorKind::Authentication, what)
                .with_advice("check socks.user and socks.password"))
        }
    }
}

/// CONNECT; the proxy looks the name up (RFC 1928 §4).
fn request(talk: &Talk<'_>) -> Result<Vec<u8>> {
    let mut words = vec![VERSION, 1, 0];
    match &talk.name {
        HostName::Address(address) => match address.to_canonical() {
            IpAddr::V4(address) => {
                words.push(1);
                words.extend(address.octets());
            }
            IpAddr::V6(address) => {
                words.push(4);
                words.extend(address.octets());
            }
        },
        HostName::Name(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let Ok(length) = u8::try_from(name.len()) else {
                let what = "can't be told a host name of more than 255 bytes";
                return Err(talk.fault(ErrorKind::InvalidInput, what).with_advice("check the host property"));
            };
            words.extend([3, length]);
            words.extend(name.as_bytes());
        }
    }
    words.extend(talk.target.port.to_be_bytes());
    Ok(words)
}

/// What a stranger says first is worth showing, as far as it is here already.
async fn stranger(tcp: &mut TcpStream, talk: &Talk<'_>, first: [u8; 1]) -> Error {
    let mut more = [0; 80];
    let length = tcp.try_read(&mut more).unwrap_or_default();
    let mut seen = first.to_vec();
    seen.extend(more.iter().take(length));
    talk.stranger(&seen)
}

fn nonsense(talk: &Talk<'_>, what: &str) -> Error {
    talk.fault(ErrorKind::Protocol, format!("breaks SOCKS 5: {what}"))
        .with_advice("check socks.host and socks.port; the proxy's log tells")
}

/// RFC 1928 §6.
fn refusal(talk: &Talk<'_>, reply: u8) -> Error {
    let server = talk.server_name();
    let what = match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "it knows no CONNECT",
        8 => "it knows no such kind of address",
        _ => "an unknown reason",
    };
    let fault =
        talk.fault(ErrorKind::Connect, format!("does not connect to {server}: {what} (reply {reply})"));
    match reply {
        2 => fault.with_advice(format!("ask whoever runs the proxy to allow {server}, or take another",)),
        7 | 8 => fault.with_advice("another proxy is needed"),
        _ => fault
            .with_repeat(Repeat::Safe)
            .with_advice("check host and port; the proxy looks the name up and may not reach the server"),
    }
}
