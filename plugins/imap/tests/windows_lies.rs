//! Servers that lie, or change their mind, while messages are asked for in windows: never the wrong text under a key,
//! never an end that does not come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::bulk::{Bulk, Order, Shape, Ways};
use common::*;
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Ending, Script, VirtualHost, run};
use std::time::Duration;

fn windowed(window: usize) -> ImapConfig {
    let mut config = pipelined(TlsMode::Implicit);
    // Half of it at first.
    config.window = 2 * window;
    config
}

/// The key of a message whose UIDVALIDITY is another one than that of the mailbox.
fn other_key(uid: u32) -> MessageId {
    MessageId::new("imap", ["me@mail.example", "INBOX", "8", &uid.to_string()])
}

/// Announces the first messages, all of the mailbox, and gives the outcome of each fetch in words.
async fn all(imap: &mut Imap, last: u32) -> Vec<String> {
    let ids: Vec<MessageId> = (1..=last).map(key).collect();
    imap.prefetch(&ids);
    let mut seen = Vec::new();
    for id in &ids {
        seen.push(word(&read(imap, id).await, Clone::clone));
    }
    seen
}

#[test]
fn what_was_asked_for_under_one_uidvalidity_is_never_given_under_another() {
    for connections in [1, 3] {
        for taken in 0..4 {
            let bulk = Bulk::new(Ways { messages: 60, ..Ways::default() });
            let host = bulk.host();
            let mut config = windowed(16);
            config.connections = connections;
            let mut imap = imap(config, &host);
            let ids: Vec<MessageId> = (1..=60).map(key).collect();
            let others: Vec<MessageId> = (1..=60).map(other_key).collect();
            run(&host, async {
                imap.prefetch(&ids);
                for (uid, id) in (1..).zip(&ids[..taken]) {
                    assert_eq!(read(&mut imap, id).await.unwrap(), bulk.text(uid));
                }
                imap.prefetch(&others[taken..]);
                for id in &others[taken..] {
                    let error = read(&mut imap, id).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{connections} {taken} {id:?}");
                }
                imap.prefetch(&ids);
                for (uid, id) in (1..).zip(&ids) {
                    assert_eq!(read(&mut imap, id).await.unwrap(), bulk.text(uid));
                }
            })
            .expect("hangs");
        }
    }
}

#[test]
fn a_mailbox_rebuilt_between_two_commands_of_a_window_gives_no_text_any_more() {
    for code in ["{a} OK [UIDVALIDITY 8] done", "* OK [UIDVALIDITY 8] new\nS: {a} OK done"] {
        let script = opened("")
            + "C: {a} UID FETCH 3:4 (UID BODY.PEEK[])\nC: {b} UID FETCH 1:2 (UID BODY.PEEK[])\n\
               S: * 3 FETCH (UID 3 BODY[] {3}\nS: one)\nS: * 4 FETCH (UID 4 BODY[] {3}\nS: two)\nS: "
            + code
            + "\nS: * 1 FETCH (UID 1 BODY[] {5}\nS: wrong)\nS: {b} OK done\nCONNECT\nREFUSE\n";
        let (seen, _) = play(windowed(8), &script, async |imap: &mut Imap| {
            imap.prefetch(&[key(3), key(4), key(1), key(2)]);
            let mut seen = Vec::new();
            for uid in [3, 4, 1] {
                seen.push(word(&read(imap, &key(uid)).await, Clone::clone));
            }
            Ok(seen)
        });
        assert_eq!(seen.unwrap(), ["one", "two", "NotFound Fetch"], "{code}");
    }
}

#[test]
fn a_text_that_was_passed_over_is_no_empty_message() {
    let start = format!("S| * 3 FETCH (UID 3 BODY[] {{70000}}\\r\\n{}\n", "y".repeat(50_000));
    let rest = format!("S: {})\nS: {{a}} OK done\n", "y".repeat(20_000));
    let script =
        opened("").replace("S: {open} OK [READ-WRITE]\n", "") + "S: {open} OK [READ-WRITE]\n" + &start;
    for announced in [false, true] {
        let script = format!(
            "{script}C: {{a}} UID FETCH 3 (UID BODY.PEEK[])\n{rest}{}",
            if announced {
                "C: {b} UID FETCH 3 (UID BODY.PEEK[])\nS: {b} OK done\nC: {n} NOOP\nS: {n} OK\nC: {c} UID FETCH 3 (UID BODY.PEEK[])\nS: {c} OK done\n"
            } else {
                ""
            }
        );
        let host = VirtualHost::play(&postrider_testkit::Dialogue::parse(&script).unwrap());
        let mut imap = imap(windowed(8), &host);
        if announced {
            imap.prefetch(&[key(3)]);
        }
        let seen = run(&host, read(&mut imap, &key(3))).expect("hangs");
        assert!(seen.is_err(), "{announced}: {seen:?}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_also_when_it_comes_before_its_turn() {
    for shape in [Shape::Usual, Shape::NameBehind, Shape::Flags, Shape::Quoted] {
        let ways = Ways { padding: 3_000, order: Order::Down, shape, missing: vec![1], ..Ways::default() };
        let bulk = Bulk::new(ways);
        let host = bulk.host();
        let mut config = windowed(16);
        config.max_size = 1_000;
        let mut imap = imap(config, &host);
        let seen = run(&host, all(&mut imap, 4)).expect("hangs");
        assert_eq!(seen, ["NotFound Fetch", "Limit Fetch", "Limit Fetch", "Limit Fetch"], "{shape:?}");
    }
}

#[test]
fn a_message_fetched_by_itself_after_a_window_may_be_followed_by_news_of_others() {
    let script = opened("")
        + "C: {a} UID FETCH 1 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 1 BODY[] {3}\nS: one)\nS: {a} OK done\n\
           C: {b} UID FETCH 2 (UID BODY.PEEK[])\nS: * 2 FETCH (UID 2 BODY[] {3}\nS: two)\n\
           S: * 3 FETCH (UID 3 FLAGS (\\Seen))\nS: {b} OK done\n";
    let (seen, _) = play(windowed(8), &script, async |imap: &mut Imap| {
        imap.prefetch(&[key(1)]);
        let one = read(imap, &key(1)).await?;
        Ok(one + &read(imap, &key(2)).await?)
    });
    assert_eq!(seen.unwrap(), "onetwo");
}

/// A server that answers the first FETCH with a flood.
struct Flood {
    inner: Box<dyn Script>,
    flood: &'static str,
    size: usize,
    left: usize,
}

impl Script for Flood {
    fn greet(&mut self) -> Vec<u8> {
        self.inner.greet()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        if bytes.windows(9).any(|w| w == b"UID FETCH") {
            self.left = self.size;
            return Vec::new();
        }
        self.inner.receive(bytes)
    }

    // In pieces that never end where a response does.
    fn more(&mut self) -> Vec<u8> {
        if self.left == 0 {
            return Vec::new();
        }
        let was_first = self.left == self.size;
        self.left -= 1;
        let (head, tail) = self.flood.split_at(self.flood.len() / 2);
        let start = if was_first { "" } else { tail };
        format!("{start}{}{head}", self.flood.repeat(999)).into_bytes()
    }

    fn ending(&self) -> Ending {
        self.inner.ending()
    }
}

#[test]
fn a_flood_of_what_nobody_asked_for_comes_to_an_end_in_an_error() {
    for flood in
        ["* 1 FETCH (UID 999 BODY[] {20}\r\nxxxxxxxxxxxxxxxxxxxx)\r\n", "* OK go on go on go on go on\r\n"]
    {
        let bulk = Bulk::new(Ways::default());
        let host = VirtualHost::serve(move || {
            Box::new(Flood { inner: bulk.session(), flood, size: 1_100, left: 0 })
        });
        let mut imap = imap(windowed(8), &host);
        imap.prefetch(&[key(1), key(2)]);
        let error = run(&host, read(&mut imap, &key(1))).expect("hangs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{flood}: {error}");
    }
}

#[test]
fn a_message_that_comes_behind_the_result_of_a_search_is_news_still() {
    // The search has been made when the fourth message comes.
    let first = "S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\nC: {open} SELECT \"INBOX\"\n\
                 C: {s} UID SEARCH UID 1:50000\n\
                 C: {d} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 12] ok\n\
                 S: {open} OK [READ-WRITE]\nS: * SEARCH 4 9 10\n";
    let described = "C: {f} UID FETCH 4,9:10 (UID FLAGS RFC822.SIZE)\nS: * 1 FETCH (UID 4)\nS: * 2 FETCH (UID 9)\n\
                     S: * 3 FETCH (UID 10)\nS: {f} OK\n";
    let at_first = format!(
        "{first}S: * 4 EXISTS\nS: {{s}} OK\nS: {{d}} OK\nC~ {{x}} UID SEARCH *\nS: * SEARCH 4 9 10\nS: {{x}} OK\n{described}"
    );
    let later = format!(
        "{first}S: {{s}} OK\nS: {{d}} OK\n{described}C: {{n}} NOOP\nC: {{t}} UID SEARCH UID 1:*\n\
         C: {{e}} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: {{n}} OK\nS: * SEARCH 4 9 10\n\
         S: * 4 EXISTS\nS: {{t}} OK\nS: {{e}} OK\nC~ {{y}} UID SEARCH *\nS: * SEARCH 4 9 10 12\nS: {{y}} OK\n\
         C: {{g}} UID FETCH 4,9:10,12 (UID FLAGS RFC822.SIZE)\nS: * 1 FETCH (UID 4)\nS: * 2 FETCH (UID 9)\n\
         S: * 3 FETCH (UID 10)\nS: * 4 FETCH (UID 12)\nS: {{g}} OK\n"
    );
    // Dovecot looks for news when all is done, and ends NOOP then: the search is made anew if there are any.
    let swapped = format!(
        "{first}S: {{s}} OK\nS: {{d}} OK\n{described}C: {{n}} NOOP\nC: {{t}} UID SEARCH UID 1:*\n\
         C: {{e}} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: * SEARCH 4 9 10\nS: {{t}} OK\n\
         S: * 4 EXISTS\nS: {{n}} OK\nS: {{e}} OK\nC: {{y}} UID SEARCH UID 1:*\nS: * SEARCH 4 9 10 12\nS: {{y}} OK\n\
         C: {{g}} UID FETCH 4,9:10,12 (UID FLAGS RFC822.SIZE)\nS: * 1 FETCH (UID 4)\nS: * 2 FETCH (UID 9)\n\
         S: * 3 FETCH (UID 10)\nS: * 4 FETCH (UID 12)\nS: {{g}} OK\n"
    );
    let between =
        swapped.replace("S: {t} OK\nS: * 4 EXISTS\nS: {n} OK\n", "S: * 4 EXISTS\nS: {n} OK\nS: {t} OK\n");
    assert_ne!(between, swapped);
    let none = format!(
        "{first}S: {{s}} OK\nS: {{d}} OK\n{described}C: {{n}} NOOP\nC: {{t}} UID SEARCH UID 1:*\n\
         C: {{e}} UID FETCH 1:1000 (UID FLAGS RFC822.SIZE)\nS: * SEARCH 4 9 10\nS: * 1 FETCH (UID 4 FLAGS () RFC822.SIZE 4)\n\
         S: * 2 FETCH (UID 9 FLAGS () RFC822.SIZE 9)\nS: * 3 FETCH (UID 10 FLAGS () RFC822.SIZE 10)\nS: {{e}} OK\n\
         S: {{t}} OK\nS: {{n}} OK\n"
    );
    for (script, lists) in [(at_first, 1), (later, 2), (swapped, 2), (between, 2), (none, 2)] {
        let host = VirtualHost::play(&postrider_testkit::Dialogue::parse(&script).unwrap());
        let mut imap = imap(windowed(8), &host);
        run(&host, async {
            for _ in 0..lists {
                imap.list(&Query::all()).await.unwrap();
            }
        })
        .expect("hangs");
        host.assert_followed();
    }
}

#[test]
fn a_connection_that_takes_the_place_of_the_first_misses_no_news() {
    // Listed over the first; the second sees more; the first is lost.
    let bulk = Bulk::new(Ways { messages: 40, ..Ways::default() });
    let mut config = windowed(8);
    config.connections = 2;
    struct Cut {
        inner: Box<dyn Script>,
        is_first: bool,
        cut: bool,
    }
    impl Script for Cut {
        fn greet(&mut self) -> Vec<u8> {
            self.inner.greet()
        }
        fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
            let said = self.inner.receive(bytes);
            let text = String::from_utf8_lossy(&said).into_owned();
            if self.is_first {
                self.cut |= text.contains("NOOP") || bytes.windows(4).any(|w| w == b"IDLE");
                return if self.cut { Vec::new() } else { said };
            }
            // One more has come meanwhile.
            let said = text.replace("UIDNEXT 41", "UIDNEXT 42").replace("* 41 EXISTS", "* 40 EXISTS");
            said.into_bytes()
        }
        fn ending(&self) -> Ending {
            if self.cut { Ending::Closed } else { Ending::Open }
        }
    }
    let server = bulk.clone();
    let host = VirtualHost::serve(move || {
        let is_first = server.heard().dials == 0;
        Box::new(Cut { inner: server.session(), is_first, cut: false })
    });
    let mut imap = imap(config, &host);
    let wake = run(&host, async {
        let listing = imap.list(&Query::all()).await.unwrap();
        let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
        imap.prefetch(&ids);
        for id in &ids {
            read(&mut imap, id).await.unwrap();
        }
        match imap.wait(Duration::from_secs(60)).await {
            Err(_) => imap.wait(Duration::from_secs(60)).await,
            wake => wake,
        }
    })
    .expect("hangs");
    assert_eq!(wake.unwrap(), Wake::News);
}

#[test]
fn closing_in_the_middle_of_a_window_does_not_wait_for_a_server_that_has_fallen_silent() {
    let bulk = Bulk::new(Ways { messages: 40, padding: 2_000, ..Ways::default() });
    let host = bulk.host().stall_after(9_000);
    let mut imap = imap(windowed(16), &host);
    run(&host, async {
        imap.prefetch(&(1..=40).map(key).collect::<Vec<_>>());
        read(&mut imap, &key(1)).await.unwrap();
        Box::new(imap).close().await.unwrap();
    })
    .expect("hangs");
    assert!(host.now() <= Duration::from_secs(15), "{:?}", host.now());
}

#[test]
fn what_a_window_does_not_give_is_asked_for_by_itself_where_the_answer_does_not_say_that_it_is_gone() {
    let one = "S: * 1 FETCH (UID 1 BODY[] {3}\nS: one)\n";
    let alone = |answer: &str| format!("C: {{c}} UID FETCH 2 (UID BODY.PEEK[])\n{answer}");
    let two = alone("S: * 2 FETCH (UID 2 BODY[] {3}\nS: two)\nS: {c} OK done\n");
    let nil = alone("S: * 2 FETCH (UID 2 BODY[] NIL)\nS: {c} OK done\n");
    for (rest, want) in [
        (format!("S: {{a}} OK [MESSAGELIMIT 1 1] in part\n{two}"), "two"),
        (format!("S: * 2 FETCH (UID 2 BODY[] NIL)\nS: {{a}} OK done\n{two}"), "two"),
        (format!("S: * 2 FETCH (UID 2 BODY[] NIL)\nS: {{a}} OK done\n{nil}"), "Protocol Fetch"),
        ("S: * 2 FETCH (UID 2 FLAGS ())\nS: {a} OK done\n".into(), "NotFound Fetch"),
    ] {
        let script = format!("{}C: {{a}} UID FETCH 1:2 (UID BODY.PEEK[])\n{one}{rest}", opened(""));
        let (seen, _) = play(windowed(8), &script, async |imap: &mut Imap| {
            imap.prefetch(&[key(1), key(2)]);
            assert_eq!(read(imap, &key(1)).await?, "one");
            Ok(word(&read(imap, &key(2)).await, Clone::clone))
        });
        assert_eq!(seen.unwrap(), want, "{rest}");
    }
}

#[test]
fn long_messages_left_half_read_end_no_window_but_their_own() {
    let bulk = Bulk::new(Ways { messages: 12, padding: 300_000, ..Ways::default() });
    let host = bulk.host();
    let mut config = windowed(16);
    config.window_bytes = 100_000;
    let mut imap = imap(config, &host);
    let ids: Vec<MessageId> = (1..=12).map(key).collect();
    run(&host, async {
        imap.prefetch(&ids);
        for id in &ids[..5] {
            drop(imap.fetch(id).await.unwrap().chunk().await.unwrap());
        }
        for (uid, id) in (6..).zip(&ids[5..]) {
            assert_eq!(read(&mut imap, id).await.unwrap(), bulk.text(uid));
            let last: u32 = bulk.heard().sets.last().unwrap().1.parse().unwrap();
            assert!(last > uid || uid == 12, "the next was asked for while {uid} came in");
        }
    })
    .expect("hangs");
    assert!(host.dials() <= 7, "{}", host.dials());
}
