//! A server that gives a byte every five seconds: the silence alone is never too long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3;
use postrider_testkit::{Delivery, Dialogue, VirtualHost, run, trickling};
use std::sync::Arc;
use std::time::Duration;

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
        let slow = trickling(host.clone(), after, Duration::from_secs(5));
        let mut pop3 = Pop3::new(config(TlsMode::Implicit), Arc::new(slow));
        let outcome = run(&host, async { text(&mut pop3, &key("a")).await }).expect("hangs");
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, phase), "{error}");
        assert!(host.now() <= Duration::from_secs(130), "{phase}: {:?}", host.now());
    }
}
