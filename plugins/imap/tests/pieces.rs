//! Messages fetched in pieces (`partialfetch`, `fetchsize`): whole, or an error.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::ImapConfig;
use postrider_testkit::{Dialogue, VirtualHost, sweep};
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;

type Work = Pin<Box<dyn Future<Output = String>>>;

const WHOLE: &str = "Subject: x\r\n\r\nabcdefghijklmnopqrs";

fn pieces(size: u32) -> ImapConfig {
    let mut config = config(TlsMode::Implicit);
    config.fetch_size = NonZeroU32::new(size);
    config
}

fn in_sixteens(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut imap = imap(pieces(16), &host);
        word(&read(&mut imap, &key(4)).await, Clone::clone)
    })
}

#[test]
fn the_pieces_are_one_message_however_their_bytes_arrive() {
    assert_eq!(sweep::deliveries(&dialogue("pieces"), &in_sixteens), WHOLE);
}

#[test]
fn wherever_the_line_is_cut_there_is_the_whole_message_or_an_error() {
    sweep::cuts(&dialogue("pieces"), &in_sixteens, |n, total, seen| {
        assert_eq!(seen == WHOLE, n == total, "{n} of {total}: {seen}");
    });
    sweep::client_cuts(&dialogue("pieces"), &in_sixteens, |n, total, seen| {
        assert_eq!(seen == WHOLE, n == total, "{n} of {total}: {seen}");
    });
}

#[test]
fn a_message_that_goes_changes_or_falls_short_between_its_pieces_is_an_error_and_never_an_end() {
    let first = "C: {a} UID FETCH 4 (UID RFC822.SIZE BODY.PEEK[]<0.4>)\n";
    let four =
        format!("{first}S: * 1 FETCH (UID 4 RFC822.SIZE 6 BODY[]<0> {{4}}\nS| abcd\nS: )\nS: {{a}} OK\n");
    let second = format!("{four}C: {{b}} UID FETCH 4 (UID BODY.PEEK[]<4.4>)\n");
    for (script, want) in [
        (format!("{second}S: * 1 FETCH (UID 4 BODY[]<4> \"ef\")\nS: {{b}} OK\n"), "abcdef"),
        (format!("{first}S: * 1 FETCH (UID 4 RFC822.SIZE 0 BODY[]<0> \"\")\nS: {{a}} OK\n"), ""),
        (format!("{first}S: * 1 FETCH (UID 4 RFC822.SIZE 3 BODY[]<0> \"abc\")\nS: {{a}} OK\n"), "abc"),
        // Two responses to one command.
        (
            format!(
                "{first}S: * 1 FETCH (UID 4 RFC822.SIZE 3)\nS: * 1 FETCH (UID 4 BODY[] \"abc\")\nS: {{a}} OK\n"
            ),
            "abc",
        ),
        // Gone.
        (format!("{first}S: {{a}} OK\n"), "NotFound Fetch"),
        (format!("{second}S: * 1 EXPUNGE\nS: {{b}} OK\n"), "NotFound Fetch"),
        (format!("{second}S: * 1 FETCH (UID 4 BODY[]<4> NIL)\nS: {{b}} OK\n"), "Protocol Fetch"),
        (format!("{second}S: {{b}} NO [EXPUNGEISSUED] gone\n"), "NotFound Fetch"),
        (format!("{second}S: {{b}} NO [UNAVAILABLE] later\n"), "Deferred Fetch"),
        (format!("{second}S: * OK [UIDVALIDITY 8] rebuilt\nS: {{b}} OK\n"), "NotFound Fetch"),
        (format!("{second}CUT\n"), "Closed Fetch"),
        (format!("{second}S: * BYE down\nCUT\n"), "Closed Fetch"),
        // Shorter or longer than it was said to be, or of unknown length.
        (format!("{second}S: * 1 FETCH (UID 4 BODY[]<4> \"\")\nS: {{b}} OK\n"), "Protocol Fetch"),
        (format!("{second}S: * 1 FETCH (UID 4 BODY[]<4> \"efg\")\nS: {{b}} OK\n"), "Protocol Fetch"),
        (
            format!("{second}S: * 1 FETCH (UID 4 BODY[]<4> {{9}}\nS| efghijklm\nS: )\nS: {{b}} OK\n"),
            "Protocol Fetch",
        ),
        (format!("{first}S: * 1 FETCH (UID 4 BODY[]<0> \"abc\")\nS: {{a}} OK\n"), "Protocol Fetch"),
        (
            format!("{second}S: * 1 FETCH (UID 4 RFC822.SIZE 7 BODY[]<4> \"efg\")\nS: {{b}} OK\n"),
            "Protocol Fetch",
        ),
        // Another piece, or one of another message, is not the one that is due.
        (format!("{second}S: * 1 FETCH (UID 4 BODY[]<0> \"ab\")\nS: {{b}} OK\n"), "NotFound Fetch"),
        (format!("{second}S: * 1 FETCH (UID 4 BODY[] {{2}}\nS| ab\nS: )\nS: {{b}} OK\n"), "NotFound Fetch"),
        (
            format!("{second}S: * 2 FETCH (UID 5 BODY[]<4> {{2}}\nS| xy\nS: )\nS: {{b}} OK\n"),
            "NotFound Fetch",
        ),
        (format!("{second}S: * 2 FETCH (BODY[]<4> {{2}}\nS| xy\nS: )\nS: {{b}} OK\n"), "Protocol Fetch"),
    ] {
        let dialogue = Dialogue::parse(&format!("{}{script}", opened(""))).unwrap();
        let work = |host: VirtualHost| -> Work {
            Box::pin(async move {
                let mut imap = imap(pieces(4), &host);
                word(&read(&mut imap, &key(4)).await, Clone::clone)
            })
        };
        assert_eq!(sweep::deliveries(&dialogue, &work), want, "{script}");
    }
}

#[test]
fn a_message_past_the_limit_is_refused_by_its_announced_size_and_by_its_bytes() {
    let first = "C: {a} UID FETCH 4 (UID RFC822.SIZE BODY.PEEK[]<0.4>)\n";
    for (answer, want) in [
        ("S: * 1 FETCH (UID 4 RFC822.SIZE 7 BODY[]<0> {4}\nS| abcd\nS: )\nS: {a} OK\n", "Limit Fetch"),
        ("S: * 1 FETCH (BODY[]<0> {4}\nS| abcd\nS:  UID 4 RFC822.SIZE 7)\nS: {a} OK\n", "Limit Fetch"),
        ("S: * 1 FETCH (BODY[]<0> {4}\nS| abcd\nS:  UID 4 RFC822.SIZE 4)\nS: {a} OK\n", "abcd"),
    ] {
        let mut config = pieces(4);
        config.max_size = 6;
        let script = format!("{}{first}{answer}", opened(""));
        let (text, _) = play(config, &script, async |imap| read(imap, &key(4)).await);
        assert_eq!(word(&text, Clone::clone), want, "{answer}");
    }
}

#[test]
fn the_connection_serves_the_next_call_after_a_message_in_pieces_and_after_one_left_between_them() {
    let script = opened("")
        + "C: {a} UID FETCH 4 (UID RFC822.SIZE BODY[]<0.4>)\nS: * 1 FETCH (UID 4 RFC822.SIZE 6 BODY[]<0> \"abcd\")\n\
           S: {a} OK\nC: {b} UID FETCH 4 (UID RFC822.SIZE BODY[]<0.4>)\n\
           S: * 1 FETCH (UID 4 RFC822.SIZE 4 BODY[]<0> \"abcd\")\nS: {b} OK\n";
    let mut config = pieces(4);
    config.peek = false;
    let (seen, host) = play(config, &script, async |imap| {
        let mut body = imap.fetch(&key(4)).await?;
        let size = body.size();
        let first = body.chunk().await?;
        drop(body);
        Ok((size, first.unwrap().len(), read(imap, &key(4)).await?))
    });
    assert_eq!(seen.unwrap(), (Some(6), 4, "abcd".to_owned()));
    assert_eq!(host.dials(), 1);
    host.assert_followed();
}
