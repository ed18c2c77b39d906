//! Proxies on loopback sockets: ones that connect, for which every name is this machine, and ones that only say
//! what they were told to.

use super::serve;
use postrider_core::{Proxy, ProxyKind};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

/// What proxies have been asked.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub fn http(port: u16) -> Proxy {
    Proxy::new(ProxyKind::Http, "127.0.0.1", port).unwrap()
}

pub fn socks(port: u16) -> Proxy {
    Proxy::new(ProxyKind::Socks5, "127.0.0.1", port).unwrap()
}

/// Reads a request's head.
pub async fn request(tcp: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// An HTTP proxy that answers CONNECT by `answer` and connects to the port it was asked for.
pub async fn connecting_http(answer: &'static str) -> (u16, Heard) {
    let heard = Heard::default();
    let noted = heard.clone();
    let port = serve(move |mut tcp| {
        let noted = noted.clone();
        async move {
            let Ok(head) = request(&mut tcp).await else { return };
            let port = head.split(' ').nth(1).unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
            noted.note(head);
            tcp.write_all(answer.as_bytes()).await.unwrap();
            relay(tcp, port).await;
        }
    })
    .await;
    (port, heard)
}

async fn relay(mut tcp: TcpStream, port: u16) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _ = copy_bidirectional(&mut tcp, &mut server).await;
}

/// A SOCKS 5 proxy that lets in whoever has this login, everybody if there is none, and connects to the port it was
/// asked for.
pub async fn connecting_socks(login: Option<(&'static str, &'static str)>) -> (u16, Heard) {
    let heard = Heard::default();
    let noted = heard.clone();
    let port = serve(move |tcp| {
        let noted = noted.clone();
        async move {
            let _ = socks_session(tcp, login, &noted).await;
        }
    })
    .await;
    (port, heard)
}

async fn socks_session(
    mut tcp: TcpStream,
    login: Option<(&'static str, &'static str)>,
    heard: &Heard,
) -> io::Result<()> {
    assert_eq!(tcp.read_u8().await?, 5);
    let offered = counted(&mut tcp).await?;
    let method = if login.is_some() { 2 } else { 0 };
    if !offered.contains(&method) {
        return tcp.write_all(&[5, 0xff]).await;
    }
    tcp.write_all(&[5, method]).await?;
    if let Some((user, password)) = login {
        assert_eq!(tcp.read_u8().await?, 1);
        let said = (counted(&mut tcp).await?, counted(&mut tcp).await?);
        let good = said == (user.as_bytes().to_vec(), password.as_bytes().to_vec());
        heard.note(format!("login {good}"));
        tcp.write_all(&[1, u8::from(!good)]).await?;
        if !good {
            return Ok(());
        }
    }
    let mut head = [0; 4];
    tcp.read_exact(&mut head).await?;
    assert_eq!(head[..3], [5, 1, 0]);
    let host = match head[3] {
        1 => exactly::<4>(&mut tcp).await?.map(|byte| byte.to_string()).join("."),
        3 => String::from_utf8(counted(&mut tcp).await?).unwrap(),
        4 => super::hex(&exactly::<16>(&mut tcp).await?),
        other => panic!("address of kind {other}"),
    };
    let port = tcp.read_u16().await?;
    heard.note(format!("{} {host}", head[3]));
    // Bound to a name as long as one can be, which has to be skipped to the byte.
    let mut answer = vec![5, 0, 0, 3, 255];
    answer.extend([b'n'; 255]);
    answer.extend([0, 25]);
    tcp.write_all(&answer).await?;
    relay(tcp, port).await;
    Ok(())
}

async fn counted(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut out = vec![0; usize::from(tcp.read_u8().await?)];
    tcp.read_exact(&mut out).await?;
    Ok(out)
}

async fn exactly<const N: usize>(tcp: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut out = [0; N];
    tcp.read_exact(&mut out).await?;
    Ok(out)
}

/// Sends these bytes, whatever it is told, and waits for the other side to leave; or leaves itself.
pub async fn saying(answer: Vec<u8>, stays: bool) -> u16 {
    serve(move |mut tcp| {
        let answer = answer.clone();
        async move {
            let _ = tcp.write_all(&answer).await;
            if stays {
                let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            } else {
                let _ = tcp.shutdown().await;
                // A socket closed over unread bytes would be reset.
                let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            }
        }
    })
    .await
}
