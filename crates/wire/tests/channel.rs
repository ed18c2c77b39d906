//! The channel on a virtual host: what counts against a server's rate.
#![allow(clippy::unwrap_used, clippy::panic)]

use postrider_core::{ErrorKind, Host as _, Phase, Target, TlsMode};
use postrider_testkit::{Delivery, Script, VirtualHost, run, trickling};
use postrider_wire::{Channel, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Gives `piece` each time all it said has been read.
struct Dripping {
    piece: usize,
}

impl Script for Dripping {
    fn greet(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn receive(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn more(&mut self) -> Vec<u8> {
        vec![b'x'; self.piece]
    }
}

const WAIT: Duration = Duration::from_secs(60);

/// Reads a body of which 1,000 bytes come at a time, and takes `rest` between two readings.
fn read(rest: Duration) -> postrider_core::Result<()> {
    let host = VirtualHost::serve(|| Box::new(Dripping { piece: 1_000 }));
    let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
    let lent = Arc::new(host.clone());
    let work = async {
        let mut channel = Channel::connect(lent, target, Timing::default(), "test", false).await?;
        channel.expect_body();
        for _ in 0..20 {
            channel.fill_body(WAIT, Phase::Fetch).await?;
            channel.input().clear();
            host.sleep(rest).await;
        }
        Ok(())
    };
    let Ok(read) = run(&host, work) else { panic!("hangs") };
    read
}

#[test]
fn a_slow_taker_of_a_body_is_not_taken_for_a_slow_server() {
    assert!(read(Duration::ZERO).is_ok());
    let slow = read(Duration::from_secs(61));
    assert!(slow.is_ok(), "{slow:?}");
}

#[test]
fn a_server_that_trickles_a_body_is_given_up() {
    // A byte every 30 s never reaches the deadline for silence.
    let host = VirtualHost::serve(|| Box::new(Dripping { piece: 1 }));
    let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
    let lent = Arc::new(trickling(host.clone(), 0, Duration::from_secs(30)));
    let work = async {
        let mut channel = Channel::connect(lent, target, Timing::default(), "test", false).await?;
        channel.expect_body();
        loop {
            channel.fill_body(WAIT, Phase::Fetch).await?;
        }
    };
    let Ok(outcome) = run(&host, work) else { panic!("hangs") };
    let error: postrider_core::Error = match outcome {
        Ok(never) => never,
        Err(error) => error,
    };
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Fetch), "{error}");
    assert!(host.now() < Duration::from_secs(200), "{:?}", host.now());
}

/// Says again what it hears.
struct Echo;

impl Script for Echo {
    fn greet(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
}

#[test]
fn what_is_queued_goes_out_while_reading_and_a_line_broken_for_writing_is_read_to_its_end() {
    for broken in [false, true] {
        let host = VirtualHost::serve(|| Box::new(Echo));
        let host = if broken { host.cut_client_after(3) } else { host.delivery(Delivery::OneByOne) };
        let target = Target::new("mail.example", 1, TlsMode::None).unwrap();
        let lent = Arc::new(host.clone());
        let work = async {
            let mut channel = Channel::connect(lent, target, Timing::default(), "test", false).await?;
            channel.queue(b"a\r\nb\r\n");
            let first = channel.line(10, WAIT, Phase::Fetch).await?;
            channel.line(10, WAIT, Phase::Fetch).await.map(|second| (first, second))
        };
        let Ok(outcome) = run(&host, work) else { panic!("hangs") };
        if broken {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(host.received(), 3, "what came before the break was read");
        } else {
            assert_eq!(outcome.unwrap(), ("a".into(), "b".into()));
        }
    }
}
