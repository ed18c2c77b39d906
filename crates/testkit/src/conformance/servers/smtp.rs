//! An SMTP server (RFC 5321) that takes what it is given, but for the conditions it was given.

use super::{Flood, Incoming};
use crate::conformance::{Condition, Delivered};
use crate::{Ending, Script};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the server has taken and how it behaves; clones are the same.
#[derive(Clone, Default)]
pub(in crate::conformance) struct Post(Arc<Mutex<Inner>>);

#[derive(Default)]
pub(in crate::conformance) struct Inner {
    pub(in crate::conformance) delivered: Vec<Delivered>,
    pub(in crate::conformance) conditions: Vec<Condition>,
}

impl Post {
    pub(in crate::conformance) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, condition: &Condition) -> bool {
        self.lock().conditions.contains(condition)
    }

    pub(in crate::conformance) fn session(&self) -> Box<dyn Script> {
        Box::new(Session { post: self.clone(), ..Session::default() })
    }
}

#[derive(Default)]
struct Session {
    post: Post,
    incoming: Incoming,
    flood: Flood,
    sender: bool,
    recipients: Vec<String>,
    body: Option<Vec<u8>>,
    challenges: usize,
    tls: bool,
    closed: bool,
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        if self.post.has(&Condition::EndlessLine) {
            self.flood = Flood::endless("x");
        }
        if self.post.has(&Condition::Garbage) {
            return b"SSH-2.0-\x00\x1b[31m\xff\r\n".to_vec();
        }
        if self.post.has(&Condition::EndlessLine) { b"220 ".to_vec() } else { b"220 scripted\r\n".to_vec() }
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.add(bytes);
        let mut out = String::new();
        while !self.closed {
            let Some(line) = self.incoming.line() else { break };
            match &mut self.body {
                Some(_) if line == b"." => out.push_str(&self.accept()),
                Some(body) => {
                    body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    body.extend_from_slice(b"\r\n");
                }
                None => out.push_str(&self.command(&String::from_utf8_lossy(&line))),
            }
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

impl Session {
    fn command(&mut self, line: &str) -> String {
        if self.challenges > 0 {
            self.challenges -= 1;
            return if self.challenges > 0 { "334 UGFzc3dvcmQ6\r\n".into() } else { self.signed_in() };
        }
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if self.post.has(&Condition::EndlessReply) => {
                self.flood = Flood::endless("250-another extension\r\n");
                String::new()
            }
            "EHLO" => {
                let starttls = self.post.has(&Condition::ExtraAfterStartTls) && !self.tls;
                let starttls = if starttls { "250-STARTTLS\r\n" } else { "" };
                format!(
                    "250-scripted\r\n{starttls}250-PIPELINING\r\n250-8BITMIME\r\n\
                     250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n"
                )
            }
            "HELO" | "NOOP" => "250 scripted\r\n".into(),
            "STARTTLS" if self.post.has(&Condition::ExtraAfterStartTls) => {
                "220 go ahead\r\n250-injected\r\n250 AUTH PLAIN LOGIN\r\n".into()
            }
            "AUTH" => self.auth(line),
            "MAIL" => {
                (self.sender, self.recipients) = (true, Vec::new());
                "250 2.1.0 sender ok\r\n".into()
            }
            "RCPT" if self.sender => self.recipient(line),
            "DATA" if !self.recipients.is_empty() => {
                self.body = Some(Vec::new());
                "354 go ahead\r\n".into()
            }
            "RCPT" | "DATA" => "503 5.5.1 not now\r\n".into(),
            "RSET" => {
                (self.sender, self.recipients) = (false, Vec::new());
                "250 2.0.0 ok\r\n".into()
            }
            "QUIT" => {
                self.closed = true;
                "221 2.0.0 bye\r\n".into()
            }
            _ => "500 5.5.2 what\r\n".into(),
        }
    }

    fn auth(&mut self, line: &str) -> String {
        let mut words = line.split(' ').skip(1).map(str::to_ascii_uppercase);
        let (mechanism, initial) = (words.next().unwrap_or_default(), words.next().is_some());
        self.challenges = match mechanism.as_str() {
            "PLAIN" => 1,
            "LOGIN" => 2,
            _ => return "504 5.5.4 what\r\n".into(),
        } - usize::from(initial);
        match (self.challenges, mechanism.as_str()) {
            (0, _) => self.signed_in(),
            (2, _) => "334 VXNlcm5hbWU6\r\n".into(),
            (_, "LOGIN") => "334 UGFzc3dvcmQ6\r\n".into(),
            _ => "334 \r\n".into(),
        }
    }

    fn signed_in(&self) -> String {
        let refused = self.post.has(&Condition::RefuseSignIn);
        if refused { "535 5.7.8 no such user or password\r\n" } else { "235 2.7.0 welcome\r\n" }.into()
    }

    fn recipient(&mut self, line: &str) -> String {
        let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let Some((address, _)) = address else { return "501 5.1.3 what\r\n".into() };
        for condition in &self.post.lock().conditions {
            match condition {
                Condition::RefuseRecipient(who) if who.as_str() == address => {
                    return "550 5.1.1 nobody here\r\n".into();
                }
                Condition::DeferRecipient(who) if who.as_str() == address => {
                    return "450 4.2.1 not now\r\n".into();
                }
                _ => {}
            }
        }
        self.recipients.push(address.to_owned());
        "250 2.1.5 recipient ok\r\n".into()
    }

    fn accept(&mut self) -> String {
        let bytes = self.body.take().unwrap_or_default();
        let recipients = std::mem::take(&mut self.recipients);
        self.sender = false;
        let mut inner = self.post.lock();
        if inner.conditions.contains(&Condition::RefuseMessage) {
            return "554 5.6.0 not such a message\r\n".into();
        }
        if inner.conditions.contains(&Condition::DeferMessage) {
            return "451 4.3.0 not now\r\n".into();
        }
        inner.delivered.push(Delivered { recipients, bytes });
        if inner.conditions.contains(&Condition::LoseReply) {
            inner.conditions.retain(|c| *c != Condition::LoseReply);
            drop(inner);
            self.closed = true;
            return String::new();
        }
        "250 2.0.0 queued\r\n".into()
    }
}
