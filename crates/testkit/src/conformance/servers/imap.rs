//! An IMAP server (RFC 3501, RFC 6851, RFC 2177) over a mailbox: INBOX, and `Archive` to move things to.

use super::imap_fetch::{self, members};
use super::mailbox::{Content, Held, Mailbox};
use super::{Flood, Incoming};
use crate::conformance::Condition;
use crate::{Ending, Script};

/// One session.
pub(in crate::conformance) struct Session {
    mailbox: Mailbox,
    incoming: Incoming,
    flood: Flood,
    // A command that goes on behind a literal, and how long that is.
    begun: Vec<u8>,
    literal: Option<usize>,
    challenge: Option<String>,
    idle: Option<String>,
    shown: usize,
    tls: bool,
    closed: bool,
}

impl Session {
    pub(in crate::conformance) fn new(mailbox: &Mailbox) -> Self {
        let (incoming, flood) = Default::default();
        Self {
            mailbox: mailbox.clone(),
            incoming,
            flood,
            begun: Vec::new(),
            literal: None,
            challenge: None,
            idle: None,
            shown: 0,
            tls: false,
            closed: false,
        }
    }

    fn capabilities(&self) -> String {
        let starttls = self.mailbox.has(&Condition::ExtraAfterStartTls) && !self.tls;
        format!("IMAP4rev1 AUTH=PLAIN SASL-IR IDLE MOVE UIDPLUS{}", if starttls { " STARTTLS" } else { "" })
    }

    fn line(&mut self, line: Vec<u8>) -> String {
        if let Some(tag) = self.idle.take() {
            return format!("{tag} {}\r\n", if line == b"DONE" { "OK idled" } else { "BAD what" });
        }
        if let Some(tag) = self.challenge.take() {
            return self.signed_in(&tag);
        }
        let mut command = std::mem::take(&mut self.begun);
        command.extend_from_slice(&line);
        let text = String::from_utf8_lossy(&line);
        if let Some(size) = text.strip_suffix('}').and_then(|t| t.rsplit_once('{')).map(|(_, size)| size)
            && let Ok(count) = size.trim_end_matches('+').parse()
        {
            command.extend_from_slice(b"\r\n");
            (self.begun, self.literal) = (command, Some(count));
            return if size.ends_with('+') { String::new() } else { "+ go ahead\r\n".into() };
        }
        self.command(&String::from_utf8_lossy(&command))
    }

    fn command(&mut self, line: &str) -> String {
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (by_uid, rest) = match rest.get(..4) {
            Some(start) if start.eq_ignore_ascii_case("UID ") => (true, &rest[4..]),
            _ => (false, rest),
        };
        let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
        let verb = verb.to_ascii_uppercase();
        let ok = |data: String| format!("{data}{tag} OK done\r\n");
        match verb.as_str() {
            "CAPABILITY" if self.mailbox.has(&Condition::EndlessReply) => {
                self.flood = Flood::endless("* OK another\r\n");
                String::new()
            }
            "CAPABILITY" => ok(format!("* CAPABILITY {}\r\n", self.capabilities())),
            "STARTTLS" if self.mailbox.has(&Condition::ExtraAfterStartTls) => {
                format!("{tag} OK go ahead\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN INJECTED\r\n")
            }
            "LOGIN" => self.signed_in(tag),
            "AUTHENTICATE" if arguments.contains(' ') => self.signed_in(tag),
            "AUTHENTICATE" => {
                self.challenge = Some(tag.to_owned());
                "+ \r\n".into()
            }
            "SELECT" | "EXAMINE" => self.select(tag),
            "NOOP" | "CHECK" | "ENABLE" | "ID" | "LIST" => ok(self.news()),
            "SEARCH" => ok(imap_fetch::search(&self.mailbox.mail().held, by_uid, arguments)),
            "FETCH" => self.fetch(tag, by_uid, arguments),
            "STORE" | "EXPUNGE" | "MOVE" | "COPY" if self.mailbox.has(&Condition::RefuseSettle) => {
                format!("{tag} NO [NOPERM] read-only\r\n")
            }
            "STORE" => ok(self.store(by_uid, arguments)),
            "EXPUNGE" => ok(self.expunge(by_uid, arguments)),
            "MOVE" | "COPY" => self.copy(tag, by_uid, arguments, verb == "MOVE"),
            "IDLE" => {
                self.idle = Some(tag.to_owned());
                format!("+ idling\r\n{}", self.news())
            }
            "CLOSE" | "UNSELECT" => ok(String::new()),
            "LOGOUT" => {
                self.closed = true;
                ok("* BYE logged out\r\n".into())
            }
            _ => format!("{tag} BAD what\r\n"),
        }
    }

    fn signed_in(&self, tag: &str) -> String {
        if self.mailbox.has(&Condition::RefuseSignIn) {
            return format!("{tag} NO [AUTHENTICATIONFAILED] no such user or password\r\n");
        }
        if self.mailbox.has(&Condition::EndlessReply) {
            return format!("{tag} OK welcome\r\n");
        }
        format!("{tag} OK [CAPABILITY {}] welcome\r\n", self.capabilities())
    }

    fn select(&mut self, tag: &str) -> String {
        let mail = self.mailbox.mail();
        self.shown = mail.held.len();
        format!(
            "* FLAGS (\\Seen \\Deleted)\r\n* {} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] x\r\n\
             * OK [UIDNEXT {}] x\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted)] x\r\n{tag} OK [READ-WRITE] done\r\n",
            self.shown,
            mail.next_uid()
        )
    }

    fn news(&mut self) -> String {
        let count = self.mailbox.mail().held.len();
        if count > self.shown {
            self.shown = count;
            return format!("* {count} EXISTS\r\n");
        }
        String::new()
    }

    fn fetch(&mut self, tag: &str, by_uid: bool, arguments: &str) -> String {
        let mut mail = self.mailbox.mail();
        let (set, items) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let items = items.to_ascii_uppercase();
        let bogus = mail.conditions.contains(&Condition::BogusSize);
        let mut out = String::new();
        for at in members(&mail.held, by_uid, set) {
            let held = &mut mail.held[at];
            let body = items.contains("[]");
            if body && bogus {
                return format!(
                    "* {} FETCH (UID {} BODY[] {{99999999999999999999999}}\r\n",
                    at + 1,
                    held.uid
                );
            }
            held.seen |= body && !items.contains("PEEK");
            if body && matches!(held.content, Content::Large(_)) && !items.contains("]<") {
                let (content, end) = (held.content.clone(), held.content.size());
                let tail = format!(")\r\n{tag} OK done\r\n");
                out.push_str(&format!("* {} FETCH (UID {} BODY[] {{{end}}}\r\n", at + 1, held.uid));
                self.flood = Flood::Message { content, at: 0, end, tail };
                return out;
            }
            out.push_str(&imap_fetch::answer(at, held, &items));
        }
        format!("{out}{tag} OK done\r\n")
    }

    fn store(&self, by_uid: bool, arguments: &str) -> String {
        let mut mail = self.mailbox.mail();
        let mut words = arguments.splitn(3, ' ');
        let set = words.next().unwrap_or_default();
        let (what, flags) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut out = String::new();
        for at in members(&mail.held, by_uid, set) {
            let held = &mut mail.held[at];
            held.seen |= flags.contains("\\Seen");
            held.deleted |= flags.contains("\\Deleted");
            if !what.to_ascii_uppercase().contains("SILENT") {
                out.push_str(&imap_fetch::answer(at, held, "FLAGS"));
            }
        }
        out
    }

    fn expunge(&mut self, by_uid: bool, set: &str) -> String {
        let mut mail = self.mailbox.mail();
        let ours = if by_uid { members(&mail.held, true, set) } else { (0..mail.held.len()).collect() };
        let mut out = String::new();
        for at in ours.into_iter().rev().filter(|at| mail.held[*at].deleted).collect::<Vec<_>>() {
            mail.held.remove(at);
            self.shown = self.shown.saturating_sub(1);
            out.push_str(&format!("* {} EXPUNGE\r\n", at + 1));
        }
        out
    }

    fn copy(&mut self, tag: &str, by_uid: bool, arguments: &str, moves: bool) -> String {
        let (set, name) = arguments.split_once(' ').unwrap_or((arguments, ""));
        if name.trim_matches('"') != "Archive" {
            return format!("{tag} NO [TRYCREATE] no such mailbox\r\n");
        }
        let mut mail = self.mailbox.mail();
        let mut out = String::new();
        let found = members(&mail.held, by_uid, set);
        for at in &found {
            let Held { content, .. } = mail.held[*at].clone();
            let text = content.part(0, content.size());
            mail.archive.push(text);
        }
        for at in found.into_iter().rev().filter(|_| moves) {
            mail.held.remove(at);
            self.shown = self.shown.saturating_sub(1);
            out.push_str(&format!("* {} EXPUNGE\r\n", at + 1));
        }
        format!("{out}{tag} OK done\r\n")
    }
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        if self.mailbox.has(&Condition::EndlessLine) {
            self.flood = Flood::endless("x");
            return b"* OK ".to_vec();
        }
        if self.mailbox.has(&Condition::Garbage) {
            return b"SSH-2.0-\x00\x1b[31m\xff\r\n".to_vec();
        }
        b"* OK scripted\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.add(bytes);
        let mut out = String::new();
        while !self.closed {
            if let Some(count) = self.literal {
                let Some(text) = self.incoming.take(count) else { break };
                self.begun.extend_from_slice(&text);
                self.literal = None;
            }
            let Some(line) = self.incoming.line() else { break };
            out.push_str(&self.line(line));
        }
        out.into_bytes()
    }

    fn start_tls(&mut self) -> bool {
        self.tls = true;
        true
    }

    fn more(&mut self) -> Vec<u8> {
        if self.idle.is_some() {
            return self.news().into_bytes();
        }
        self.flood.more()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}
