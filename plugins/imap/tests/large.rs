//! Mailboxes of any size: what is asked of the server, and that no answer can be larger than it may be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Script, VirtualHost, run};
use std::sync::{Arc, Mutex};

/// So many messages; the UID of the n-th is 3n, and every 1,000th is unseen.
const MESSAGES: u32 = 1_000_000;

/// Answers searches and fetches as a server of a million messages does, and remembers what it was asked.
struct Million {
    esearch: bool,
    expunge: Arc<Mutex<u32>>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn range(set: &str) -> (u32, u32) {
    let (low, high) = set.split_once(':').unwrap_or((set, set));
    let number = |t: &str| t.parse().unwrap_or(u32::MAX);
    (number(low), number(high))
}

impl Million {
    fn answer(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (tag, rest) = (words[0], line.split_once(' ').unwrap().1);
        let unseen = |n: &u32| !rest.contains("UNSEEN") || n.is_multiple_of(1_000);
        let gone = *self.expunge.lock().unwrap();
        let data = if rest.starts_with("SELECT") {
            format!("* {} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", MESSAGES - gone)
        } else if let Some(key) = rest.strip_prefix("UID SEARCH RETURN (COUNT) UID 1:") {
            format!("* ESEARCH UID COUNT {}\r\n", key.parse::<u32>().unwrap() / 3 - gone)
        } else if rest.starts_with("UID SEARCH") {
            let key = rest.trim_start_matches("UID SEARCH RETURN (ALL) ").trim_start_matches("UID SEARCH ");
            // By UID or by number; when a message goes, all numbers above it shift.
            let (low, high) = match key.strip_prefix("UID ") {
                Some(key) => {
                    let (low, high) = range(key.split(' ').next().unwrap());
                    (low.div_ceil(3), high / 3)
                }
                None => {
                    let (low, high) = range(key.split(' ').next().unwrap());
                    (low + gone, high.saturating_add(gone))
                }
            };
            let found: Vec<String> = (low.max(1 + gone)..=high.min(MESSAGES))
                .filter(unseen)
                .map(|n| (3 * n).to_string())
                .collect();
            if self.esearch {
                format!("* ESEARCH UID{}{}\r\n", if found.is_empty() { "" } else { " ALL " }, found.join(","))
            } else {
                format!("* SEARCH {}\r\n", found.join(" "))
            }
        } else if rest.starts_with("UID FETCH") {
            words[3]
                .split(',')
                .flat_map(|part| {
                    let (low, high) = range(part);
                    low..=high
                })
                .map(|uid| format!("* 1 FETCH (UID {uid} FLAGS () RFC822.SIZE 9)\r\n"))
                .collect()
        } else {
            String::new()
        };
        format!("{data}{tag} OK\r\n")
    }
}

impl Script for Million {
    fn greet(&mut self) -> Vec<u8> {
        let esearch = if self.esearch { "ESEARCH" } else { "" };
        format!("* PREAUTH [CAPABILITY IMAP4rev1 {esearch}] hi\r\n").into_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        for line in String::from_utf8_lossy(bytes).lines() {
            self.asked.lock().unwrap().push(line.split_once(' ').unwrap().1.to_owned());
            out.push_str(&self.answer(line));
        }
        // One message goes while the mailbox is being searched.
        let mut expunge = self.expunge.lock().unwrap();
        if *expunge == 0 && out.contains("SEARCH") && self.asked.lock().unwrap().len() == 3 {
            *expunge = 1;
            out.insert_str(0, "* 1 EXPUNGE\r\n");
        }
        out.into_bytes()
    }
}

#[test]
fn a_page_of_a_million_messages_is_found_in_few_steps_and_none_is_passed_over() {
    for esearch in [true, false] {
        for (unseen, after, want, most) in [
            (false, None, [6, 9, 12], 8),
            (false, Some(1_499_997), [1_500_000, 1_500_003, 1_500_006], 50),
            (false, Some(2_999_994), [2_999_997, 3_000_000, 0], 50),
            (false, Some(3_000_000), [0, 0, 0], 50),
            (true, None, [3_000, 6_000, 9_000], 8),
            (true, Some(2_990_000), [2_991_000, 2_994_000, 2_997_000], 60),
        ] {
            let (asked, expunge) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<u32>>::default());
            let (shared, gone) = (Arc::clone(&asked), Arc::clone(&expunge));
            let host = VirtualHost::serve(move || {
                Box::new(Million { esearch, expunge: Arc::clone(&gone), asked: Arc::clone(&shared) })
            });
            let mut imap = imap(config(TlsMode::Implicit), &host);
            let mut query = if unseen { Query::unseen() } else { Query::all() }.limit(3);
            if let Some(uid) = after {
                query = query.after(key(uid));
            }
            let page = run(&host, imap.list(&query)).unwrap().unwrap();
            let want: Vec<String> = want.iter().filter(|n| **n > 0).map(u32::to_string).collect();
            let what = format!("{esearch} {unseen} {after:?}: {:?}", asked.lock().unwrap());
            // The first message is the one that goes, or not yet.
            let got = uids(&page);
            assert!(got == want.join(",") || (after.is_none() && got == "3,6,9"), "{got}, {what}");
            assert_eq!(page.more, want.len() == 3, "{what}");
            assert!(asked.lock().unwrap().len() <= most, "{what}");
        }
    }
}

#[test]
fn a_page_is_no_longer_than_ten_thousand_whatever_was_asked_for() {
    let (asked, expunge) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Mutex::new(1)));
    let host = VirtualHost::serve(move || {
        Box::new(Million { esearch: true, expunge: Arc::clone(&expunge), asked: Arc::clone(&asked) })
    });
    let mut imap = imap(config(TlsMode::Implicit), &host);
    let page = run(&host, imap.list(&Query::all().limit(usize::MAX))).unwrap().unwrap();
    assert!(page.more && page.messages.len() == 10_000);
}
