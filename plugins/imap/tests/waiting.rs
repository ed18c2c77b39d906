//! Waiting for news, connections that end while nobody looks, and deadlines: all on the virtual clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Dialogue, VirtualHost, run, trickling};
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const LIST: &str = "C: {list} UID SEARCH UID 1:*\nS: * SEARCH\nS: {list} OK\n";

fn polling() -> ImapConfig {
    let mut config = config(TlsMode::Implicit);
    config.idle = false;
    config
}

/// Lists, so that nothing is news, and waits then.
async fn list_and_wait(imap: &mut Imap, limit: Duration) -> Result<Wake> {
    imap.list(&Query::all()).await?;
    imap.wait(limit).await
}

#[test]
fn idle_is_renewed_every_nine_minutes_and_ends_in_time() {
    let mut script = opened("IDLE") + LIST;
    for tag in ["a", "b", "c"] {
        script += &format!("C: {{{tag}}} IDLE\nS: + idling\nS: * OK still here\nC: DONE\nS: {{{tag}}} OK\n");
    }
    let (wake, host) =
        play(config(TlsMode::Implicit), &script, async |imap| list_and_wait(imap, 20 * MINUTE).await);
    assert_eq!(wake.unwrap(), Wake::Elapsed);
    host.assert_followed();
    assert_eq!(host.now(), 20 * MINUTE);
}

#[test]
fn a_server_without_idle_or_that_refuses_it_is_polled() {
    let polls = "C: {a} NOOP\nS: {a} OK\nC: {b} NOOP\nS: {b} OK\nC: {c} NOOP\nS: * 4 EXISTS\nS: {c} OK\n";
    let refused = "C: {x} IDLE\nS: {x} NO not today\n";
    for (config, script) in [
        (config(TlsMode::Implicit), opened("") + LIST + polls),
        (config(TlsMode::Implicit), opened("IDLE") + LIST + refused + polls),
        (polling(), opened("IDLE") + LIST + polls),
    ] {
        let (wake, host) = play(config, &script, async |imap| list_and_wait(imap, 60 * MINUTE).await);
        assert_eq!(wake.unwrap(), Wake::News);
        host.assert_followed();
        assert_eq!(host.now(), 2 * MINUTE);
    }
    // The last look is at the end of the time.
    let script = opened("") + LIST + "C: {a} NOOP\nS: {a} OK\nC: {b} NOOP\nS: * 4 EXISTS\nS: {b} OK\n";
    let (wake, host) = play(polling(), &script, async |imap| list_and_wait(imap, MINUTE / 2).await);
    assert_eq!((wake.unwrap(), host.now()), (Wake::News, MINUTE / 2));
}

#[test]
fn what_came_while_something_else_was_done_is_news_and_what_went_is_none() {
    for (during, wake) in
        [("* 4 EXISTS", Wake::News), ("* 2 EXISTS", Wake::Elapsed), ("* 2 FETCH (FLAGS ())", Wake::Elapsed)]
    {
        let rest = if wake == Wake::News { "" } else { "C: {c} NOOP\nS: {c} OK\nC: {d} NOOP\nS: {d} OK\n" };
        let script = format!(
            "{}{LIST}C: {{s}} UID STORE 4 +FLAGS.SILENT (\\Seen)\nS: {during}\nS: {{s}} OK\n",
            opened("")
        );
        // A wait for news looks first, even if there was some: that is one NOOP.
        let look = if wake == Wake::News { "C: {c} NOOP\nS: {c} OK\n" } else { "" };
        let (seen, host) = play(polling(), &(script + look + rest), async |imap| {
            imap.list(&Query::all()).await?;
            imap.settle(&[key(4)], &Settle::Seen).await?;
            imap.wait(MINUTE / 2).await
        });
        assert_eq!(seen.unwrap(), wake, "{during}");
        host.assert_followed();
    }
}

#[test]
fn a_connection_that_ended_while_idle_is_replaced_once_and_nothing_is_lost() {
    // What ends it, and whether the client sees that before it sends: both must do.
    for end in ["CUT\n", "RESET\n", "S: * BYE Autologout; idle for too long\nCUT\n"] {
        let again = format!("CONNECT\n{}", opened("").replace("open", "again"));
        for (answer, call) in [
            ("C: {f} UID FETCH 4 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 4 BODY[] \"x\")\nS: {f} OK\n", "fetch"),
            ("C: {f} UID STORE 4 +FLAGS.SILENT (\\Seen)\nS: {f} OK\n", "settle"),
            ("C: {f} UID SEARCH UID 1:*\nS: * SEARCH\nS: {f} OK\n", "list"),
        ] {
            let script = opened("") + LIST + end + &again + answer;
            let (done, host) = play(config(TlsMode::Implicit), &script, async |imap| {
                imap.list(&Query::all()).await?;
                match call {
                    "fetch" => read(imap, &key(4)).await.map(drop),
                    "settle" => imap.settle(&[key(4)], &Settle::Seen).await,
                    _ => imap.list(&Query::all()).await.map(drop),
                }
            });
            assert!(done.is_ok(), "{end}{call}: {done:?}");
            host.assert_followed();
            assert_eq!(host.dials(), 2);
        }
    }
}

#[test]
fn a_new_connection_that_ends_at_once_is_an_error_with_the_servers_words() {
    let bye = "C: {s} UID SEARCH UID 1:*\nS: * BYE [UNAVAILABLE] shutting down\nCUT\n";
    let error =
        fails(config(TlsMode::Implicit), &(opened("") + bye), async |imap| imap.list(&Query::all()).await);
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Closed, Repeat::Safe));
    assert!(error.to_string().contains("BYE UNAVAILABLE shutting down"), "{error}");
}

#[test]
fn after_a_new_connection_only_what_came_since_the_listing_is_news() {
    let again = |next: &str| opened("").replace("open", "again").replace("UIDNEXT 12", next);
    for (next, wake) in [("UIDNEXT 12", Wake::Elapsed), ("UIDNEXT 13", Wake::News), ("X", Wake::News)] {
        let mut script = opened("") + LIST + "CUT\nCONNECT\n" + &again(next) + "C: {p} NOOP\nS: {p} OK\n";
        if wake == Wake::Elapsed {
            script += "C: {q} NOOP\nS: {q} OK\n";
        }
        let (seen, host) = play(polling(), &script, async |imap| list_and_wait(imap, MINUTE / 2).await);
        assert_eq!(seen.unwrap(), wake, "{next}");
        host.assert_followed();
    }
}

#[test]
fn a_message_the_server_has_not_told_of_yet_is_looked_for_again() {
    let ask = "C: {f} UID FETCH 11 (UID BODY.PEEK[])\n";
    let there = "S: * 4 FETCH (UID 11 BODY[] \"x\")\nS: {g} OK\n";
    for (second, want) in [(there, "x"), ("S: {g} OK\n", "NotFound Fetch")] {
        let noop = "S: {f} OK\nC: {n} NOOP\nS: * 4 EXISTS\nS: {n} OK\n";
        let script = opened("") + LIST + ask + noop + &ask.replace("{f}", "{g}") + second;
        let (text, host) = play(polling(), &script, async |imap| {
            imap.list(&Query::all()).await?;
            read(imap, &key(11)).await
        });
        assert_eq!(word(&text, Clone::clone), want);
        host.assert_followed();
    }
}

#[test]
fn a_server_that_ends_idle_is_told_of() {
    for (end, kind) in [
        ("S: * BYE down\nCUT\n", ErrorKind::Closed),
        ("CUT\n", ErrorKind::Closed),
        ("S: {a} OK enough\n", ErrorKind::Closed),
        ("S: x OK\n", ErrorKind::Protocol),
    ] {
        let script = opened("IDLE") + LIST + "C: {a} IDLE\nS: + idling\n" + end;
        let error = fails(config(TlsMode::Implicit), &script, async |i| list_and_wait(i, MINUTE).await);
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Wait), "{end}");
    }
    // DONE is never answered: the deadline of a command ends it.
    let script = opened("IDLE") + LIST + "C: {a} IDLE\nS: + idling\nC: DONE\nSILENCE\n";
    let (wake, host) = play(config(TlsMode::Implicit), &script, async |i| list_and_wait(i, MINUTE).await);
    assert_eq!((wake.unwrap_err().kind(), host.now()), (ErrorKind::Timeout, 2 * MINUTE));
}

#[test]
fn a_command_has_a_minute_unless_the_property_says_otherwise() {
    for own in [None, Some(7)] {
        let mut config = config(TlsMode::Implicit);
        config.timing.timeout = own.map(Duration::from_secs);
        let script = opened("") + "C: {s} UID SEARCH UID 1:*\nS: * 5 EXIS\nSILENCE\n";
        let (outcome, host) = play(config, &script, async |imap| imap.list(&Query::all()).await);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(host.now(), Duration::from_secs(own.unwrap_or(60)));
    }
}

#[test]
fn a_trickle_of_a_body_or_of_a_line_is_a_timeout() {
    let start = opened("") + "C: {f} UID FETCH 4 (UID BODY.PEEK[])\n";
    let long = "y".repeat(20_000);
    for (answer, fast) in [
        (
            format!("S: * 1 FETCH (UID 4 BODY[] {{20000}}\nS| {long}\nS: )\nS: {{f}} OK\n"),
            "* 1 FETCH (UID 4 BODY[] {20000}\r\n".len(),
        ),
        (format!("S: * OK {long}\nS: {{f}} OK\n"), 0),
    ] {
        let script = Dialogue::parse(&format!("{start}{answer}")).unwrap();
        let inner = VirtualHost::play(&script);
        let before = "* PREAUTH [CAPABILITY IMAP4rev1 ] hi\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 12] ok\r\n12345678 OK [READ-WRITE]\r\n";
        let slow = trickling(inner.clone(), before.len() + fast, Duration::from_secs(5));
        let mut imap = Imap::new(config(TlsMode::Implicit), Arc::new(slow));
        let error = run(&inner, read(&mut imap, &key(4))).expect("hangs").unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Fetch), "{error}");
        assert!(inner.now() <= 2 * MINUTE, "{:?}", inner.now());
        assert!(error.to_string().contains(" 60 s"), "{error}");
    }
}

#[test]
fn logout_never_takes_long_and_never_fails() {
    for (answer, most) in [
        ("S: * BYE\nS: {l} OK\nCUT\n", 0),
        ("S: * BYE\nCUT\n", 0),
        ("S: {l} BAD what\n", 0),
        ("S: * 1 EXPUNGE\nS: nonsense\nCUT\n", 0),
        ("RESET\n", 0),
        ("SILENCE\n", 5),
    ] {
        let script = opened("") + LIST + "C: {l} LOGOUT\n" + answer;
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        let mut imap = imap(config(TlsMode::Implicit), &host);
        run(&host, async {
            imap.list(&Query::all()).await.unwrap();
            Box::new(imap).close().await.unwrap();
        })
        .unwrap();
        assert!(host.mismatches().is_empty());
        assert!(host.now() <= Duration::from_secs(most), "{answer}: {:?}", host.now());
    }
}

#[test]
fn what_a_listing_that_failed_did_not_tell_is_still_news() {
    let script = opened("IDLE") + "C: {a} UID SEARCH UID 1:*\nS: {a} NO [UNAVAILABLE] later\n";
    let (wake, host) = play(config(TlsMode::Implicit), &script, async |imap| {
        assert_eq!(imap.list(&Query::all()).await.unwrap_err().kind(), ErrorKind::Deferred);
        imap.wait(MINUTE).await
    });
    assert_eq!((wake.unwrap(), host.now()), (Wake::News, Duration::ZERO));
    host.assert_followed();
}
