//! A server that gives a byte every five seconds: the silence alone is never too long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3;
use postrider_testkit::{Delivery, Dialogue, VirtualHost, run};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Slow once `after` bytes of the server have been read.
#[derive(Clone)]
struct SlowHost {
    host: VirtualHost,
    after: usize,
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

struct SlowLine {
    line: Box<dyn Connection>,
    host: SlowHost,
    pause: Option<Sleep>,
}

#[async_trait]
impl Host for SlowHost {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let line = self.host.connect(target).await?;
        Ok(Box::new(SlowLine { line, host: self.clone(), pause: None }))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }
}

#[async_trait]
impl Connection for SlowLine {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        self.line.start_tls(target).await
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.line.tls()
    }

    fn is_loopback(&self) -> bool {
        self.line.is_loopback()
    }
}

impl AsyncRead for SlowLine {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.host.host.received() >= this.host.after {
            let host = &this.host.host;
            let pause = this.pause.get_or_insert_with(|| host.sleep(Duration::from_secs(5)));
            ready!(pause.as_mut().poll(cx));
        }
        let read = ready!(Pin::new(&mut this.line).poll_read(cx, out));
        this.pause = None;
        Poll::Ready(read)
    }
}

impl AsyncWrite for SlowLine {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().line).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}

#[test]
fn a_trickle_without_end_is_a_timeout_in_every_phase() {
    let hello = "S: +OK hi\nC: CAPA\n";
    let signed_in = format!("{hello}S: -ERR\nC: USER me\nS: +OK\nC: PASS {SECRET}\nS: +OK\n");
    let listed = format!("{signed_in}C: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\n");
    let body = format!("{listed}S: +OK\nS: 1 a\nS: .\nC: RETR 1\n");
    let long = "x".repeat(3_000);
    for (script, phase) in [
        (format!("S: +OK {long}\n"), Phase::Greeting),
        (format!("{hello}S: +OK\nREPEAT 900: X-MORE\n"), Phase::Capability),
        (format!("{hello}S: -ERR\nC: USER me\nS: +OK {long}\n"), Phase::Authenticate),
        (format!("{signed_in}C: LIST\nS: +OK\nREPEAT 900: 1 5\n"), Phase::List),
        (format!("{listed}S: +OK\nS: 1 {long}\n"), Phase::List),
        (format!("{body}S: +OK\nREPEAT 900: x\n"), Phase::Fetch),
    ] {
        let whole: usize = script.lines().filter_map(|l| l.strip_prefix("S: ")).map(|l| l.len() + 2).sum();
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap()).delivery(Delivery::OneByOne);
        // The last line the server says in full, or the list, comes slowly.
        let after = whole - script.lines().rev().find_map(|l| l.strip_prefix("S: ")).unwrap().len();
        let slow = SlowHost { host: host.clone(), after };
        let mut pop3 = Pop3::new(config(TlsMode::Implicit), Arc::new(slow));
        let outcome = run(&host, async { text(&mut pop3, &key("a")).await }).expect("hangs");
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, phase), "{error}");
        assert!(host.now() <= Duration::from_secs(130), "{phase}: {:?}", host.now());
    }
}
