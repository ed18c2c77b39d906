//! Through a proxy to the server: what HTTP's CONNECT and SOCKS have in common.
//!
//! A proxy's answers are read up to their end and not a byte further: the next one is the server's. Nothing is
//! looked up or retried elsewhere, so its password goes to this proxy only.

use crate::name::HostName;
use crate::place::Place;
use crate::resolve::{self, AddressFilter};
use crate::{proxy_http, proxy_socks};
use postrider_core::{
    Credential, Error, ErrorKind, Host, Phase, Proxy, ProxyKind, Repeat, Result, Secret, Target,
};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// A login that is ready to be said, if the target's proxy wants one.
pub(crate) async fn login(host: &impl Host, target: &Target, deadline: Instant) -> Result<Option<Login>> {
    let Some(proxy) = &target.proxy else { return Ok(None) };
    let Some(user) = &proxy.user else { return Ok(None) };
    let password = match &proxy.password {
        None => Secret::new(""),
        Some(Credential::Value(secret)) => secret.clone(),
        Some(Credential::Reference(reference)) => {
            let found = timeout_at(deadline, host.secret(reference)).await;
            let found = found.unwrap_or_else(|_| {
                Err(timed_out(target, proxy, &format!("{reference} did not give the proxy's password")))
            });
            let found = found.map_err(|error| error.in_phase(Phase::Connect))?;
            if found.expose().chars().any(char::is_control) {
                let key = key(proxy.kind, "password");
                let message =
                    format!("{key} is {reference}: a password without control characters is expected");
                return Err(Error::new(ErrorKind::Configuration, Phase::Connect, message));
            }
            found
        }
        // A kind of credential this host has never heard of.
        Some(_) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                Phase::Connect,
                "this host can't look up the proxy's password",
            ));
        }
    };
    Ok(Some(Login { user: user.clone(), password }))
}

/// A name and a password for the proxy.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// If the server is given by its address, the filter is asked about that too. A name is the proxy's to look up.
pub(crate) fn ask_filter(target: &Target, filter: Option<&AddressFilter>) -> Result<()> {
    let place = Place::server(target);
    if let (Some(_), HostName::Address(address)) = (&target.proxy, place.name()?) {
        resolve::allowed(place, vec![SocketAddr::new(address, target.port)], filter)?;
    }
    Ok(())
}

/// Asks the proxy that `tcp` leads to for a way to the server.
pub(crate) async fn pass(
    tcp: &mut TcpStream,
    target: &Target,
    login: Option<&Login>,
    deadline: Instant,
) -> Result<()> {
    let Some(proxy) = &target.proxy else { return Ok(()) };
    let talk = Talk { proxy, target, login, name: HostName::read(&target.host)? };
    let work = async {
        match proxy.kind {
            ProxyKind::Http => proxy_http::connect(tcp, &talk).await,
            ProxyKind::Socks5 => proxy_socks::connect(tcp, &talk).await,
            other => Err(Error::new(
                ErrorKind::Unsupported,
                Phase::Connect,
                format!("this host knows no {other} proxies"),
            )),
        }
    };
    match timeout_at(deadline, work).await {
        Ok(outcome) => {
            outcome?;
            tracing::debug!(host = %target.host, proxy = %proxy.host, "the proxy has connected");
            Ok(())
        }
        Err(_) => {
            let done = format!("{} did not connect to {}", talk.proxy_name(), talk.server_name());
            Err(timed_out(target, proxy, &done))
        }
    }
}

fn timed_out(target: &Target, proxy: &Proxy, what: &str) -> Error {
    let message = format!("{what} within {} s", target.connect_timeout.as_secs_f32());
    // An HTTP proxy waits for a line that SOCKS never sends.
    let other = if proxy.kind == ProxyKind::Socks5 { "; an HTTP proxy is written as proxy.host" } else { "" };
    Error::new(ErrorKind::Timeout, Phase::Connect, message).with_advice(format!(
        "check {}{other}; check host and port, which the proxy may not reach; or raise connectiontimeout",
        key(proxy.kind, "host")
    ))
}

/// The property of this name for this kind of proxy.
pub(crate) fn key(kind: ProxyKind, name: &str) -> String {
    let prefix = if kind == ProxyKind::Socks5 { "socks" } else { "proxy" };
    format!("{prefix}.{name}")
}

/// What both kinds of proxy have to be told, and how errors speak of it.
pub(crate) struct Talk<'a> {
    pub(crate) proxy: &'a Proxy,
    pub(crate) target: &'a Target,
    pub(crate) login: Option<&'a Login>,
    pub(crate) name: HostName,
}

impl Talk<'_> {
    fn proxy_name(&self) -> String {
        let Proxy { kind, host, port, .. } = self.proxy;
        format!("the {kind} proxy {}:{port}", host.escape_debug())
    }

    /// The server as errors name it.
    pub(crate) fn server_name(&self) -> String {
        format!("{}:{}", self.target.host.escape_debug(), self.target.port)
    }

    /// The property of this name for this kind of proxy.
    pub(crate) fn key(&self, name: &str) -> String {
        key(self.proxy.kind, name)
    }

    /// An error about what the proxy did: "the HTTP proxy p:80 `what`".
    pub(crate) fn fault(&self, kind: ErrorKind, what: impl AsRef<str>) -> Error {
        let message = format!("{} {}", self.proxy_name(), what.as_ref());
        // Another try helps only where the proxy says that it could not reach the server.
        Error::new(kind, Phase::Connect, message).with_repeat(Repeat::Never)
    }

    /// The connection to the proxy broke.
    pub(crate) fn broken(&self, error: io::Error) -> Error {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed the connection before it had answered".to_owned(),
            _ => format!("can't be talked to: {error}"),
        };
        self.fault(ErrorKind::Connect, what)
            .with_repeat(Repeat::Safe)
            .with_advice(format!("check {} and the port; the proxy's log tells", self.key("host")))
            .with_source(error)
    }

    /// Something else than such a proxy answers.
    pub(crate) fn stranger(&self, seen: &[u8]) -> Error {
        let advice = match (self.proxy.kind, seen.first()) {
            (ProxyKind::Http, Some(5)) => "a SOCKS proxy listens there: write it as socks.host".to_owned(),
            (ProxyKind::Socks5, Some(b'H')) => {
                "an HTTP proxy listens there: write it as proxy.host".to_owned()
            }
            (_, Some(21)) => "a TLS server listens there; proxies are spoken to in the clear".to_owned(),
            _ => format!("check {} and the port: another service listens there", self.key("host")),
        };
        let what = format!("does not speak {}: it began with \"{}\"", self.proxy.kind, self.words(seen));
        self.fault(ErrorKind::Protocol, what).with_advice(advice)
    }

    /// What the proxy said, fit to be shown: a line, without control characters and without what it was told in
    /// confidence.
    pub(crate) fn words(&self, said: &[u8]) -> String {
        let line = said.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let mut text = String::from_utf8_lossy(line).into_owned();
        if let Some(login) = self.login {
            for secret in [proxy_http::token(login).as_str(), login.password.expose()] {
                if !secret.is_empty() {
                    text = text.replace(secret, "***");
                }
            }
        }
        text.trim().chars().take(200).collect::<String>().escape_debug().to_string()
    }
}
