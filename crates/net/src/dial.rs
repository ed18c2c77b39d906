//! Happy eyeballs: addresses race, the first to connect wins (RFC 8305 §5).

use crate::local::{self, BindFault, Locals};
use crate::place::Place;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use postrider_core::{Error, ErrorKind, Phase, Result, Target};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// How long an address has to itself before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);
/// Longer than any silence a firewall should cut, shorter than those that do.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// When lookup and all attempts must be done.
pub(crate) fn deadline(target: &Target) -> Instant {
    let now = Instant::now();
    // A limit beyond the clock's end is none; a year stands for it.
    now.checked_add(target.connect_timeout).unwrap_or_else(|| now + Duration::from_secs(31_536_000))
}

/// Connects to whichever address of the server, or of the proxy before it, answers first.
pub(crate) async fn first(
    target: &Target,
    addresses: Vec<SocketAddr>,
    deadline: Instant,
) -> Result<TcpStream> {
    let place = Place::first(target);
    let locals = match &target.local_address {
        Some(local) => Some(local::addresses(local, deadline).await?),
        None => None,
    };
    match race(addresses, locals.as_ref(), deadline).await {
        Ok((address, tcp)) => {
            tracing::debug!(host = %place.host, %address, "connected");
            tune(&tcp).map_err(|error| failed(place, vec![(address, error)]))?;
            Ok(tcp)
        }
        Err(failures) => Err(failed(place, failures)),
    }
}

type Failures = Vec<(SocketAddr, io::Error)>;

async fn race(
    addresses: Vec<SocketAddr>,
    locals: Option<&Locals>,
    deadline: Instant,
) -> Result<(SocketAddr, TcpStream), Failures> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            running.push(async move { (address, attempt(address, locals, deadline).await) });
        }
        let outcome = if waiting.len() == 0 {
            running.next().await
        } else {
            match timeout(STAGGER, running.next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        };
        match outcome {
            Some((address, Ok(tcp))) => return Ok((address, tcp)),
            Some((address, Err(error))) => failures.push((address, error)),
            None => return Err(failures),
        }
    }
}

async fn attempt(address: SocketAddr, locals: Option<&Locals>, deadline: Instant) -> io::Result<TcpStream> {
    let work = async {
        match locals {
            None => TcpStream::connect(address).await,
            Some(locals) => locals.socket_for(address)?.connect(address).await,
        }
    };
    match timeout_at(deadline, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    SockRef::from(tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

/// Names every address that was tried and what the system said of it.
fn failed(place: Place<'_>, failures: Failures) -> Error {
    let silent = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    let limit = place.limit.as_secs_f32();
    let tried: Vec<String> = failures
        .iter()
        .map(|(address, error)| match error.raw_os_error() {
            None if silent(error) => format!("{address}: no answer within {limit} s"),
            _ => format!("{address}: {error}"),
        })
        .collect();
    let message = format!("no connection to {place}: {}", tried.join("; "));
    let all = |test: &dyn Fn(&io::Error) -> bool| failures.iter().all(|(_, error)| test(error));
    let unbound = all(&|error| error.get_ref().is_some_and(|inner| inner.is::<BindFault>()));
    let absent = unbound && all(&|error| error.kind() == io::ErrorKind::AddrNotAvailable);
    let kind = if absent {
        ErrorKind::Configuration
    } else if all(&silent) {
        ErrorKind::Timeout
    } else {
        ErrorKind::Connect
    };
    let advice = if unbound {
        "localaddress must be an address of this machine, of the same family (IPv4, IPv6) as the server's; with a \
         fixed localport there can be one connection at a time"
    } else if kind == ErrorKind::Timeout {
        "check host and port; a firewall may drop the packets; or raise connectiontimeout"
    } else if all(&|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        "nothing listens there: check host and port, and that the server runs"
    } else {
        "check host and port, and this machine's network"
    };
    let mut error = Error::new(kind, Phase::Connect, message).with_advice(advice);
    if let Some((_, cause)) = failures.into_iter().next() {
        error = error.with_source(cause);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// A listener whose queue is full: further attempts get no answer at all.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while queue.len() < 64 {
            match timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => queue.push(tcp),
                _ => break,
            }
        }
        (address, listener, queue)
    }

    #[tokio::test]
    async fn refusing_addresses_cost_no_stagger() {
        // Bound and not listening: nobody else can get the port.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut addresses = vec![socket.local_addr().unwrap(); 20];
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(open.local_addr().unwrap());
        let start = Instant::now();
        let (winner, _) = race(addresses, None, soon()).await.unwrap();
        assert_eq!(winner, open.local_addr().unwrap());
        assert!(start.elapsed() < STAGGER * 10, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_silent_first_address_costs_one_stagger_only() {
        let (dead, _listener, queue) = silent().await;
        assert!(queue.len() < 64, "this system never fills a listen queue");
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let start = Instant::now();
        let (winner, tcp) = race(vec![dead, open.local_addr().unwrap()], None, soon()).await.unwrap();
        assert_eq!(winner, open.local_addr().unwrap());
        assert!(start.elapsed() >= STAGGER && start.elapsed() < Duration::from_secs(5));
        tune(&tcp).unwrap();
        assert!(tcp.nodelay().unwrap() && SockRef::from(&tcp).keepalive().unwrap());
    }

    #[tokio::test]
    async fn silence_everywhere_ends_at_the_deadline_and_names_the_addresses() {
        let (dead, _listener, _queue) = silent().await;
        let mut target = Target::new("127.0.0.1", dead.port(), postrider_core::TlsMode::None).unwrap();
        target.connect_timeout = Duration::from_millis(400);
        let error = first(&target, vec![dead], deadline(&target)).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
        assert!(error.message().contains(&format!("{dead}: no answer within 0.4 s")), "{error}");
    }
}
