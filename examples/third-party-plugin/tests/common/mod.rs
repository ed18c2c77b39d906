//! An LMTP server (RFC 2033) that takes what it is given, but for the conditions it was given.

use postrider_core::{Host, Properties};
use postrider_lmtp::LmtpConfig;
use postrider_testkit::conformance::{Bench, Condition, Delivered, OutgoingBench};
use postrider_testkit::{Ending, Script, VirtualHost};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
struct Store {
    delivered: Vec<Delivered>,
    conditions: Vec<Condition>,
}

/// What the server has taken and how it behaves.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Store>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }

    fn has(&self, condition: &Condition) -> bool {
        self.lock().conditions.contains(condition)
    }
}

// docs: bench
/// The far end, for the suite.
pub struct Backend {
    line: VirtualHost,
    store: Shared,
}

impl Backend {
    pub fn new() -> Self {
        let store = Shared::default();
        let shared = store.clone();
        let session =
            move || Box::new(Session { store: shared.clone(), ..Session::default() }) as Box<dyn Script>;
        Self { line: VirtualHost::serve(session).loopback(true), store }
    }
}

impl Bench for Backend {
    fn properties(&self, name: &str) -> String {
        format!("mail.{name}.host=localhost\nmail.{name}.tls=none")
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.line.clone())
    }

    fn line(&self) -> Option<VirtualHost> {
        Some(self.line.clone())
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        use Condition::*;
        let can = matches!(
            condition,
            RefuseRecipient(_)
                | DeferRecipient(_)
                | RefuseMessage
                | DeferMessage
                | LoseReply
                | EndlessLine
                | EndlessReply
                | Garbage
        );
        if can {
            self.store.lock().conditions.push(condition.clone());
        }
        can
    }

    fn debug(&self, properties: &Properties) -> Option<String> {
        LmtpConfig::read(properties).ok().map(|config| format!("{config:?}"))
    }
}

impl OutgoingBench for Backend {
    fn delivered(&self) -> Vec<Delivered> {
        self.store.lock().delivered.clone()
    }
}
// docs: end

#[derive(Default)]
struct Session {
    store: Shared,
    incoming: Vec<u8>,
    at: usize,
    recipients: Vec<String>,
    body: Option<Vec<u8>>,
    flood: (&'static str, usize),
    closed: bool,
}

impl Script for Session {
    fn greet(&mut self) -> Vec<u8> {
        if self.store.has(&Condition::EndlessLine) {
            self.flood = ("x", 64 << 20);
            return b"220 ".to_vec();
        }
        let garbage = self.store.has(&Condition::Garbage);
        if garbage { b"SSH-2.0-\x00\x1b[31m\xff\r\n".to_vec() } else { b"220 scripted LMTP\r\n".to_vec() }
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.incoming.drain(..self.at);
        self.at = 0;
        self.incoming.extend_from_slice(bytes);
        let mut out = String::new();
        while let Some(end) = self.incoming[self.at..].windows(2).position(|two| two == b"\r\n") {
            let line = self.incoming[self.at..self.at + end].to_vec();
            self.at += end + 2;
            if self.closed {
                break;
            }
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

    fn more(&mut self) -> Vec<u8> {
        let (text, left) = &mut self.flood;
        if *left == 0 {
            return Vec::new();
        }
        let out = text.repeat(4096 / text.len());
        *left = left.saturating_sub(out.len());
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}

impl Session {
    fn command(&mut self, line: &str) -> String {
        let verb = line.split(' ').next().unwrap_or_default();
        match verb {
            "LHLO" if self.store.has(&Condition::EndlessReply) => {
                self.flood = ("250-another extension\r\n", 64 << 20);
                String::new()
            }
            "LHLO" => "250-scripted\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n".into(),
            "MAIL" => {
                self.recipients.clear();
                "250 2.1.0 sender ok\r\n".into()
            }
            "RCPT" => self.recipient(line),
            "DATA" if !self.recipients.is_empty() => {
                self.body = Some(Vec::new());
                "354 go ahead\r\n".into()
            }
            "RSET" => "250 2.0.0 ok\r\n".into(),
            "QUIT" => {
                self.closed = true;
                "221 2.0.0 bye\r\n".into()
            }
            _ => "500 5.5.2 what\r\n".into(),
        }
    }

    fn recipient(&mut self, line: &str) -> String {
        let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0;
        for condition in &self.store.lock().conditions {
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

    /// One answer for each recipient, which is what LMTP is about.
    fn accept(&mut self) -> String {
        let bytes = self.body.take().unwrap();
        let recipients = std::mem::take(&mut self.recipients);
        let count = recipients.len();
        let mut store = self.store.lock();
        if store.conditions.contains(&Condition::RefuseMessage) {
            return "554 5.6.0 not such a message\r\n".repeat(count);
        }
        if store.conditions.contains(&Condition::DeferMessage) {
            return "451 4.3.0 not now\r\n".repeat(count);
        }
        store.delivered.push(Delivered { recipients, bytes });
        if store.conditions.contains(&Condition::LoseReply) {
            store.conditions.retain(|condition| *condition != Condition::LoseReply);
            drop(store);
            self.closed = true;
            return String::new();
        }
        "250 2.0.0 stored\r\n".repeat(count)
    }
}
