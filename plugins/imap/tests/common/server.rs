//! A naive IMAP server, independent of the crate's own parsing: the oracle of what is in the mailbox.

use postrider_testkit::{Ending, Script, VirtualHost};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The mailboxes of the server; a message is its flags and its text.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Mail>>);

#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) inbox: BTreeMap<u32, (Vec<String>, String)>,
    pub(crate) archive: Vec<String>,
    pub(crate) capabilities: &'static str,
    pub(crate) appended: Vec<String>,
}

impl Store {
    /// Three messages, 4, 9 and 10.
    pub(crate) fn new(capabilities: &'static str) -> Self {
        let inbox = [4, 9, 10].into_iter().map(|uid| (uid, (Vec::new(), text(uid)))).collect();
        Self(Arc::new(Mutex::new(Mail { inbox, capabilities, ..Mail::default() })))
    }

    pub(crate) fn mail(&self) -> MutexGuard<'_, Mail> {
        self.0.lock().unwrap()
    }

    pub(crate) fn host(&self) -> VirtualHost {
        let store = self.clone();
        VirtualHost::serve(move || {
            Box::new(Server {
                store: store.clone(),
                buffer: Vec::new(),
                literal: None,
                idle: None,
                closed: false,
            })
        })
    }
}

/// The text of a message: no other has it.
pub(crate) fn text(uid: u32) -> String {
    format!("Subject: {uid}\r\n\r\n)\r\nx OK {{3}}\r\n{uid}\r\n")
}

struct Server {
    store: Store,
    buffer: Vec<u8>,
    literal: Option<(String, usize)>,
    idle: Option<String>,
    closed: bool,
}

impl Script for Server {
    fn greet(&mut self) -> Vec<u8> {
        format!("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN {}] naive\r\n", self.store.mail().capabilities)
            .into_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        self.buffer.extend_from_slice(bytes);
        loop {
            if let Some((tag, size)) = &self.literal {
                if self.buffer.len() < size + 2 {
                    break;
                }
                let text: Vec<u8> = self.buffer.drain(..size + 2).collect();
                let text = String::from_utf8_lossy(&text[..*size]).into_owned();
                self.store.mail().appended.push(text);
                out.push_str(&format!("{tag} OK [APPENDUID 7 1] stored\r\n"));
                self.literal = None;
                continue;
            }
            let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") else { break };
            let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
            let line = String::from_utf8_lossy(&line[..at]).into_owned();
            out.push_str(&self.line(&line));
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}

impl Server {
    fn line(&mut self, line: &str) -> String {
        if let Some(tag) = self.idle.take() {
            return format!("{tag} {}\r\n", if line == "DONE" { "OK" } else { "BAD" });
        }
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words: Vec<&str> = rest.split(' ').collect();
        let mut mail = self.store.mail();
        if words[0] == "UID" {
            words.remove(0);
        }
        let set = |words: &[&str]| -> Vec<u32> {
            let all: Vec<u32> = mail.inbox.keys().copied().collect();
            let within = |uid: &u32| {
                words.first().unwrap_or(&"").split(',').any(|part| {
                    let (low, high) = part.split_once(':').unwrap_or((part, part));
                    let number = |t: &str| t.parse().unwrap_or(u32::MAX);
                    (number(low)..=number(high)).contains(uid)
                })
            };
            all.into_iter().filter(within).collect()
        };
        let data = match words[0] {
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 {}\r\n", mail.capabilities),
            "AUTHENTICATE" | "NOOP" => String::new(),
            "SELECT" => {
                format!("* {} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 11] x\r\n", mail.inbox.len())
            }
            "SEARCH" if words.contains(&"DELETED") => {
                let ours = set(&words[words.len() - 1..]);
                let deleted = |(uid, (flags, _)): &(&u32, &(Vec<String>, String))| {
                    flags.contains(&"\\Deleted".to_owned()) && !ours.contains(uid)
                };
                let found: Vec<String> =
                    mail.inbox.iter().filter(deleted).map(|(u, _)| u.to_string()).collect();
                format!("* SEARCH {}\r\n", found.join(" "))
            }
            "SEARCH" => {
                let found: Vec<String> = set(&words[words.len() - 1..]).iter().map(u32::to_string).collect();
                format!("* SEARCH {}\r\n", found.join(" "))
            }
            "FETCH" if rest.contains("BODY") => set(&words[1..])
                .iter()
                .map(|uid| {
                    let text = &mail.inbox[uid].1;
                    format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n{text} FLAGS ())\r\n", text.len())
                })
                .collect(),
            "FETCH" => set(&words[1..])
                .iter()
                .map(|uid| {
                    let (flags, text) = &mail.inbox[uid];
                    format!(
                        "* 1 FETCH (UID {uid} FLAGS ({}) RFC822.SIZE {})\r\n",
                        flags.join(" "),
                        text.len()
                    )
                })
                .collect(),
            "STORE" => {
                let flag = words[3].trim_matches(['(', ')']).to_owned();
                for uid in set(&words[1..]) {
                    mail.inbox.get_mut(&uid).unwrap().0.push(flag.clone());
                }
                String::new()
            }
            "EXPUNGE" => {
                let gone =
                    if words.len() > 1 { set(&words[1..]) } else { mail.inbox.keys().copied().collect() };
                mail.inbox.retain(|uid, (flags, _)| {
                    !(gone.contains(uid) && flags.contains(&"\\Deleted".to_owned()))
                });
                String::new()
            }
            "COPY" | "MOVE" => {
                for uid in set(&words[1..]) {
                    let text = mail.inbox[&uid].1.clone();
                    mail.archive.push(text);
                    if words[0] == "MOVE" {
                        mail.inbox.remove(&uid);
                    }
                }
                String::new()
            }
            "APPEND" => {
                let size = rest.rsplit('{').next().unwrap().trim_end_matches('}');
                drop(mail);
                self.literal = Some((tag.to_owned(), size.trim_end_matches('+').parse().unwrap()));
                return if size.ends_with('+') { String::new() } else { "+ go\r\n".into() };
            }
            "IDLE" => {
                drop(mail);
                self.idle = Some(tag.to_owned());
                return "+ idling\r\n* 9 EXISTS\r\n".into();
            }
            "LOGOUT" => {
                self.closed = true;
                "* BYE\r\n".into()
            }
            _ => return format!("{tag} BAD what\r\n"),
        };
        format!("{data}{tag} OK\r\n")
    }
}
