//! A naive server for many messages at once, independent of the crate's own parsing: it knows what it has taken, for
//! whom and from whom, and which ends of data it has seen.

use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{Delivery, Ending, Script, VirtualHost};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

/// What a server has seen, over all its connections.
#[derive(Clone, Default)]
pub(crate) struct Oracle(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Sender, recipients and body of each message it has taken.
    taken: Vec<(String, Vec<String>, String)>,
    /// Bodies whose end has come.
    ended: Vec<String>,
}

impl Oracle {
    /// How often message `n` was taken.
    pub(crate) fn copies(&self, n: usize) -> usize {
        self.0.lock().unwrap().taken.iter().filter(|taken| taken.2 == text(n)).count()
    }
}

/// How bodies go, and how much waits for answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    LockStep,
    Pipelining,
    /// BDAT without PIPELINING.
    ChunkingAlone,
    Chunking,
    /// BDAT in pieces of two bytes.
    Chunks,
}

pub(crate) const MODES: [Mode; 5] =
    [Mode::LockStep, Mode::Pipelining, Mode::ChunkingAlone, Mode::Chunking, Mode::Chunks];

impl Mode {
    pub(crate) fn extensions(self) -> &'static str {
        match self {
            Mode::LockStep => "250 8BITMIME\r\n",
            Mode::Pipelining => "250-8BITMIME\r\n250 PIPELINING\r\n",
            Mode::ChunkingAlone => "250-8BITMIME\r\n250 CHUNKING\r\n",
            Mode::Chunking | Mode::Chunks => "250-8BITMIME\r\n250-CHUNKING\r\n250 PIPELINING\r\n",
        }
    }
}

pub(crate) fn config(mode: Mode, window: usize) -> SmtpConfig {
    let mut config = super::anonymous(TlsMode::None);
    config.window.messages = window;
    if mode == Mode::Chunks {
        config.window.chunk = NonZeroUsize::new(2);
    }
    config
}

/// Answers a command in place of the naive answer: the verb, its line, and the number of the message.
pub(crate) type Odd = fn(&str, &str) -> Option<&'static str>;

pub(crate) struct Server {
    oracle: Oracle,
    mode: Mode,
    odd: Odd,
    buffer: Vec<u8>,
    from: Option<String>,
    to: Vec<String>,
    body: Vec<u8>,
    /// In DATA; or so many bytes of a chunk to come, and whether it is the last.
    data: bool,
    chunk: Option<(usize, bool)>,
    /// A part was refused: so is the rest, until RSET.
    spoilt: bool,
    closed: bool,
}

impl Server {
    pub(crate) fn host(oracle: &Oracle, mode: Mode, odd: Odd) -> VirtualHost {
        let oracle = oracle.clone();
        VirtualHost::serve(move || Self::script(&oracle, mode, odd))
    }

    pub(crate) fn script(oracle: &Oracle, mode: Mode, odd: Odd) -> Box<dyn Script> {
        Box::new(Self {
            oracle: oracle.clone(),
            mode,
            odd,
            buffer: Vec::new(),
            from: None,
            to: Vec::new(),
            body: Vec::new(),
            data: false,
            chunk: None,
            spoilt: false,
            closed: false,
        })
    }

    fn command(&mut self, line: &str) -> String {
        let verb = line.split(' ').next().unwrap_or_default().to_owned();
        if let Some(answer) = (self.odd)(&verb, line)
            && verb != "BDAT"
        {
            self.closed |= answer.starts_with("421");
            return format!("{answer}\r\n");
        }
        let path = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match verb.as_str() {
            "EHLO" => format!("250-naive\r\n{}", self.mode.extensions()),
            "MAIL" if self.from.is_some() => "503 5.5.1 nested\r\n".into(),
            "MAIL" => {
                (self.from, self.to, self.spoilt) = (Some(path), Vec::new(), false);
                self.body.clear();
                "250 ok\r\n".into()
            }
            "RCPT" if self.from.is_none() => "503 5.5.1 who from\r\n".into(),
            "RCPT" => {
                self.to.push(path);
                "250 ok\r\n".into()
            }
            "RSET" => {
                (self.from, self.spoilt) = (None, false);
                "250 ok\r\n".into()
            }
            "DATA" if self.from.is_none() || self.to.is_empty() => "503 5.5.1 nobody\r\n".into(),
            "DATA" => {
                self.data = true;
                self.body.clear();
                "354 go\r\n".into()
            }
            "BDAT" => {
                let length = line.split(' ').nth(1).unwrap_or_default().parse().unwrap();
                self.chunk = Some((length, line.ends_with("LAST")));
                String::new()
            }
            "QUIT" => {
                self.closed = true;
                "221 bye\r\n".into()
            }
            _ => "500 5.5.2 what\r\n".into(),
        }
    }

    /// The transaction stays open if it is refused: whoever goes on must say RSET (RFC 3030 §2).
    fn chunk_ends(&mut self, last: bool) -> String {
        if let Some(answer) = (self.odd)("BDAT", &String::from_utf8_lossy(&self.body)) {
            (self.spoilt, self.closed) = (true, self.closed || answer.starts_with("421"));
            return format!("{answer}\r\n");
        }
        if self.spoilt || self.from.is_none() || self.to.is_empty() {
            return "503 5.5.1 nobody\r\n".into();
        }
        if last { self.ends() } else { "250 ok\r\n".into() }
    }

    fn ends(&mut self) -> String {
        let body = String::from_utf8(std::mem::take(&mut self.body)).unwrap();
        let mut seen = self.oracle.0.lock().unwrap();
        seen.ended.push(body.clone());
        let from = self.from.take().unwrap();
        if let Some(answer) = (self.odd)("END", &body) {
            self.closed |= answer.starts_with("421");
            return format!("{answer}\r\n");
        }
        seen.taken.push((from, std::mem::take(&mut self.to), body));
        "250 ok\r\n".into()
    }
}

impl Script for Server {
    fn greet(&mut self) -> Vec<u8> {
        b"220 naive\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        self.buffer.extend_from_slice(bytes);
        while !self.closed {
            if let Some((left, last)) = self.chunk {
                let n = left.min(self.buffer.len());
                self.body.extend(self.buffer.drain(..n));
                self.chunk = Some((left - n, last));
                if left > n {
                    break;
                }
                self.chunk = None;
                let answer = self.chunk_ends(last);
                out.push_str(&answer);
                continue;
            }
            let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") else { break };
            let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
            let line = String::from_utf8(line).unwrap();
            let answer = match line.strip_suffix("\r\n").unwrap() {
                "." if self.data => {
                    self.data = false;
                    self.ends()
                }
                text if self.data => {
                    self.body.extend_from_slice(text.strip_prefix('.').unwrap_or(text).as_bytes());
                    self.body.extend_from_slice(b"\r\n");
                    continue;
                }
                text => self.command(text),
            };
            out.push_str(&answer);
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}

/// The body of message number `n`; every third is of unknown length and comes in two pieces.
pub(crate) fn letter(n: usize) -> (Envelope, Body<'static>) {
    let envelope = Envelope::parse(Some(&format!("s{n}@x")), [format!("r{n}@x").as_str()]).unwrap();
    let body = match n % 3 {
        2 => Body::generate(0, move |i| async move {
            Ok(match i {
                0 => Some((format!("m{n}").into(), 1)),
                1 => Some(("\n".into(), 2)),
                _ => None,
            })
        }),
        _ => text(n).into_bytes().into(),
    };
    (envelope, body)
}

pub(crate) fn text(n: usize) -> String {
    format!("m{n}\r\n")
}

pub(crate) fn batch(count: usize) -> Messages<'static> {
    Messages::new((0..count).map(letter).collect())
}

/// Holds the outcomes of messages 0 to n against what the server has seen. `may_be_unsure` is true where the fault
/// may have hidden an answer.
pub(crate) fn judge(oracle: &Oracle, outcomes: &[Result<Receipt>], may_be_unsure: bool, what: &str) {
    let seen = oracle.0.lock().unwrap();
    let mut copies = BTreeMap::new();
    for (from, to, body) in &seen.taken {
        let n: usize = body.trim_end().strip_prefix('m').unwrap().parse().unwrap();
        assert_eq!(*body, text(n), "{what}: half a message");
        assert_eq!(
            (from.as_str(), to.clone()),
            (format!("s{n}@x").as_str(), vec![format!("r{n}@x")]),
            "{what}"
        );
        *copies.entry(n).or_insert(0) += 1;
    }
    for (n, outcome) in outcomes.iter().enumerate() {
        let copies = copies.get(&n).copied().unwrap_or(0);
        match outcome {
            Ok(receipt) => {
                assert_eq!(copies, 1, "{what}: message {n} is told to be delivered");
                assert!(receipt.is_complete(), "{what}: {n}: {receipt:?}");
            }
            Err(error) if error.outcome() == Outcome::Unsure => {
                assert!(may_be_unsure, "{what}: {n}: {error}");
                assert!(seen.ended.contains(&text(n)), "{what}: {n} was not all there: {error}");
                assert!(copies <= 1, "{what}: {n} was taken twice");
            }
            Err(error) => assert_eq!(copies, 0, "{what}: {n} was taken, and yet {error}"),
        }
    }
}

/// Without a fault.
pub(crate) fn good(_: &str, _: &str) -> Option<&'static str> {
    None
}

/// How many bytes the server and the client say when nothing goes wrong.
pub(crate) fn lengths(mode: Mode, window: usize, count: usize) -> (usize, usize) {
    let oracle = Oracle::default();
    let host = Server::host(&oracle, mode, good).delivery(Delivery::Whole);
    let mut smtp = super::smtp(config(mode, window), &host);
    let mut batch = batch(count);
    postrider_testkit::run(&host, smtp.send_all(&mut batch)).unwrap();
    let outcomes = batch.outcomes();
    judge(&oracle, &outcomes, false, "whole");
    assert!(outcomes.iter().all(Result::is_ok), "{mode:?}: {outcomes:?}");
    (host.received(), host.sent_count())
}
