//! A POP3 server (RFC 1939) over a mailbox.

use super::mailbox::{Content, Held, Mailbox};
use super::{Flood, Incoming};
use crate::conformance::Condition;
use crate::{Ending, Script};

/// One session; what it deletes is gone when it says goodbye.
pub(in crate::conformance) struct Session {
    mailbox: Mailbox,
    held: Vec<Held>,
    incoming: Incoming,
    flood: Flood,
    challenge: bool,
    tls: bool,
    closed: bool,
}

impl Session {
    pub(in crate::conformance) fn new(mailbox: &Mailbox) -> Self {
        let held = mailbox.mail().held.clone();
        let (incoming, flood) = Default::default();
        Self { mailbox: mailbox.clone(), held, incoming, flood, challenge: false, tls: false, closed: false }
    }

    fn command(&mut self, line: &str) -> String {
        if std::mem::take(&mut self.challenge) {
            return self.signed_in();
        }
        let mut words = line.split(' ');
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let argument = words.next();
        match verb.as_str() {
            "CAPA" if self.mailbox.has(&Condition::EndlessReply) => {
                self.flood = Flood::endless("ANOTHER\r\n");
                "+OK\r\n".into()
            }
            "CAPA" => {
                let stls = self.mailbox.has(&Condition::ExtraAfterStartTls) && !self.tls;
                let stls = if stls { "STLS\r\n" } else { "" };
                format!("+OK\r\n{stls}UIDL\r\nTOP\r\nUSER\r\nSASL PLAIN\r\n.\r\n")
            }
            "STLS" if self.mailbox.has(&Condition::ExtraAfterStartTls) => {
                "+OK go ahead\r\n+OK\r\nSASL PLAIN\r\n.\r\n".into()
            }
            "AUTH" if words.next().is_none() => {
                self.challenge = true;
                "+ \r\n".into()
            }
            "USER" => "+OK\r\n".into(),
            "AUTH" | "PASS" => self.signed_in(),
            "NOOP" => "+OK\r\n".into(),
            "STAT" => {
                let left = || self.held.iter().filter(|h| !h.deleted);
                format!("+OK {} {}\r\n", left().count(), left().map(|h| h.content.size()).sum::<u64>())
            }
            "LIST" => self.table(argument, |held| held.content.size().to_string()),
            "UIDL" => self.table(argument, |held| format!("uid-{}", held.uid)),
            "RETR" | "TOP" => self.retrieve(argument, verb == "TOP"),
            "DELE" if self.mailbox.has(&Condition::RefuseSettle) => "-ERR [SYS/PERM] read-only\r\n".into(),
            "DELE" => match self.numbered(argument) {
                Some(at) => {
                    self.held[at].deleted = true;
                    "+OK\r\n".into()
                }
                None => "-ERR no such message\r\n".into(),
            },
            "RSET" => {
                self.held.iter_mut().for_each(|h| h.deleted = false);
                "+OK\r\n".into()
            }
            "QUIT" => {
                let gone: Vec<u32> = self.held.iter().filter(|h| h.deleted).map(|h| h.uid).collect();
                self.mailbox.mail().held.retain(|h| !gone.contains(&h.uid));
                self.closed = true;
                "+OK bye\r\n".into()
            }
            _ => "-ERR what\r\n".into(),
        }
    }

    fn signed_in(&self) -> String {
        let refused = self.mailbox.has(&Condition::RefuseSignIn);
        if refused { "-ERR [AUTH] no such user or password\r\n" } else { "+OK welcome\r\n" }.into()
    }

    /// Where the message of this number stands, unless it is deleted.
    fn numbered(&self, number: Option<&str>) -> Option<usize> {
        let at = number?.parse::<usize>().ok()?.checked_sub(1)?;
        self.held.get(at).is_some_and(|h| !h.deleted).then_some(at)
    }

    fn table(&self, number: Option<&str>, show: impl Fn(&Held) -> String) -> String {
        if number.is_some() {
            return match self.numbered(number) {
                Some(at) => format!("+OK {} {}\r\n", at + 1, show(&self.held[at])),
                None => "-ERR no such message\r\n".into(),
            };
        }
        let left = self.held.iter().enumerate().filter(|(_, h)| !h.deleted);
        let lines: String = left.map(|(at, h)| format!("{} {}\r\n", at + 1, show(h))).collect();
        format!("+OK\r\n{lines}.\r\n")
    }

    fn retrieve(&mut self, number: Option<&str>, top: bool) -> String {
        let Some(at) = self.numbered(number) else { return "-ERR no such message\r\n".into() };
        match &self.held[at].content {
            Content::Text(text) => {
                let text = String::from_utf8_lossy(text);
                let text = if top { text.split("\r\n\r\n").next().unwrap_or_default() } else { &text };
                let end = if text.ends_with("\r\n") { "" } else { "\r\n" };
                let text = format!("\r\n{text}").replace("\r\n.", "\r\n..");
                format!("+OK{text}{end}.\r\n")
            }
            Content::Large(_) if top => "+OK\r\n\r\n.\r\n".into(),
            content => {
                let (content, end) = (content.clone(), content.size());
                self.flood = Flood::Message { content, at: 0, end, tail: ".\r\n".into() };
                "+OK\r\n".into()
            }
        }
    }
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        if self.mailbox.has(&Condition::EndlessLine) {
            self.flood = Flood::endless("x");
            return b"+OK ".to_vec();
        }
        if self.mailbox.has(&Condition::Garbage) {
            return b"SSH-2.0-\x00\x1b[31m\xff\r\n".to_vec();
        }
        b"+OK scripted\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.add(bytes);
        let mut out = String::new();
        while !self.closed {
            let Some(line) = self.incoming.line() else { break };
            out.push_str(&self.command(&String::from_utf8_lossy(&line)));
        }
        out.into_bytes()
    }

    fn start_tls(&mut self) -> bool {
        self.tls = true;
        true
    }

    fn more(&mut self) -> Vec<u8> {
        self.flood.more()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}
