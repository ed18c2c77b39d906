//! A small POP3 server with a maildrop that outlives its connections: the oracle for what was deleted.

use postrider_testkit::{Ending, Script};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Inner>>);

#[derive(Default)]
pub struct Inner {
    /// What is in the maildrop: UIDL and text.
    pub messages: Vec<(String, String)>,
    /// Every command of every session.
    pub commands: Vec<String>,
    pub capabilities: Vec<&'static str>,
    pub no_uidl: bool,
    pub no_top: bool,
    pub no_rset: bool,
    /// What becomes of QUIT.
    pub quit: Quit,
    /// DELE of this UIDL is refused.
    pub refuse: Option<&'static str>,
    /// Closes the connection when this command comes; once.
    pub hang_up_at: Option<&'static str>,
    /// Refuses to let anybody in, with these words.
    pub locked: Option<&'static str>,
    /// RETR of this UIDL, or of any if it is empty, is refused with these words.
    pub withhold: Option<(String, &'static str)>,
    /// What it does to commands that come together, though it offers PIPELINING.
    pub together: Together,
    /// Most commands that came together.
    pub most_together: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Together {
    #[default]
    Answers,
    /// Answers the first and forgets the others.
    Forgets,
    /// Answers the first and closes.
    Closes,
    /// Refuses all but the first.
    Refuses,
    /// Answers the first and talks nonsense for each other.
    Babbles,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub enum Quit {
    #[default]
    Commits,
    /// Commits and closes without a word; once.
    CommitsSilently,
    /// Closes without a word and without a commit; once.
    Dies,
    Refuses,
    /// Says nothing, for ever.
    Silent,
}

impl Store {
    pub fn with(uidls: &[&str]) -> Self {
        let store = Self::default();
        store.lock().capabilities = vec!["UIDL", "TOP", "USER", "SASL PLAIN"];
        uidls.iter().for_each(|u| store.add(u));
        store
    }

    pub fn add(&self, uidl: &str) {
        let text = format!("Subject: {uidl}\r\n\r\n.body of {uidl}\r\n");
        self.lock().messages.push((uidl.to_owned(), text));
    }

    pub fn uidls(&self) -> Vec<String> {
        self.lock().messages.iter().map(|m| m.0.clone()).collect()
    }

    pub fn count(&self, command: &str) -> usize {
        self.lock().commands.iter().filter(|c| c.starts_with(command)).count()
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn boxed(&self) -> Box<dyn Script> {
        let messages = self.lock().messages.iter().map(|m| (m.clone(), false)).collect();
        Box::new(Session { store: self.clone(), messages, pending: Vec::new(), closed: false })
    }
}

struct Session {
    store: Store,
    messages: Vec<((String, String), bool)>,
    pending: Vec<u8>,
    closed: bool,
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        b"+OK hello\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut out = String::new();
        let mut nth = 0;
        while let Some(at) = self.pending.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=at).collect();
            nth += 1;
            let together = self.store.lock().together;
            match together {
                _ if self.closed => {}
                Together::Answers => out.push_str(&self.answer(String::from_utf8(line).unwrap().trim_end())),
                _ if nth == 1 => out.push_str(&self.answer(String::from_utf8(line).unwrap().trim_end())),
                Together::Forgets => {}
                Together::Closes => self.closed = true,
                Together::Refuses => out.push_str("-ERR one at a time\r\n"),
                Together::Babbles => out.push_str("what?\r\n"),
            }
        }
        let mut inner = self.store.lock();
        inner.most_together = inner.most_together.max(nth);
        drop(inner);
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}

impl Session {
    fn withheld(&self, number: usize, inner: &Inner) -> Option<&'static str> {
        let (uidl, words) = inner.withhold.as_ref()?;
        self.messages
            .get(number.wrapping_sub(1))
            .filter(|((u, _), _)| u == uidl || uidl.is_empty())
            .map(|_| *words)
    }

    fn answer(&mut self, line: &str) -> String {
        let store = self.store.clone();
        let mut inner = store.lock();
        inner.commands.push(line.to_owned());
        let mut words = line.split(' ');
        let verb = words.next().unwrap();
        let number: usize = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        if inner.hang_up_at.is_some_and(|at| line.starts_with(at)) {
            inner.hang_up_at = None;
            self.closed = true;
            return String::new();
        }
        let left = || self.messages.iter().enumerate().filter(|(_, (_, gone))| !gone);
        match verb {
            "CAPA" => format!("+OK\r\n{}\r\n.\r\n", inner.capabilities.join("\r\n")),
            "AUTH" | "USER" | "PASS" => match inner.locked {
                Some(words) => format!("-ERR {words}\r\n"),
                None => "+OK\r\n".into(),
            },
            "STAT" => {
                format!(
                    "+OK {} {}\r\n",
                    left().count(),
                    left().map(|(_, ((_, t), _))| t.len()).sum::<usize>()
                )
            }
            "LIST" => {
                let lines: String =
                    left().map(|(i, ((_, t), _))| format!("{} {}\r\n", i + 1, t.len())).collect();
                format!("+OK\r\n{lines}.\r\n")
            }
            "UIDL" if inner.no_uidl => "-ERR what\r\n".into(),
            "UIDL" => {
                let lines: String = left().map(|(i, ((u, _), _))| format!("{} {u}\r\n", i + 1)).collect();
                format!("+OK\r\n{lines}.\r\n")
            }
            "TOP" if inner.no_top => "-ERR what\r\n".into(),
            "RSET" if inner.no_rset => "-ERR what\r\n".into(),
            "RETR" if inner.withhold.is_some() && self.withheld(number, &inner).is_some() => {
                format!("-ERR {}\r\n", self.withheld(number, &inner).unwrap())
            }
            "TOP" | "RETR" => match self.messages.get(number.wrapping_sub(1)) {
                Some(((_, text), false)) if verb == "TOP" => {
                    format!("+OK\r\n{}\r\n.\r\n", &text[..text.find("\r\n\r\n").unwrap() + 2])
                }
                Some(((_, text), false)) => format!("+OK\r\n{}.\r\n", text.replace("\r\n.", "\r\n..")),
                _ => "-ERR no such message\r\n".into(),
            },
            "DELE" => match self.messages.get_mut(number.wrapping_sub(1)) {
                Some(((u, _), false)) if inner.refuse == Some(u.as_str()) => "-ERR [SYS/PERM] no\r\n".into(),
                Some((_, gone)) if !*gone => {
                    *gone = true;
                    "+OK\r\n".into()
                }
                _ => "-ERR no such message\r\n".into(),
            },
            "RSET" => {
                self.messages.iter_mut().for_each(|m| m.1 = false);
                "+OK\r\n".into()
            }
            "QUIT" => {
                let quit = inner.quit;
                if matches!(quit, Quit::Commits | Quit::CommitsSilently) {
                    let gone: Vec<_> = self.messages.iter().filter(|m| m.1).map(|m| m.0.clone()).collect();
                    inner.messages.retain(|m| !gone.contains(m));
                }
                if matches!(quit, Quit::CommitsSilently | Quit::Dies) {
                    inner.quit = Quit::Commits;
                }
                self.closed = quit != Quit::Silent;
                match quit {
                    Quit::Commits => "+OK bye\r\n".into(),
                    Quit::Refuses => "-ERR some deleted messages not removed\r\n".into(),
                    _ => String::new(),
                }
            }
            _ => "-ERR what\r\n".into(),
        }
    }
}
