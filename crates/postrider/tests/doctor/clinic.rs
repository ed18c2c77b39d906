//! Servers that can be sick in every way, and a host that finds them under names and ports of the outside world.

use postrider::doctor::{Doctor, Report};
use postrider::*;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Nobody may ever see it.
pub const PASSWORD: &str = "hunter2-correct-horse";

/// What answers at an address.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// The server on this port of the loopback.
    Server(u16),
    /// Nothing listens.
    Closed,
    /// Nothing comes back, ever.
    Silence,
}

type Address = (std::net::IpAddr, BTreeMap<u16, Answer>);

/// A host that knows names, addresses and ports of its own. Nothing else of the network is touched.
#[derive(Clone)]
pub struct Town {
    inner: TokioHost,
    names: BTreeMap<String, Vec<Address>>,
}

impl Town {
    /// Trusts this authority.
    pub fn trusting(ca_pem: &str) -> Self {
        Self { inner: TokioHost::builder().roots_pem(ca_pem).build().unwrap(), names: BTreeMap::new() }
    }

    /// Gives a name an address at which these ports answer; all others are closed.
    pub fn with(mut self, name: &str, address: &str, ports: &[(u16, Answer)]) -> Self {
        let entry = (address.parse().unwrap(), ports.iter().copied().collect());
        self.names.entry(name.to_owned()).or_default().push(entry);
        self
    }

    fn answer(&self, target: &Target, address: SocketAddr) -> Answer {
        if target.proxy.is_some() {
            let ports = self.names.get(&target.host).and_then(|all| all.first()).map(|(_, ports)| ports);
            return ports.and_then(|ports| ports.get(&target.port)).copied().unwrap_or(Answer::Closed);
        }
        let all = self.names.get(&target.host).into_iter().flatten();
        let found =
            all.filter(|(ip, _)| *ip == address.ip()).find_map(|(_, ports)| ports.get(&address.port()));
        found.copied().unwrap_or(Answer::Closed)
    }
}

#[async_trait]
impl Host for Town {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let mut last = None;
        for address in self.resolve(target).await? {
            if matches!(self.answer(target, address), Answer::Silence) {
                continue;
            }
            match self.connect_to(target, address).await {
                Ok(connection) if target.tls == TlsMode::Implicit => {
                    return connection.start_tls(target).await;
                }
                outcome => last = Some(outcome),
            }
            if matches!(last, Some(Ok(_))) {
                break;
            }
        }
        last.unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, Phase::Connect, "no answer")))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Six seconds of theirs are one of ours: what never answers is not waited for at length, and what does
        // has time enough on a busy machine.
        self.inner.sleep(duration / 6)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }

    /// Every secret that is kept somewhere is this one.
    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        if reference.to_string() == "env:MISSING" {
            let what = "env:MISSING names no secret: the environment has no such variable";
            return Err(Error::new(ErrorKind::Configuration, Phase::Authenticate, what));
        }
        Ok(PASSWORD.into())
    }

    async fn access_token(&self, _: &TokenGrant, _: Option<&Secret>) -> Result<Secret> {
        Ok(PASSWORD.into())
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        // Behind a proxy its own addresses are the ones to connect to.
        if let Some(proxy) = &target.proxy {
            return Ok(vec![SocketAddr::new("192.0.2.80".parse().unwrap(), proxy.port)]);
        }
        let Some(addresses) = self.names.get(&target.host) else {
            let what = format!("\"{}\" has no address: no such name", target.host);
            return Err(Error::new(ErrorKind::Resolve, Phase::Resolve, what));
        };
        Ok(addresses.iter().map(|(ip, _)| SocketAddr::new(*ip, target.port)).collect())
    }

    async fn connect_to(&self, target: &Target, address: SocketAddr) -> Result<Box<dyn Connection>> {
        let mut direct = target.clone();
        direct.proxy = None;
        match self.answer(target, address) {
            Answer::Server(port) => {
                self.inner.connect_to(&direct, SocketAddr::from(([127, 0, 0, 1], port))).await
            }
            Answer::Silence => std::future::pending().await,
            Answer::Closed => {
                // Bound and not listening: nobody else can get the port while it is tried.
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
                self.inner.connect_to(&direct, socket.local_addr().unwrap()).await
            }
        }
    }
}

/// A session of these settings in this town.
pub fn session(town: &Town, settings: &str) -> Session {
    Session::builder().overrides(settings).unwrap().host(Arc::new(town.clone())).build().unwrap()
}

/// Examines one direction.
pub async fn examine(session: &Session, direction: Direction) -> Report {
    examine_by(Doctor::new(session), direction).await
}

pub async fn examine_by(doctor: Doctor<'_>, direction: Direction) -> Report {
    let work = doctor.examine(direction);
    let report =
        tokio::time::timeout(Duration::from_secs(50), work).await.expect("the doctor comes to an end");
    for text in [report.to_string(), format!("{report:?}"), serde_json::to_string(&report).unwrap()] {
        for secret in [PASSWORD, "hunter2", "correct-horse", "aHVudGVyMi1jb3JyZWN0LWhvcnNl"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    report
}

/// Compares with the file of this name under `reports`. `BLESS=1` writes it.
pub fn expect(name: &str, report: &Report) {
    expect_text(name, &report.to_string());
}

pub fn expect_text(name: &str, text: &str) {
    let text = settled(text);
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/reports").join(format!("{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} says otherwise:\n{text}", path.display());
}

/// What differs from day to day: dates, the stamp in a POP3 greeting, the age of a token.
fn settled(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive([' ', '\n', ',', '"']) {
        let (word, end) = piece.split_at(piece.len() - usize::from(piece.ends_with([' ', '\n', ',', '"'])));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let day = word.len() == 10 && word.split('-').count() == 3 && word.split('-').all(digits);
        let aged = digits(word) && out.ends_with("expired, ");
        out.push_str(match word {
            _ if day => "DAY",
            _ if aged => "N",
            _ if word.starts_with('<') && word.contains('@') => "<STAMP>",
            word => word,
        });
        out.push_str(end);
    }
    out
}

/// Something that listens, greets with these bytes, and answers whatever comes with those, then hangs up if it is
/// `rude`. It lives as long as the test's runtime.
pub async fn listener(greeting: &'static [u8], answer: &'static [u8], rude: bool) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = tcp.write_all(greeting).await;
                if rude && answer.is_empty() {
                    return;
                }
                let mut bytes = [0; 1024];
                while tcp.read(&mut bytes).await.is_ok_and(|n| n > 0) {
                    let _ = tcp.write_all(answer).await;
                    if rude {
                        return;
                    }
                }
            });
        }
    });
    Answer::Server(port)
}
