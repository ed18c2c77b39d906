//! A server that says anything at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, Ending, Script, VirtualHost, run, secrets};
use proptest::prelude::*;
use std::time::Duration;

/// Says the next text at each line it hears; `{t}` is the tag of that line.
struct Babbler {
    says: Vec<String>,
    ending: Ending,
    heard: String,
}

impl Babbler {
    fn next(&mut self, tag: &str) -> String {
        if self.says.is_empty() { String::new() } else { self.says.remove(0).replace("{t}", tag) }
    }
}

impl Script for Babbler {
    fn greet(&mut self) -> Vec<u8> {
        self.next("").into_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.heard.push_str(&String::from_utf8_lossy(bytes));
        let mut out = String::new();
        while let Some((line, rest)) = self.heard.split_once('\n') {
            let (tag, rest) = (line.split(' ').next().unwrap_or_default().trim().to_owned(), rest.to_owned());
            out.push_str(&self.next(&tag));
            self.heard = rest;
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        if self.says.is_empty() { self.ending } else { Ending::Open }
    }
}

const GREETING: &str = "* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS IDLE] hi\r\n";
const OPENED: &str = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{t} OK [READ-WRITE] open\r\n";
const WHOLE: &str = "* 1 FETCH (UID 4 BODY[] {5}\r\nwhole)\r\n{t} OK\r\n";

/// Words of the protocol, mostly in their places.
fn words() -> impl Strategy<Value = String> {
    let likely = [
        "{t} OK\r\n",
        "{t} OK [CAPABILITY IMAP4rev1 LITERAL+ ESEARCH MOVE] x\r\n",
        "{t} NO [TRYCREATE] no\r\n",
        "{t} BAD what\r\n",
        "* BYE\r\n",
        "+ go\r\n",
        "+ \r\n",
        "* SEARCH 4 9\r\n{t} OK\r\n",
        "* ESEARCH UID ALL 4:9\r\n{t} OK\r\n",
        "* 1 FETCH (UID 4 FLAGS (\\Seen) RFC822.SIZE 5)\r\n{t} OK\r\n",
        WHOLE,
        "* 1 FETCH (UID 9 BODY[] {5}\r\nother)\r\n",
        "* 1 FETCH (UID 4 BODY[] {5}\r\nwh",
        "* 1 FETCH (BODY[] {5}\r\nwhole UID 4)\r\n",
        "* 1 FETCH (BODY[] {5}\r\nother UID 9)\r\n{t} OK\r\n",
        "* 1 FETCH (BODY[] {5}\r\nother)\r\n{t} OK\r\n",
        "ole)\r\n{t} OK\r\n",
        "* 4 EXISTS\r\n",
        "* 1 EXPUNGE\r\n",
        "* OK [UIDVALIDITY 8] x\r\n",
        "* LIST (\\Sent) \"/\" x\r\n{t} OK\r\n",
        "{5}\r\n",
        "\r\n",
        "",
        OPENED,
    ];
    prop_oneof![
        12 => proptest::sample::select(likely.to_vec()).prop_map(str::to_owned),
        1 => "[ -~\\r\\n]{0,40}",
        1 => "\\PC{0,20}",
    ]
}

fn sayings() -> impl Strategy<Value = Vec<String>> {
    let good =
        |texts: &'static [&'static str]| Just(texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    let start = prop_oneof![
        1 => good(&[]),
        2 => good(&[GREETING]),
        6 => good(&[GREETING, OPENED]),
        3 => good(&[GREETING, OPENED, WHOLE]),
    ];
    (start, proptest::collection::vec(words(), 0..12)).prop_map(|(start, rest)| [start, rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_a_server_says_nothing_hangs_and_a_message_is_whole_and_the_right_one(
        says in sayings(),
        ending in proptest::sample::select(vec![Ending::Open, Ending::Closed, Ending::Reset]),
        seed in any::<u64>(),
        known in any::<bool>(),
    ) {
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(seed)] {
            let mut script = says.clone();
            if !known && script.first().is_some_and(|s| s == GREETING) {
                script[0] = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR] hi\r\n".into();
            }
            let make = script.clone();
            let host = VirtualHost::serve(move || {
                Box::new(Babbler { says: make.clone(), ending, heard: String::new() })
            });
            let host = host.delivery(delivery);
            let mut imap = imap(pipelined(TlsMode::Implicit), &host);
            let first = run(&host, read(&mut imap, &key(4))).expect("hangs");
            if let Ok(text) = &first {
                prop_assert_eq!(text, "whole");
            }
            let page = run(&host, imap.list(&Query::all())).expect("hangs");
            let wake = run(&host, imap.wait(Duration::from_secs(1))).expect("hangs");
            let stored = run(&host, imap.append("x", &Flags::default(), "text".into())).expect("hangs");
            let moved = run(&host, imap.settle(&[key(4)], &Settle::Move("x".into()))).expect("hangs");
            let all = run(&host, imap.mailboxes()).expect("hangs");
            let shown = format!("{first:?} {page:?} {wake:?} {stored:?} {moved:?} {all:?} {imap:?}");
            secrets::assert_absent(&shown, &[SECRET]);
        }
    }
}
