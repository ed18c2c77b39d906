//! Recorded dialogues: however the bytes are delivered, and wherever they are cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::ImapConfig;
use postrider_testkit::{Dialogue, VirtualHost, secrets, sweep};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

type Work = Pin<Box<dyn Future<Output = Vec<String>>>>;

const TEXT: &str = "Subject: x\r\n\r\n)\r\n* BYE {5}\r\nend\r\n";

fn whole_session(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut imap = imap(drafts(TlsMode::Implicit), &host);
        let page = imap.list(&Query::all().limit(2)).await;
        let mut seen = vec![word(&page, |p| format!("{} {}", uids(p), p.more))];
        seen.push(word(&read(&mut imap, &draft(4)).await, Clone::clone));
        for how in [Settle::Seen, Settle::Delete] {
            seen.push(word(&imap.settle(&[draft(4)], &how).await, |()| "done".into()));
        }
        let moved = imap.settle(&[draft(9)], &Settle::Move("Gelöscht".into())).await;
        seen.push(word(&moved, |()| "done".into()));
        seen.push(word(&imap.list(&Query::all().after(draft(9))).await, uids));
        seen.push(word(&imap.wait(Duration::from_secs(60)).await, |w| format!("{w:?}")));
        Box::new(imap).close().await.unwrap();
        seen
    })
}

fn old_server(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut config = drafts(TlsMode::StartTls);
        config.login.password = Some("hünter2secret".into());
        let mut imap = imap(config, &host);
        let mut seen = vec![word(&imap.list(&Query::all()).await, uids)];
        seen.push(word(&read(&mut imap, &draft(4)).await, Clone::clone));
        seen.push(word(&imap.settle(&[draft(4)], &Settle::Delete).await, |()| "done".into()));
        let moved = imap.settle(&[draft(9)], &Settle::Move("Gelöscht".into())).await;
        seen.push(word(&moved, |()| "done".into()));
        Box::new(imap).close().await.unwrap();
        seen
    })
}

fn gmail(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut imap = imap(drafts(TlsMode::Implicit), &host);
        let names = imap.mailboxes().await;
        let show = |m: &postrider_imap::Mailbox| format!("{} {:?} {}", m.name, m.special, m.selectable);
        let mut seen = vec![word(&names, |all| all.iter().map(show).collect::<Vec<_>>().join("; "))];
        let page = imap.list(&Query::all()).await;
        seen.push(word(&page, |p| format!("{} {:?}", uids(p), p.messages[0].flags.keywords)));
        seen.push(word(&read(&mut imap, &draft(4)).await, Clone::clone));
        Box::new(imap).close().await.unwrap();
        seen
    })
}

fn stored(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut imap = imap(config(TlsMode::Implicit), &host);
        let mut flags = Flags::default();
        flags.seen = true;
        flags.keywords.push("$Kept".into());
        let mut seen = Vec::new();
        for _ in 0..2 {
            let key = imap.append("Entwürfe", &flags, "From: a\r\n\r\nb".into()).await;
            seen.push(word(&key, |k| k.as_ref().unwrap().to_string()));
        }
        seen
    })
}

const SESSION: [&str; 7] = ["4,9 true", TEXT, "done", "done", "done", "", "News"];
const OLD: [&str; 4] = ["4,9", "short", "done", "done"];

#[test]
fn a_whole_session_is_the_same_however_bytes_arrive() {
    assert_eq!(sweep::deliveries(&dialogue("session"), &whole_session), SESSION);
}

#[test]
fn an_old_server_with_starttls_and_without_extensions_is_served() {
    assert_eq!(sweep::deliveries(&dialogue("starttls"), &old_server), OLD);
}

#[test]
fn what_gmail_says_and_what_nobody_knows_breaks_nothing() {
    let seen = sweep::deliveries(&dialogue("gmail"), &gmail);
    assert!(
        seen[0].contains("[Gmail]/Entwürfe Some(Drafts) true") && seen[0].contains("[Gmail] None false"),
        "{seen:?}"
    );
    assert!(seen[0].contains("[Gmail]/Wichtig Some(Important) true"), "{seen:?}");
    assert_eq!(seen[1..], ["4 [\"NonJunk\"]", "From: a\r\n\r\nb"]);
}

#[test]
fn a_message_is_refused_before_it_is_sent_or_stored_and_named() {
    let want = ["NotFound Append", "imap:me@mail.example/Entw%C3%BCrfe/7/42"];
    assert_eq!(sweep::deliveries(&dialogue("append"), &stored), want);
}

#[test]
fn a_refused_token_is_explained_and_no_secret_shows_even_if_the_server_repeats_it() {
    let work = |host: VirtualHost| -> Work {
        Box::pin(async move {
            let mut config = config(TlsMode::Implicit);
            config.login.token = config.login.password.take();
            let error = imap(config, &host).list(&Query::all()).await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
            vec![error.to_string(), format!("{error:?}")]
        })
    };
    let texts = sweep::deliveries(&dialogue("xoauth2"), &work);
    assert!(
        texts[0].contains("https://mail.google.com/") && texts[0].contains("AUTHENTICATIONFAILED"),
        "{}",
        texts[0]
    );
    secrets::assert_absent(&texts.join("\n"), &[SECRET]);
}

/// Each result is that of the whole session or an error; what was read is all of it.
fn check(what: &str, want: &[&str], seen: &[String]) {
    for (want, seen) in want.iter().zip(seen) {
        let is_error = ["Closed ", "Timeout ", "Connect ", "Unsure "].iter().any(|e| seen.starts_with(e));
        assert!(seen == want || is_error, "{what}: {seen:?} instead of {want:?}");
    }
}

#[test]
fn wherever_the_server_is_cut_or_falls_silent_nothing_hangs_and_no_half_message_is_handed_over() {
    sweep::cuts(&dialogue("session"), &whole_session, |n, total, seen| {
        check(&format!("{n} of {total}"), &SESSION, &seen);
        // Once a call has failed the script takes no other connection.
        let first_error = seen.iter().zip(SESSION).position(|(s, w)| s != w).unwrap_or(SESSION.len());
        assert!(n + 40 >= total || first_error < SESSION.len(), "{n}: nothing was cut? {seen:?}");
    });
    sweep::cuts(&dialogue("starttls"), &old_server, |n, total, seen| {
        check(&format!("{n} of {total}"), &OLD, &seen)
    });
    sweep::cuts(&dialogue("gmail"), &gmail, |n, total, seen| {
        assert!(n == total || seen[2] == "From: a\r\n\r\nb" || !seen[2].contains("From"), "{n}: {seen:?}");
    });
}

#[test]
fn wherever_the_client_is_cut_nothing_hangs_and_no_half_message_is_handed_over() {
    sweep::client_cuts(&dialogue("session"), &whole_session, |n, total, seen| {
        check(&format!("{n} of {total}"), &SESSION, &seen);
    });
    sweep::client_cuts(&dialogue("starttls"), &old_server, |n, total, seen| {
        check(&format!("{n} of {total}"), &OLD, &seen);
    });
}

#[test]
fn a_stored_message_is_unsure_exactly_while_its_answer_is_due() {
    let answer = "* 5 EXISTS\r\n12345678 OK [APPENDUID 7 42] stored\r\n".len();
    sweep::cuts(&dialogue("append"), &stored, |n, total, seen| {
        let second = seen[1].as_str();
        if n == total {
            assert!(second.starts_with("imap:"), "{seen:?}");
        } else if n > total - answer {
            assert_eq!(second, "Unsure Append", "{n} of {total}");
        } else {
            assert!(!second.starts_with("imap:"), "{n} of {total}: {second}");
            assert!(n == total - answer || second != "Unsure Append", "{n} of {total}");
        }
    });
    sweep::client_cuts(&dialogue("append"), &stored, |n, total, seen| {
        // The last two bytes are the line end behind the literal: without them it may be stored or not.
        let want = if n == total { "imap:" } else { "" };
        assert!(seen[1].starts_with(want), "{n} of {total}: {seen:?}");
        assert!(n + 2 >= total || !seen[1].starts_with("Unsure"), "{n} of {total}: {seen:?}");
    });
}

#[test]
fn bodies_in_every_legal_shape_are_read_and_others_are_errors() {
    for (answer, want) in [
        ("S: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nS: {f} OK\n", "abc"),
        ("S: * 1 FETCH (body[] ~{3}\nS| abc\nS:  uid 4)\nS: {f} OK\n", "abc"),
        ("S: * 1 FETCH (UID 4 BODY[] {0}\nS: )\nS: {f} OK\n", ""),
        ("S: * 1 FETCH (UID 4 BODY[] \"\")\nS: {f} OK\n", ""),
        ("S: * 1 FETCH (UID 4 BODY[] \"a\\\\b\")\nS: {f} OK\n", "a\\b"),
        // Of another message first, then ours.
        (
            "S: * 2 FETCH (UID 5 BODY[] {3}\nS| xyz\nS: )\nS: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nS: {f} OK\n",
            "abc",
        ),
        // Twice: the first counts.
        (
            "S: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nS: * 1 FETCH (UID 4 BODY[] {3}\nS| xyz\nS: )\nS: {f} OK\n",
            "abc",
        ),
        (
            "S: * 1 EXPUNGE\nS: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS:  X {2}\nS| ((\nS: )\nS: * 2 EXISTS\nS: {f} OK\n",
            "abc",
        ),
        ("S: {f} OK\n", "NotFound Fetch"),
        ("S: * 1 FETCH (UID 4 BODY[] NIL)\nS: {f} OK\n", "Protocol Fetch"),
        ("S: * 1 FETCH (UID 4 BODY[] NIL)\nS: {f} NO [EXPUNGEISSUED] gone\n", "NotFound Fetch"),
        ("S: * 1 FETCH (UID 4 FLAGS ())\nS: {f} OK\n", "NotFound Fetch"),
        ("S: * 2 FETCH (UID 5 BODY[] {3}\nS| xyz\nS: )\nS: {f} OK\n", "NotFound Fetch"),
        ("S: {f} NO [EXPUNGEISSUED] gone\n", "NotFound Fetch"),
        ("S: {f} NO [UNAVAILABLE] later\n", "Deferred Fetch"),
        ("S: {f} BAD what\n", "Rejected Fetch"),
        // Whose text is it?
        ("S: * 1 FETCH (BODY[] {3}\nS| abc\nS: )\nS: {f} OK\n", "Protocol Fetch"),
        ("S: * 1 FETCH (BODY[] {3}\nS| abc\nS:  UID 5)\nS: {f} OK\n", "Protocol Fetch"),
        (
            "S: * 1 FETCH (BODY[] {3}\nS| abc\nS: )\nS: * 1 FETCH (UID 4 FLAGS ())\nS: {f} OK\n",
            "Protocol Fetch",
        ),
        // All of it was there, and yet the server says no.
        ("S: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nS: {f} NO [SERVERBUG] disk\n", "Rejected Fetch"),
        ("S: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nCUT\n", "Closed Fetch"),
        ("S: * 1 FETCH (UID 4 BODY[] {3}\nS| abc\nS: )\nS: * BYE down\nCUT\n", "Closed Fetch"),
        // Longer or shorter than announced: what follows makes no sense.
        ("S: * 1 FETCH (UID 4 BODY[] {9}\nS| abc\nS: )\nS: {f} OK\nSILENCE\n", "Timeout Fetch"),
        ("S: * 1 FETCH (UID 4 BODY[] {9}\nS| abc\nS: )\nCUT\n", "Closed Fetch"),
    ] {
        let script = format!("{}C: {{f}} UID FETCH 4 (UID BODY.PEEK[])\n{answer}", opened(""));
        let script = Dialogue::parse(&script).unwrap();
        let work = |host: VirtualHost| -> Work {
            Box::pin(async move {
                let mut imap = imap(config(TlsMode::Implicit), &host);
                vec![word(&read(&mut imap, &key(4)).await, Clone::clone)]
            })
        };
        assert_eq!(sweep::deliveries(&script, &work), [want], "{answer}");
    }
}

#[test]
fn with_peek_switched_off_the_server_marks_what_is_fetched() {
    let script =
        opened("") + "C: {f} UID FETCH 4 (UID BODY[])\nS: * 1 FETCH (UID 4 BODY[] \"x\")\nS: {f} OK\n";
    let mut config: ImapConfig = config(TlsMode::Implicit);
    config.peek = false;
    let (text, host) = play(config, &script, async |imap| read(imap, &key(4)).await);
    assert_eq!(text.unwrap(), "x");
    host.assert_followed();
}
