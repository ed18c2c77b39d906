//! Tasks that send at once through a mailer share the window of one SMTP connection, and each has its own outcome.
#![cfg(feature = "smtp")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use futures_util::future::join_all;
use postrider::*;
use postrider_testkit::{Script, VirtualHost, run};
use std::sync::{Arc, Mutex};

const COUNT: usize = 60;

#[derive(Default)]
struct Seen {
    /// What was accepted: sender and body.
    accepted: Vec<(String, String)>,
    /// Messages that came since it last answered, and how many it wants before it does.
    held: usize,
    hold: usize,
}

struct Server {
    seen: Arc<Mutex<Seen>>,
    extension: &'static str,
    input: Vec<u8>,
    from: String,
    refused: bool,
    body: Option<String>,
    replies: String,
}

impl Server {
    fn end(&mut self, body: String) -> String {
        self.seen.lock().unwrap().held += 1;
        let from = std::mem::take(&mut self.from);
        if self.refused {
            return "554 5.5.1 nobody to send it to\r\n".into();
        }
        let reply = format!("250 2.0.0 taken {from}\r\n");
        self.seen.lock().unwrap().accepted.push((from, body));
        reply
    }

    fn answer(&mut self, line: &str) -> String {
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((line, ""));
        match verb {
            "EHLO" => {
                format!("250-localhost\r\n250-PIPELINING\r\n250-{}\r\n250 8BITMIME\r\n", self.extension)
            }
            "MAIL" => {
                self.from = rest.split(['<', '>']).nth(1).unwrap().to_owned();
                self.refused = false;
                "250 2.1.0 ok\r\n".into()
            }
            "RCPT" => {
                self.refused = rest.contains("nobody@");
                let from = &self.from;
                if self.refused {
                    format!("550 5.1.1 no such user {from}\r\n")
                } else {
                    "250 2.1.5 ok\r\n".into()
                }
            }
            "DATA" if self.refused => "554 5.5.1 no valid recipients\r\n".into(),
            "DATA" => {
                self.body = Some(String::new());
                "354 go\r\n".into()
            }
            "RSET" => "250 2.0.0 ok\r\n".into(),
            "QUIT" => "221 2.0.0 bye\r\n".into(),
            _ => format!("500 5.5.2 {line}\r\n"),
        }
    }
}

impl Script for Server {
    fn greet(&mut self) -> Vec<u8> {
        b"220 localhost\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        let mut out = std::mem::take(&mut self.replies);
        while let Some(at) = self.input.windows(2).position(|w| w == b"\r\n") {
            let line = String::from_utf8(self.input[..at].to_vec()).unwrap();
            if let Some(size) = line.strip_prefix("BDAT ") {
                assert!(size.ends_with(" LAST"), "these are short");
                let size: usize = size.split(' ').next().unwrap().parse().unwrap();
                if self.input.len() < at + 2 + size {
                    break;
                }
                self.input.drain(..at + 2);
                let body: Vec<u8> = self.input.drain(..size).collect();
                out += &self.end(String::from_utf8(body).unwrap());
                continue;
            }
            self.input.drain(..at + 2);
            match &mut self.body {
                Some(_) if line == "." => {
                    let body = self.body.take().unwrap();
                    out += &self.end(body);
                }
                Some(body) => *body += &format!("{line}\r\n"),
                None => out += &self.answer(&line),
            }
        }
        let mut seen = self.seen.lock().unwrap();
        if seen.hold > 1 && seen.held < seen.hold {
            // Not before all are there, which come if the client does not wait for answers.
            self.replies = out;
            return Vec::new();
        }
        seen.held = 0;
        out.into_bytes()
    }
}

fn envelope(n: usize) -> Envelope {
    let to = if n % 5 == 3 { "nobody@example.com" } else { "you@example.com" };
    Envelope::parse(Some(&format!("me{n}@example.com")), [to]).unwrap()
}

fn text(n: usize) -> String {
    format!("Subject: {n}\r\n\r\nnumber {n}\r\n")
}

fn sent_together(extension: &'static str, hold: usize) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let host = {
        let seen = seen.clone();
        VirtualHost::serve(move || {
            let (seen, input, from, replies) = (seen.clone(), Vec::new(), String::new(), String::new());
            Box::new(Server { seen, extension, input, from, refused: false, body: None, replies })
        })
    };
    let settings = "mail.transport.protocol=smtp\nmail.smtp.host=localhost\nmail.smtp.tls=none\n\
         mail.smtp.auth=false\nmail.smtp.window=20\nmail.mailer.connections=1\nmail.send.allowreserved=true\n";
    let session =
        Session::builder().overrides(settings).unwrap().host(Arc::new(host.clone())).build().unwrap();
    let mailer = session.mailer().unwrap();
    run(&host, mailer.send(&envelope(COUNT), text(COUNT).into_bytes().into())).expect("it hangs").unwrap();
    {
        let mut seen = seen.lock().unwrap();
        seen.accepted.clear();
        seen.hold = hold;
    }
    let envelopes: Vec<Envelope> = (0..COUNT).map(envelope).collect();
    let send = |n: usize| mailer.send(&envelopes[n], text(n).into_bytes().into());
    let outcomes = run(&host, join_all((0..COUNT).map(send))).expect("the window is not filled");
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(receipt) => {
                assert_ne!(n % 5, 3);
                assert!(receipt.reply.text().ends_with(&format!("taken me{n}@example.com")), "{receipt:?}");
            }
            Err(error) => {
                assert_eq!((n % 5, error.kind()), (3, ErrorKind::Rejected), "{error}");
                let told = format!("{error:?}");
                assert!(told.contains(&format!("no such user me{n}@example.com")), "{told}");
            }
        }
    }
    let wanted = (0..COUNT).filter(|n| n % 5 != 3).map(|n| (format!("me{n}@example.com"), text(n)));
    assert_eq!(
        seen.lock().unwrap().accepted,
        wanted.collect::<Vec<_>>(),
        "in the order they came, each once"
    );
    assert_eq!(host.dials(), 1);
}

#[test]
fn tasks_that_send_at_once_fill_the_window_of_one_smtp_connection_and_hear_of_their_own_messages() {
    sent_together("CHUNKING", 20);
}

#[test]
fn by_data_too_each_task_hears_of_its_own_message_over_one_connection() {
    sent_together("SIZE", 1);
}
