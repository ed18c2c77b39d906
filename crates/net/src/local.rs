//! Where on this machine connections come from.

use crate::name::HostName;
use postrider_core::{Error, ErrorKind, LocalAddress, Phase, Result};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpSocket, lookup_host};
use tokio::time::{Instant, timeout_at};

/// The addresses that connections may come from; never empty.
pub(crate) struct Locals(Vec<SocketAddr>);

/// Looks up what `localaddress` names.
pub(crate) async fn addresses(local: &LocalAddress, deadline: Instant) -> Result<Locals> {
    let fault = |kind, why: String| {
        let message = format!("localaddress is \"{}\": {why}", local.host.escape_debug());
        Error::new(kind, Phase::Connect, message)
            .with_advice("give an IP address of this machine, or a name that stands for one")
    };
    let name = HostName::read(&local.host)
        .map_err(|error| fault(ErrorKind::Configuration, error.message().to_owned()))?;
    let name = match name {
        HostName::Address(address) => return Ok(Locals(vec![SocketAddr::new(address, local.port)])),
        HostName::Name(name) => name,
    };
    let found = match timeout_at(deadline, lookup_host((name.as_str(), local.port))).await {
        Err(_) => return Err(fault(ErrorKind::Timeout, "its lookup gave no answer in time".into())),
        Ok(Err(error)) => {
            return Err(fault(ErrorKind::Resolve, format!("it has no address: {error}")).with_source(error));
        }
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
    };
    if found.is_empty() {
        return Err(fault(ErrorKind::Resolve, "it has no address".into()));
    }
    Ok(Locals(found))
}

impl Locals {
    /// A socket that is bound to the address of the same family as `remote`.
    pub(crate) fn socket_for(&self, remote: SocketAddr) -> io::Result<TcpSocket> {
        let Some(local) = self.0.iter().find(|local| local.is_ipv4() == remote.is_ipv4()).copied() else {
            let family = if remote.is_ipv4() { "an IPv4" } else { "an IPv6" };
            let why = format!("localaddress is not {family} address");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, BindFault(why)));
        };
        let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        let bound = reuse(&socket, local.port()).and_then(|()| socket.bind(local));
        bound.map_err(|error| {
            io::Error::new(error.kind(), BindFault(format!("localaddress {local} can't be used: {error}")))
        })?;
        Ok(socket)
    }
}

/// On Unix a fixed port is free again as soon as its connection is closed. On Windows the option means something
/// else.
fn reuse(socket: &TcpSocket, port: u16) -> io::Result<()> {
    if cfg!(unix) && port != 0 { socket.set_reuseaddr(true) } else { Ok(()) }
}

/// The local end is at fault, not the server.
#[derive(Debug)]
pub(crate) struct BindFault(String);

impl fmt::Display for BindFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindFault {}
