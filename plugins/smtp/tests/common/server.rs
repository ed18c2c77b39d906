//! A naive SMTP server, independent of the crate's own parsing: the oracle of what was accepted.

use postrider_testkit::{Ending, Script};
use std::sync::{Arc, Mutex};

/// Messages the server has taken responsibility for.
#[derive(Clone, Default)]
pub(crate) struct Accepted(pub(crate) Arc<Mutex<Vec<String>>>);

impl Accepted {
    pub(crate) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) struct Server {
    accepted: Accepted,
    buffer: Vec<u8>,
    body: Option<String>,
    closed: bool,
}

impl Server {
    pub(crate) fn boxed(accepted: &Accepted) -> Box<dyn Script> {
        Box::new(Self { accepted: accepted.clone(), buffer: Vec::new(), body: None, closed: false })
    }
}

impl Script for Server {
    fn greet(&mut self) -> Vec<u8> {
        b"220 naive\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        self.buffer.extend_from_slice(bytes);
        while let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
            let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
            let line = String::from_utf8_lossy(&line[..at]).into_owned();
            if let Some(body) = &mut self.body {
                if line == "." {
                    self.accepted.0.lock().unwrap().push(std::mem::take(body));
                    self.body = None;
                    out.push_str("250 ok\r\n");
                } else {
                    body.push_str(line.strip_prefix('.').unwrap_or(&line));
                    body.push_str("\r\n");
                }
                continue;
            }
            let verb = line.split(' ').next().unwrap_or_default();
            out.push_str(match verb {
                "EHLO" => "250-naive\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
                "AUTH" => "235 ok\r\n",
                "MAIL" | "RCPT" | "RSET" => "250 ok\r\n",
                "DATA" => {
                    self.body = Some(String::new());
                    "354 go\r\n"
                }
                "QUIT" => {
                    self.closed = true;
                    "221 bye\r\n"
                }
                _ => "500 what\r\n",
            });
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.closed { Ending::Closed } else { Ending::Open }
    }
}
