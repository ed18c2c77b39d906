//! What leaves in one write, and how much may be out at a time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod common;

use common::observer::observed;
use common::*;
use postrider_core::*;
use postrider_testkit::{Script, VirtualHost, body, run};
use std::sync::{Arc, Mutex};

/// Answers every line of an envelope; `refuses@` is refused.
fn answer(said: &str) -> String {
    let line = |line: &str| match line.get(..4).unwrap_or(line) {
        "EHLO" => "250-seen\r\n250 PIPELINING\r\n",
        "RCPT" if line.contains("<refused") => "550 5.1.1 no\r\n",
        "MAIL" | "RCPT" | "RSET" => "250 ok\r\n",
        "DATA" => "354 go\r\n",
        "." => "250 queued\r\n",
        _ => "",
    };
    said.split("\r\n").map(line).collect()
}

#[test]
fn an_envelope_is_one_write_and_a_small_message_with_its_terminator_another() {
    let (host, writes) = observed(answer);
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    run(&host, smtp.send(&to(&["a@x.example", "b@x.example"]), "Subject: x\r\n\r\nhi".into()))
        .unwrap()
        .unwrap();
    assert_eq!(
        writes.lock().unwrap()[1..],
        [
            "MAIL FROM:<me@example.org>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
            "Subject: x\r\n\r\nhi\r\n.\r\n",
        ]
    );
}

#[test]
fn the_property_turns_it_off() {
    let (host, writes) = observed(answer);
    let mut config = anonymous(TlsMode::None);
    config.pipelining = false;
    run(&host, smtp(config, &host).send(&to(&["a@x.example"]), "x".into())).unwrap().unwrap();
    assert_eq!(
        writes.lock().unwrap()[1..],
        ["MAIL FROM:<me@example.org>\r\n", "RCPT TO:<a@x.example>\r\n", "DATA\r\n", "x\r\n.\r\n"]
    );
}

#[test]
fn thousands_of_recipients_never_fill_both_directions() {
    let addresses: Vec<String> = (0..2_345).map(|i| format!("to{i}@x.example")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let (host, writes) = observed(answer);
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let receipt = run(&host, smtp.send(&to(&addresses), "x".into())).unwrap().unwrap();
    assert!(receipt.is_complete() && receipt.recipients.len() == 2_345);
    assert_eq!(receipt.recipients[2_344].address.as_str(), "to2344@x.example");
    let writes = writes.lock().unwrap();
    assert!(writes.iter().all(|w| w.matches("\r\n").count() <= 100));
    assert!(writes.len() < 30, "{} writes", writes.len());
}

#[test]
fn data_is_not_said_once_a_refusal_in_an_earlier_group_has_spoilt_the_message() {
    let mut addresses = vec!["refused@x.example".to_owned()];
    addresses.extend((0..150).map(|i| format!("to{i}@x.example")));
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let (host, writes) = observed(answer);
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let error = run(&host, smtp.send(&to(&addresses), "x".into())).unwrap().unwrap_err();
    assert_eq!(error.recipients().len(), 151);
    let all = writes.lock().unwrap().concat();
    assert!(!all.contains("DATA") && all.ends_with("RSET\r\n"), "the connection serves on");
    assert!(run(&host, smtp.send(&to(&["a@x.example"]), "x".into())).unwrap().is_ok());
    assert_eq!(host.dials(), 1);
}

#[test]
fn a_large_body_leaves_in_large_pieces_and_memory_does_not_grow_with_it() {
    let (host, writes) = observed(|said| {
        if said.ends_with("\r\n.\r\n") && !said.starts_with("DATA") {
            "250 ok\r\n".into()
        } else {
            answer(said.get(..60).unwrap_or(said))
        }
    });
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    run(&host, smtp.send(&to(&["a@x.example"]), body::of_size(8 << 20))).unwrap().unwrap();
    let writes = writes.lock().unwrap();
    let sizes: Vec<usize> = writes[2..].iter().map(String::len).collect();
    let (last, pieces) = sizes.split_last().unwrap();
    assert!(pieces.iter().all(|size| (64 * 1024..330 * 1024).contains(size)), "{sizes:?}");
    assert!(*last < 330 * 1024);
}

/// Answers as [`answer`], and says something nobody asked for once the first message is accepted.
struct Late {
    words: &'static str,
    accepted: bool,
    sent: Arc<Mutex<String>>,
}

impl Script for Late {
    fn greet(&mut self) -> Vec<u8> {
        b"220 hi\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let said = String::from_utf8_lossy(bytes);
        self.sent.lock().unwrap().push_str(&said);
        self.accepted |= said.ends_with("\r\n.\r\n");
        answer(&said).into_bytes()
    }

    fn more(&mut self) -> Vec<u8> {
        if self.accepted { std::mem::take(&mut self.words).into() } else { Vec::new() }
    }
}

#[test]
fn what_the_server_says_while_it_is_not_asked_is_heard_before_the_next_message_begins() {
    for (words, good) in [("421 4.4.2 idle for too long\r\n", true), ("250 2.0.0 extra\r\n", false)] {
        let sent = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&sent);
        let mut words = words;
        let host = VirtualHost::serve(move || {
            Box::new(Late { words: std::mem::take(&mut words), accepted: false, sent: Arc::clone(&seen) })
        });
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        let mut send = || run(&host, smtp.send(&to(&["a@x.example"]), "x".into())).unwrap();
        assert!(send().is_ok());
        match send() {
            Ok(_) => assert!(good && host.dials() == 2),
            Err(error) => {
                assert_eq!((error.kind(), error.repeat()), (ErrorKind::Protocol, Repeat::Safe), "{error}");
                assert!(!good);
            }
        }
        // Nothing of the second message went over the first connection.
        let mails = sent.lock().unwrap().matches("MAIL").count();
        assert_eq!(mails, if good { 2 } else { 1 });
        assert!(send().is_ok());
    }
}
