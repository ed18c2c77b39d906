//! How long each phase waits, on the virtual clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, run};
use std::time::Duration;

const MAIL: &str = "C: MAIL FROM:<me@example.org>\nS: 250 ok\n";
const RCPT: &str = "C: RCPT TO:<you@example.org>\nS: 250 ok\n";
const DATA: &str = "C: DATA\nS: 354 go\n";
const TEXT: &str = "C: x\nC: .\n";

#[test]
fn deadlines_are_the_rfcs_unless_the_property_says_otherwise() {
    let hi = ehlo(&[]);
    for (script, seconds) in [(String::new(), 60), (hi.clone(), 300), (format!("{hi}{MAIL}{RCPT}"), 120)] {
        for own in [None, Some(7)] {
            let mut config = anonymous(TlsMode::None);
            config.timing.timeout = own.map(Duration::from_secs);
            let (outcome, host) = play(config, &script, &to(&["you@example.org"]), "x".into());
            assert!(outcome.is_err());
            assert_eq!(host.now(), Duration::from_secs(own.unwrap_or(seconds)), "{script}");
        }
    }
}

#[test]
fn the_answer_to_the_end_of_data_has_a_deadline_of_its_own_that_a_short_timeout_does_not_shorten() {
    let script = format!("{}{MAIL}{RCPT}{DATA}{TEXT}", ehlo(&[]));
    for (timeout, last, seconds) in
        [(None, None, 600), (Some(5), None, 600), (Some(5), Some(20), 20), (Some(900), Some(1200), 1200)]
    {
        let mut config = anonymous(TlsMode::None);
        config.timing.timeout = timeout.map(Duration::from_secs);
        if let Some(last) = last {
            config.final_timeout = Duration::from_secs(last);
        }
        let (outcome, host) = play(config, &script, &to(&["you@example.org"]), "x".into());
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unsure);
        assert_eq!(host.now(), Duration::from_secs(seconds));
    }
}

#[test]
fn quit_never_takes_long_and_never_fails() {
    for (wait, answer) in
        [(true, "S: 221 bye\nCUT\n"), (true, ""), (true, "S: what\n"), (true, "CUT\n"), (false, "")]
    {
        let script = format!("{}C: QUIT\n{answer}", ehlo(&[]));
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        let mut config = anonymous(TlsMode::None);
        config.quit_wait = wait;
        let mut smtp = smtp(config, &host);
        run(&host, async {
            assert!(smtp.capabilities().is_none());
            assert!(!smtp.connect().await.unwrap().pipelining);
            assert!(smtp.capabilities().is_some());
            Box::new(smtp).close().await.unwrap();
        })
        .unwrap();
        host.assert_followed();
        let most = if wait && answer.is_empty() { 5 } else { 0 };
        assert!(host.now() <= Duration::from_secs(most), "{answer}: {:?}", host.now());
    }
}
