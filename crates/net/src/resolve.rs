//! From a host name to the addresses that may be tried.

use crate::name::HostName;
use crate::place::Place;
use postrider_core::{Error, ErrorKind, Phase, Repeat, Result};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

/// Tells whether an address may be connected to.
pub(crate) type AddressFilter = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The addresses of a place in the order they should be tried; never empty.
pub(crate) async fn addresses(
    place: Place<'_>,
    filter: Option<&AddressFilter>,
    deadline: Instant,
) -> Result<Vec<SocketAddr>> {
    let found = match place.name()? {
        HostName::Address(address) => vec![SocketAddr::new(address, place.port)],
        HostName::Name(name) => lookup(place, &name, deadline).await?,
    };
    Ok(interleave(allowed(place, found, filter)?))
}

async fn lookup(place: Place<'_>, name: &str, deadline: Instant) -> Result<Vec<SocketAddr>> {
    let Ok(answer) = timeout_at(deadline, lookup_host((name, place.port))).await else {
        let limit = place.limit.as_secs_f32();
        let message = format!("the lookup of {place} gave no answer within {limit} s");
        return Err(Error::new(ErrorKind::Timeout, Phase::Resolve, message)
            .with_advice("check this machine's DNS, or raise connectiontimeout"));
    };
    let fault = |why: String| {
        let message = format!("{place} has no address: {why}");
        Error::new(ErrorKind::Resolve, Phase::Resolve, message).with_advice(match place.key() {
            "host" => "check the spelling of the host property, and that this machine's DNS works".to_owned(),
            key => format!("check the spelling of {key}, and that this machine's DNS works"),
        })
    };
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in answer.map_err(|error| fault(error.to_string()).with_source(error))? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() { Err(fault("the lookup gave none".into())) } else { Ok(found) }
}

/// Those that the filter lets through; an error if it lets none.
pub(crate) fn allowed(
    place: Place<'_>,
    found: Vec<SocketAddr>,
    filter: Option<&AddressFilter>,
) -> Result<Vec<SocketAddr>> {
    let Some(filter) = filter else { return Ok(found) };
    let (good, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| filter(a.ip().to_canonical()));
    if good.is_empty() {
        let list: Vec<String> = bad.iter().map(ToString::to_string).collect();
        let message = format!("this program does not allow connections to {place} ({})", list.join(", "));
        return Err(Error::new(ErrorKind::Connect, Phase::Connect, message)
            .with_repeat(Repeat::Never)
            .with_advice("choose another server, or ask whoever runs this program to allow the address"));
    }
    Ok(good)
}

/// Takes turns between IPv6 and IPv4, beginning with the family the system prefers (RFC 8305 §4).
fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut out = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return out,
            (a, b) => out.extend(a.into_iter().chain(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Target, TlsMode};

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(socket).to_vec();
        let want = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(socket).to_vec();
        assert_eq!(interleave(found), want);
    }

    #[test]
    fn the_filter_sees_the_plain_address_and_an_empty_rest_is_an_error() {
        let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
        let place = Place::first(&target);
        let filter: AddressFilter = Arc::new(|ip: IpAddr| !ip.is_loopback());
        let found = ["[::ffff:127.0.0.1]:25", "192.0.2.1:25"].map(socket).to_vec();
        assert_eq!(allowed(place, found, Some(&filter)).unwrap(), [socket("192.0.2.1:25")]);
        let error = allowed(place, vec![socket("[::1]:25")], Some(&filter)).unwrap_err();
        assert_eq!((error.kind(), error.repeat()), (ErrorKind::Connect, Repeat::Never));
        assert!(error.message().contains("[::1]:25"), "{error}");
    }
}
