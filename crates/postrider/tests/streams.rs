//! Bodies on their way through the real SMTP transport: never more in memory than a few pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(feature = "smtp")]

mod common;

use bytes::Bytes;
use postrider::*;
use postrider_testkit::VirtualHost;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes a body has given and how many of them have left for the server.
#[derive(Default)]
struct Gauge {
    given: AtomicU64,
    written: AtomicU64,
    most_held: AtomicU64,
    largest_write: AtomicU64,
}

/// A host whose server takes everything, a few bytes or many at a time, and keeps none of it.
#[derive(Clone, Default)]
struct SinkHost {
    gauge: Arc<Gauge>,
    clock: common::Clock,
}

#[async_trait]
impl Host for SinkHost {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        let tail = Vec::new();
        Ok(Box::new(Sink {
            gauge: Arc::clone(&self.gauge),
            says: b"220 sink\r\n".to_vec(),
            tail,
            in_data: false,
            turn: 0,
        }))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.clock.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }
}

struct Sink {
    gauge: Arc<Gauge>,
    says: Vec<u8>,
    tail: Vec<u8>,
    in_data: bool,
    turn: usize,
}

impl Sink {
    fn hear(&mut self, bytes: &[u8]) {
        if self.in_data {
            self.gauge.written.fetch_add(bytes.len() as u64, SeqCst);
            self.gauge.largest_write.fetch_max(bytes.len() as u64, SeqCst);
        }
        self.tail.extend_from_slice(bytes);
        if self.in_data && self.tail.ends_with(b"\r\n.\r\n") {
            self.in_data = false;
            self.says.extend_from_slice(b"250 swallowed\r\n");
            self.tail.clear();
        }
        if self.in_data {
            self.tail.drain(..self.tail.len().saturating_sub(4));
            return;
        }
        while let Some(at) = self.tail.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.tail.drain(..at + 2).collect();
            let line = String::from_utf8(line).unwrap();
            self.says.extend_from_slice(match line.split_whitespace().next().unwrap() {
                "EHLO" => b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n".as_slice(),
                "DATA" => {
                    self.in_data = true;
                    b"354 go\r\n"
                }
                _ => b"250 ok\r\n",
            });
        }
    }
}

impl AsyncRead for Sink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.says.is_empty() {
            // Nothing is asked: only the listening between two pieces of a body comes here.
            return Poll::Pending;
        }
        let n = self.says.len().min(out.remaining());
        let said: Vec<u8> = self.says.drain(..n).collect();
        out.put_slice(&said);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.turn += 1;
        let most = match self.turn % 3 {
            0 => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            1 => 1_000,
            _ => usize::MAX,
        };
        let n = bytes.len().min(most);
        self.hear(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Connection for Sink {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Tls, Phase::Tls, "no TLS here"))
    }

    fn tls(&self) -> Option<&TlsSession> {
        None
    }

    fn is_loopback(&self) -> bool {
        true
    }
}

/// An incoming transport with one message of this size, in chunks of that many bytes, which tells the gauge
/// of each chunk.
struct Spring {
    gauge: Arc<Gauge>,
    size: u64,
    chunk: usize,
}

#[async_trait]
impl IncomingTransport for Spring {
    async fn list(&mut self, _: &Query) -> Result<Listing> {
        Ok(Listing::new(vec![MessageInfo::new(MessageId::new("spring", ["1"]))], false))
    }

    async fn fetch(&mut self, _: &MessageId) -> Result<Body<'_>> {
        let line = format!("{}\r\n", "x".repeat(62));
        let chunk = Bytes::from(line.repeat(self.chunk / line.len()));
        let (size, gauge) = (self.size, &self.gauge);
        Ok(Body::generate(0u64, move |at| {
            let left = usize::try_from(size - at).unwrap();
            let chunk = chunk.slice(..left.min(chunk.len()));
            let given = gauge.given.fetch_add(chunk.len() as u64, SeqCst) + chunk.len() as u64;
            let held = given.saturating_sub(gauge.written.load(SeqCst));
            gauge.most_held.fetch_max(held, SeqCst);
            async move { Ok((!chunk.is_empty()).then(|| (chunk.clone(), at + chunk.len() as u64))) }
        }))
    }

    async fn settle(&mut self, _: &[MessageId], _: &Settle) -> Result<()> {
        Ok(())
    }

    async fn wait(&mut self, _: Duration) -> Result<Wake> {
        Ok(Wake::Elapsed)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

const SETTINGS: &str = "mail.smtp.host=sink.example\nmail.smtp.tls=none\nmail.send.allowreserved=true";

#[tokio::test]
async fn a_message_of_64_mib_goes_from_one_transport_through_another_with_a_few_pieces_in_memory() {
    const SIZE: u64 = 64 << 20;
    for (chunk, size) in [(64, 1 << 20), (4_096, 4 << 20), (64 * 1024, SIZE), (1 << 20, 16 << 20)] {
        let host = SinkHost::default();
        let mailer = Session::builder()
            .overrides(SETTINGS)
            .unwrap()
            .host(Arc::new(host.clone()))
            .build()
            .unwrap()
            .mailer()
            .unwrap();
        let mut inbox = Inbox::new(Box::new(Spring { gauge: Arc::clone(&host.gauge), size, chunk }));
        let id = inbox.list(&Query::all()).await.unwrap().messages.remove(0).id;
        let body = inbox.fetch(&id).await.unwrap();
        mailer.send(&common::envelope(), body).await.unwrap();
        assert_eq!(host.gauge.given.load(SeqCst), size);
        // All of it and the end of data.
        assert_eq!(host.gauge.written.load(SeqCst), size + 3);
        let held = host.gauge.most_held.load(SeqCst);
        assert!(held <= (chunk + 384 * 1024) as u64, "{held} bytes were held with chunks of {chunk}");
        assert!(host.gauge.largest_write.load(SeqCst) <= 384 * 1024);
    }
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_told_quit_and_another_is_dialed() {
    let host = VirtualHost::serve(|| Box::new(Polite::default()));
    let mailer = Session::builder()
        .overrides("mail.smtp.host=mail.example\nmail.smtp.tls=none\nmail.mailer.idletimeout=30s\nmail.send.allowreserved=true")
        .unwrap()
        .host(Arc::new(host.clone()))
        .build()
        .unwrap()
        .mailer()
        .unwrap();
    let send =
        || postrider_testkit::run(&host, mailer.send(&common::envelope(), "x".into())).unwrap().unwrap();
    let quits = || host.sent_text().matches("QUIT").count();
    send();
    send();
    assert_eq!((host.dials(), quits()), (1, 0));
    postrider_testkit::run(&host, host.sleep(Duration::from_secs(31))).unwrap();
    send();
    assert_eq!((host.dials(), quits()), (2, 1));
    postrider_testkit::run(&host, mailer.close()).unwrap();
    assert_eq!((host.dials(), quits()), (2, 2));
}

/// Answers everything with yes.
#[derive(Default)]
struct Polite {
    heard: Vec<u8>,
    in_data: bool,
}

impl postrider_testkit::Script for Polite {
    fn greet(&mut self) -> Vec<u8> {
        b"220 polite\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.heard.extend_from_slice(bytes);
        let mut says = Vec::new();
        while let Some(at) = self.heard.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.heard.drain(..at + 2).collect();
            says.extend_from_slice(match (self.in_data, line.as_slice()) {
                (false, b"DATA\r\n") => {
                    self.in_data = true;
                    b"354 go\r\n".as_slice()
                }
                (true, b".\r\n") => {
                    self.in_data = false;
                    b"250 taken\r\n"
                }
                (true, _) => b"",
                (false, b"QUIT\r\n") => b"221 bye\r\n",
                (false, _) => b"250 ok\r\n",
            });
        }
        says
    }
}
