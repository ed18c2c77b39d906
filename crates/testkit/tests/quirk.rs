//! Hosts whose lines have quirks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_core::{Connection, Host, Target, TlsMode};
use postrider_testkit::{Dialogue, Quirk, Quirky, Script, VirtualHost, run, trickling};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Takes so many bytes in all, three at a time, and refuses the next.
struct Meagre(usize);

impl Quirk for Meagre {
    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.0 == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        let written = Pin::new(line).poll_write(cx, &bytes[..bytes.len().min(3).min(self.0)]);
        if let Poll::Ready(Ok(n)) = written {
            self.0 -= n;
        }
        written
    }
}

fn play(script: &str) -> VirtualHost {
    VirtualHost::play(&Dialogue::parse(script).unwrap())
}

#[test]
fn each_connection_has_a_quirk_of_its_own_and_keeps_it_inside_tls() {
    let inner = VirtualHost::serve(|| Box::new(Deaf));
    let host = Quirky::new(inner.clone(), || Meagre(5));
    let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
    run(&inner, async {
        for dial in 1..=2 {
            let mut line = host.connect(&target).await.unwrap();
            assert_eq!(line.write(b"abcd").await.unwrap(), 3);
            let mut line = line.start_tls(&target).await.unwrap();
            assert!(line.tls().is_some());
            assert_eq!(line.write(b"defg").await.unwrap(), 2);
            assert_eq!(line.write(b"f").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
            assert_eq!(inner.sent_text(), "abcde".repeat(dial));
        }
    })
    .unwrap();
}

#[test]
fn a_trickle_gives_what_is_fast_at_once_and_then_a_byte_for_each_pause() {
    let inner = play("S: 0123456789\nCUT\n");
    let host = trickling(inner.clone(), 7, Duration::from_secs(5));
    let target = Target::new("mail.example", 25, TlsMode::None).unwrap();
    run(&inner, async {
        let mut line = host.connect(&target).await.unwrap();
        let mut read = [0; 100];
        assert_eq!(line.read(&mut read).await.unwrap(), 7);
        assert_eq!((&read[..7], inner.now()), (&b"0123456"[..], Duration::ZERO));
        for n in 1..=5 {
            assert_eq!(line.read(&mut read).await.unwrap(), 1);
            assert_eq!((read[0], inner.now()), (b"789\r\n"[n - 1], Duration::from_secs(5) * n as u32));
        }
        assert_eq!(line.read(&mut read).await.unwrap(), 0);
    })
    .unwrap();
}

/// Hears everything and says nothing.
struct Deaf;

impl Script for Deaf {
    fn greet(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn receive(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}
