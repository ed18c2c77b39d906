//! A server with many messages that answers `UID FETCH` of several in every way there is.

use postrider_testkit::{Ending, Script, VirtualHost};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// `(UID 4 BODY[] {3}`
    Usual,
    /// `(BODY[] {3} … UID 4)`
    NameBehind,
    /// `(UID 4 BODY[] "abc")`, where it can be.
    Quoted,
    /// `(FLAGS () UID 4 BODY[] {3} … FLAGS (\Seen))`
    Flags,
    /// No UID at all.
    Nameless,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Up,
    Down,
    /// Those at even places first.
    Mixed,
}

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) messages: u32,
    pub(crate) missing: Vec<u32>,
    pub(crate) shape: Shape,
    pub(crate) order: Order,
    /// Other data before every response.
    pub(crate) chatter: &'static str,
    /// The status of the n-th FETCH from 0, and how many messages it gives before.
    pub(crate) refuse: Option<(usize, &'static str, usize)>,
    /// How long the messages are, beside their number.
    pub(crate) padding: usize,
    /// So many dials are taken.
    pub(crate) dials: usize,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            messages: 12,
            missing: Vec::new(),
            shape: Shape::Usual,
            order: Order::Up,
            chatter: "",
            refuse: None,
            padding: 0,
            dials: usize::MAX,
        }
    }
}

#[derive(Default)]
pub(crate) struct Heard {
    /// The sets of all FETCHes of bodies, and the connection each came by.
    pub(crate) sets: Vec<(usize, String)>,
    /// How many messages were asked for.
    pub(crate) asked: usize,
    pub(crate) dials: usize,
    pub(crate) settled: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Bulk {
    pub(crate) ways: Ways,
    heard: Arc<Mutex<Heard>>,
}

impl Bulk {
    pub(crate) fn new(ways: Ways) -> Self {
        Self { ways, heard: Arc::default() }
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap()
    }

    pub(crate) fn host(&self) -> VirtualHost {
        let bulk = self.clone();
        VirtualHost::serve(move || bulk.session())
    }

    /// The next connection's side of the server.
    pub(crate) fn session(&self) -> Box<dyn Script> {
        let dial = self.heard().dials;
        self.heard().dials += 1;
        Box::new(Session { bulk: self.clone(), dial, buffer: Vec::new(), idle: None, closed: false })
    }

    /// The text of a message: no other has it.
    pub(crate) fn text(&self, uid: u32) -> String {
        let text =
            format!("Subject: {uid}\r\n\r\n)\r\nx OK {{3}}\r\n{uid}\r\n{}", "y".repeat(self.ways.padding));
        if self.ways.shape == Shape::Quoted { text.replace("\r\n", "_") } else { text }
    }

    fn response(&self, uid: u32) -> String {
        let (text, shape) = (self.text(uid), self.ways.shape);
        let size = text.len();
        let items = match shape {
            Shape::Usual => format!("UID {uid} BODY[] {{{size}}}\r\n{text}"),
            Shape::NameBehind => format!("BODY[] {{{size}}}\r\n{text} UID {uid}"),
            Shape::Quoted => format!("UID {uid} BODY[] \"{text}\""),
            Shape::Flags => format!("FLAGS () UID {uid} BODY[] {{{size}}}\r\n{text} FLAGS (\\Seen)"),
            Shape::Nameless => format!("BODY[] {{{size}}}\r\n{text}"),
        };
        format!("{}* {uid} FETCH ({items})\r\n", self.ways.chatter)
    }
}

struct Session {
    bulk: Bulk,
    dial: usize,
    buffer: Vec<u8>,
    idle: Option<String>,
    closed: bool,
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        if self.dial >= self.bulk.ways.dials {
            self.closed = true;
            return b"* BYE no more\r\n".to_vec();
        }
        b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS IDLE] bulk\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        self.buffer.extend_from_slice(bytes);
        while let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
            out.push_str(&self.line(&String::from_utf8_lossy(&line[..at])));
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}

impl Session {
    fn line(&mut self, line: &str) -> String {
        if let Some(tag) = self.idle.take() {
            return format!("{tag} OK\r\n");
        }
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        let messages = self.bulk.ways.messages;
        let data = match words[..] {
            ["SELECT", ..] => {
                let next = messages + 1;
                format!("* {messages} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {next}] x\r\n")
            }
            ["UID", "FETCH", set, "(UID", "BODY.PEEK[])"] => return self.fetch(tag, set),
            ["UID", "FETCH", set, ..] => {
                let there = self.set(set).into_iter();
                there
                    .map(|uid| {
                        let size = self.bulk.text(uid).len();
                        format!("* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE {size})\r\n")
                    })
                    .collect()
            }
            ["UID", "SEARCH", ..] => {
                let all: Vec<String> =
                    self.set(&format!("1:{messages}")).iter().map(u32::to_string).collect();
                format!("* SEARCH {}\r\n", all.join(" "))
            }
            ["UID", "STORE", set, ..] => {
                self.bulk.heard().settled.push(set.to_owned());
                String::new()
            }
            ["NOOP"] => String::new(),
            ["IDLE"] => {
                self.idle = Some(tag.to_owned());
                return format!("+ idling\r\n* {} EXISTS\r\n", messages + 1);
            }
            ["LOGOUT"] => {
                self.closed = true;
                "* BYE\r\n".into()
            }
            _ => return format!("{tag} BAD {rest}\r\n"),
        };
        format!("{data}{tag} OK\r\n")
    }

    /// The messages of a set that are there.
    fn set(&self, set: &str) -> Vec<u32> {
        let ways = &self.bulk.ways;
        let mut uids: Vec<u32> = set
            .split(',')
            .flat_map(|part| {
                let (low, high) = part.split_once(':').unwrap_or((part, part));
                low.parse::<u32>().unwrap()..=high.parse::<u32>().unwrap()
            })
            .collect();
        uids.sort_unstable();
        uids.retain(|uid| *uid <= ways.messages && !ways.missing.contains(uid));
        uids
    }

    fn fetch(&mut self, tag: &str, set: &str) -> String {
        let mut uids = self.set(set);
        let ways = &self.bulk.ways;
        match ways.order {
            Order::Up => {}
            Order::Down => uids.reverse(),
            Order::Mixed => {
                let (even, odd): (Vec<_>, Vec<_>) = uids.iter().enumerate().partition(|(at, _)| at % 2 == 0);
                uids = even.into_iter().chain(odd).map(|(_, uid)| *uid).collect();
            }
        }
        let mut heard = self.bulk.heard();
        let number = heard.sets.len();
        heard.sets.push((self.dial, set.to_owned()));
        heard.asked += uids.len();
        drop(heard);
        let mut status = "OK";
        if let Some((nth, word, most)) = ways.refuse
            && nth == number
        {
            uids.truncate(most);
            status = word;
        }
        let all: String = uids.iter().map(|uid| self.bulk.response(*uid)).collect();
        format!("{all}{tag} {status} done\r\n")
    }
}
