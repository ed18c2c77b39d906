//! A line that holds 64 bytes each way, and a server that reads no command before its answers have been read: whoever
//! writes a whole window first waits for ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf, duplex,
};

const COUNT: usize = 300;

struct Narrow;

#[async_trait]
impl Host for Narrow {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        let (ours, theirs) = duplex(64);
        tokio::spawn(serve(theirs));
        Ok(Box::new(Line(ours)))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

async fn serve(line: DuplexStream) -> std::io::Result<()> {
    let mut line = BufReader::with_capacity(16, line);
    line.write_all(b"+OK\r\n").await?;
    let mut command = String::new();
    while line.read_line(&mut command).await? > 0 {
        let mut words = command.split_ascii_whitespace();
        let answer = match (words.next(), words.next()) {
            (Some("CAPA"), _) => "+OK\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN\r\n.\r\n".to_owned(),
            (Some("LIST"), _) => listing(|_| "2002".into()),
            (Some("UIDL"), _) => listing(|n| format!("u{n}")),
            (Some("RETR"), Some(n)) => format!("+OK\r\n{:02000}\r\n.\r\n", n.parse::<usize>().unwrap() - 1),
            _ => "+OK\r\n".to_owned(),
        };
        line.write_all(answer.as_bytes()).await?;
        command.clear();
    }
    Ok(())
}

fn listing(what: impl Fn(usize) -> String) -> String {
    let lines: String = (0..COUNT).map(|n| format!("{} {}\r\n", n + 1, what(n))).collect();
    format!("+OK\r\n{lines}.\r\n")
}

struct Line(DuplexStream);

#[async_trait]
impl Connection for Line {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        panic!("nobody wants TLS here")
    }

    fn tls(&self) -> Option<&TlsSession> {
        None
    }

    fn is_loopback(&self) -> bool {
        true
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_server_that_waits_for_its_answers_to_be_read_is_not_waited_for_in_turn() {
    let mut config = config(TlsMode::None);
    config.window = 200;
    let mut pop3 = Box::new(Pop3::new(config, Arc::new(Narrow)));
    let listing = pop3.list(&Query::all()).await.unwrap();
    let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
    assert_eq!(ids.len(), COUNT);
    pop3.prefetch(&ids);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(text(&mut pop3, id).await.unwrap(), format!("{n:02000}\r\n"));
    }
    pop3.settle(&ids, &Settle::Delete).await.unwrap();
    pop3.close().await.unwrap();
}
