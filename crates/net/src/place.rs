//! What is connected to: the server, or the proxy before it.

use crate::name::HostName;
use postrider_core::{Proxy, ProxyKind, Result, Target};
use std::fmt;
use std::time::Duration;

/// A host and port, and how errors speak of them.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) limit: Duration,
    proxy: Option<ProxyKind>,
}

impl<'a> Place<'a> {
    /// Where the first packet goes.
    pub(crate) fn first(target: &'a Target) -> Self {
        target.proxy.as_ref().map_or_else(|| Self::server(target), |proxy| Self::proxy(target, proxy))
    }

    pub(crate) fn server(target: &'a Target) -> Self {
        Self { host: &target.host, port: target.port, limit: target.connect_timeout, proxy: None }
    }

    fn proxy(target: &'a Target, proxy: &'a Proxy) -> Self {
        let limit = target.connect_timeout;
        Self { host: &proxy.host, port: proxy.port, limit, proxy: Some(proxy.kind) }
    }

    /// The property that names it.
    pub(crate) fn key(&self) -> &'static str {
        match self.proxy {
            None => "host",
            Some(ProxyKind::Socks5) => "socks.host",
            Some(_) => "proxy.host",
        }
    }

    pub(crate) fn name(&self) -> Result<HostName> {
        let advice = format!("give {} a name such as mail.example.org or an IP address", self.key());
        HostName::read(self.host).map_err(|error| match self.proxy {
            None => error,
            Some(_) => error.with_advice(advice),
        })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.proxy {
            None => write!(f, "\"{}\"", self.host.escape_debug()),
            Some(kind) => write!(f, "the {kind} proxy \"{}\"", self.host.escape_debug()),
        }
    }
}
