//! Pages of a mailbox that others change between any two commands: each message that was there all the time is listed,
//! once and as it is or was meanwhile, and whatever came and is not listed is news.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Ending, Script, VirtualHost, run};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Mailbox {
    // UID to whether it is seen; a message is as long as ten times its UID.
    messages: BTreeMap<u32, bool>,
    next: u32,
    seed: u64,
    /// So many changes are to come, at most: who lists page by page comes to an end.
    changes: u32,
    /// All that was ever true since the call began.
    history: BTreeSet<(u32, bool)>,
}

impl Mailbox {
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn change(&mut self) {
        let Some(left) = self.changes.checked_sub(1) else { return };
        self.changes = left;
        let nth = self.random(self.messages.len().max(1) as u64) as usize;
        let some = self.messages.keys().nth(nth).copied();
        match (self.random(7), some) {
            (0 | 1, _) => {
                self.next += 1 + (self.random(3) == 0) as u32 * 5;
                self.messages.insert(self.next - 1, false);
            }
            (2, Some(uid)) => drop(self.messages.remove(&uid)),
            (3, Some(uid)) => drop(self.messages.entry(uid).and_modify(|seen| *seen = !*seen)),
            _ => {}
        }
        self.history.extend(self.messages.iter().map(|(uid, seen)| (*uid, *seen)));
    }
}

/// A session that knows what it has told. `is_late` is Dovecot's way: NOOP looks when all that left with it is done.
struct Session {
    mailbox: Arc<Mutex<Mailbox>>,
    told: Vec<(u32, bool)>,
    is_late: bool,
    esearch: bool,
}

impl Session {
    fn sync(&mut self) -> String {
        let now = self.mailbox.lock().unwrap().messages.clone();
        let mut out = String::new();
        for at in
            (0..self.told.len()).rev().filter(|at| !now.contains_key(&self.told[*at].0)).collect::<Vec<_>>()
        {
            out += &format!("* {} EXPUNGE\r\n", at + 1);
            self.told.remove(at);
        }
        for (at, (uid, seen)) in self.told.iter_mut().enumerate() {
            if std::mem::replace(seen, now[uid]) != now[uid] {
                out += &format!("* {} FETCH (FLAGS ({}))\r\n", at + 1, flags(*seen));
            }
        }
        if now.len() > self.told.len() {
            self.told = now.into_iter().collect();
            out += &format!("* {} EXISTS\r\n", self.told.len());
        }
        out
    }

    fn command(&mut self, line: &str, late: &mut String) -> String {
        self.mailbox.lock().unwrap().change();
        let words: Vec<&str> = line.split(' ').collect();
        let ok = format!("{} OK\r\n", words[0]);
        let is_late = self.is_late && !late.is_empty();
        let mut out = String::new();
        match (words[1], words.get(2)) {
            ("SELECT", _) => {
                let (now, next) = {
                    let mailbox = self.mailbox.lock().unwrap();
                    (mailbox.messages.clone(), mailbox.next)
                };
                self.told = now.into_iter().collect();
                out += &format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT {next}]\r\n",
                    self.told.len()
                );
            }
            ("NOOP", _) if self.is_late => {
                *late += &ok;
                return String::new();
            }
            ("NOOP", _) => out += &self.sync(),
            ("UID", Some(&"SEARCH")) => {
                let (low, high) = range(words[words.len() - 1]);
                let found: Vec<String> = self
                    .told
                    .iter()
                    .map(|(uid, _)| *uid)
                    .filter(|u| (low..=high).contains(u))
                    .map(|u| u.to_string())
                    .collect();
                out += &if !self.esearch {
                    format!("* SEARCH {}\r\n", found.join(" "))
                } else if found.is_empty() {
                    format!("* ESEARCH (TAG \"{}\") UID\r\n", words[0])
                } else {
                    format!("* ESEARCH (TAG \"{}\") UID ALL {}\r\n", words[0], found.join(","))
                };
            }
            ("UID", Some(&"FETCH")) => {
                let now = self.mailbox.lock().unwrap().messages.clone();
                for set in words[3].split(',') {
                    let (low, high) = range(set);
                    for (at, (uid, told)) in
                        self.told.iter_mut().enumerate().filter(|(_, (uid, _))| (low..=high).contains(uid))
                    {
                        let Some(seen) = now.get(uid) else { continue };
                        *told = *seen;
                        out += &format!(
                            "* {} FETCH (UID {uid} FLAGS ({}) RFC822.SIZE {})\r\n",
                            at + 1,
                            flags(*seen),
                            *uid * 10
                        );
                    }
                }
            }
            _ => {}
        }
        if is_late {
            *late += &ok;
            return out;
        }
        if self.mailbox.lock().unwrap().random(2) == 0 {
            self.mailbox.lock().unwrap().change();
            out += &self.sync();
        }
        out + &ok
    }
}

fn flags(seen: bool) -> &'static str {
    if seen { "\\Seen" } else { "" }
}

fn range(set: &str) -> (u32, u32) {
    let (low, high) = set.split_once(':').unwrap_or((set, set));
    (low.parse().unwrap(), high.parse().unwrap_or(u32::MAX))
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        format!("* PREAUTH [CAPABILITY IMAP4rev1 {}] hi\r\n", if self.esearch { "ESEARCH" } else { "" })
            .into_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut out, mut late) = (String::new(), String::new());
        for line in String::from_utf8_lossy(bytes).lines() {
            out += &self.command(line, &mut late);
        }
        if !late.is_empty() {
            self.mailbox.lock().unwrap().change();
            out += &self.sync();
        }
        (out + &late).into_bytes()
    }

    fn ending(&self) -> Ending {
        Ending::Open
    }
}

#[test]
fn whatever_others_do_nothing_is_missed_nor_listed_twice_nor_told_wrongly() {
    for seed in 0..600 {
        let (is_late, esearch, limit) = (seed % 2 == 0, seed % 3 == 0, [1, 3, 100][seed as usize % 3]);
        let messages: BTreeMap<u32, bool> = (1..=seed as u32 % 9).map(|uid| (uid, uid % 2 == 0)).collect();
        let next = messages.len() as u32 + 1;
        let mailbox = Mailbox { messages, next, seed, changes: 0, history: BTreeSet::new() };
        let mailbox = Arc::new(Mutex::new(mailbox));
        let shared = Arc::clone(&mailbox);
        let host = VirtualHost::serve(move || {
            Box::new(Session { mailbox: Arc::clone(&shared), told: Vec::new(), is_late, esearch })
        });
        let mut imap = imap(pipelined(TlsMode::Implicit), &host);
        for round in 0..6 {
            let before = {
                let mut mailbox = mailbox.lock().unwrap();
                mailbox.changes = 12;
                mailbox.history = mailbox.messages.iter().map(|(uid, seen)| (*uid, *seen)).collect();
                mailbox.messages.clone()
            };
            let listed = run(&host, async {
                let (mut listed, mut query) = (Vec::new(), Query::all().limit(limit));
                loop {
                    let page = imap.list(&query).await.unwrap();
                    let last = page.messages.last().map(|m| m.id.clone());
                    listed.extend(page.messages);
                    match last {
                        Some(last) if page.more => query = Query::all().limit(limit).after(last),
                        _ => return listed,
                    }
                }
            })
            .expect("hangs");
            let mut uids = BTreeSet::new();
            let context = format!("seed {seed}, round {round}");
            let (history, after) = {
                let mut mailbox = mailbox.lock().unwrap();
                mailbox.changes = 0;
                (mailbox.history.clone(), mailbox.messages.clone())
            };
            for info in &listed {
                let uid: u32 = info.id.as_str().rsplit('/').next().unwrap().parse().unwrap();
                assert!(uids.insert(uid), "{uid} twice: {context}");
                assert_eq!(info.size, Some(u64::from(uid) * 10), "{context}");
                assert!(history.contains(&(uid, info.flags.seen)), "{uid} was never so: {context}");
            }
            for uid in before.keys().filter(|uid| after.contains_key(uid)) {
                assert!(uids.contains(uid), "{uid} is missed: {context}: {uids:?}");
            }
            let is_news = after.keys().any(|uid| !uids.contains(uid));
            if is_news || seed % 5 == 0 {
                let wake = run(&host, imap.wait(Duration::from_secs(1))).expect("hangs").unwrap();
                assert!(!is_news || wake == Wake::News, "{context}: {uids:?} of {after:?}");
            }
        }
    }
}
