//! A server that says anything at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, Ending, Script, VirtualHost, run};
use proptest::prelude::*;

/// Says the next text at each line it hears.
struct Babbler {
    says: Vec<Vec<u8>>,
    ending: Ending,
}

impl Babbler {
    fn next(&mut self) -> Vec<u8> {
        if self.says.is_empty() { Vec::new() } else { self.says.remove(0) }
    }
}

impl Script for Babbler {
    fn greet(&mut self) -> Vec<u8> {
        self.next()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let lines = bytes.iter().filter(|b| **b == b'\n').count();
        (0..lines).flat_map(|_| self.next()).collect()
    }

    fn ending(&self) -> Ending {
        if self.says.is_empty() { self.ending } else { Ending::Open }
    }
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    let likely = [
        "+OK\r\n",
        "+OK\r\n.\r\n",
        "+OK\r\n1 a\r\n.\r\n",
        "+OK\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN LOGIN SCRAM-SHA-256\r\n.\r\n",
        "+OK\r\nSTLS\r\nUTF8\r\nLOGIN-DELAY 999999999999\r\n.\r\n",
        "+OK\r\n..x\r\ny\r\n.\r\n",
        "-ERR no\r\n",
        "-ERR [IN-USE] no\r\n",
        "+ \r\n",
        "+OK\r\n1 5\r\n2 99999999999999999999\r\n.\r\n",
        "+OK\r\n1 5\r\n1 5\r\n.\r\n",
        "1 a\r\n",
        ".\r\n",
        "+O",
        "\r\n",
        "",
    ];
    prop_oneof![
        12 => proptest::sample::select(likely.to_vec()).prop_map(|t| t.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

/// A server that gets as far as the messages, mostly.
fn sayings() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = |t: &str| Just(t.as_bytes().to_vec());
    let good = (
        prop_oneof![text("-ERR\r\n"), text("+OK\r\nUIDL\r\n.\r\n")],
        prop_oneof![3 => text("+OK\r\n1 5\r\n.\r\n"), 1 => words()],
        prop_oneof![3 => text("+OK\r\n1 a\r\n.\r\n"), 1 => words()],
        proptest::collection::vec(words(), 0..6),
    );
    let ok = || b"+OK\r\n".to_vec();
    prop_oneof![
        proptest::collection::vec(words(), 0..12),
        good.prop_map(move |(capa, list, uidl, rest)| {
            let again = if capa.starts_with(b"+OK") { vec![capa.clone()] } else { Vec::new() };
            [vec![ok(), capa, ok(), ok()], again, vec![list, uidl], rest].concat()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_a_server_says_nothing_hangs_and_no_commit_is_claimed_that_was_not_confirmed(
        says in sayings(),
        ending in proptest::sample::select(vec![Ending::Open, Ending::Closed, Ending::Reset]),
        seed in any::<u64>(),
    ) {
        let mut outcomes = Vec::new();
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(seed)] {
            let script = says.clone();
            let host = VirtualHost::serve(move || Box::new(Babbler { says: script.clone(), ending }));
            let host = host.delivery(delivery);
            let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
            let outcome = run(&host, async {
                let read = text_or_bytes(&mut pop3).await;
                let settled = pop3.settle(&[key("a")], &Settle::Delete).await;
                let accepted = host.sent_text().contains("DELE");
                let closed = pop3.close().await;
                if settled.is_ok() && accepted && closed.is_ok() {
                    assert!(host.sent_text().contains("QUIT") || host.dials() > 1);
                }
                (read, settled, closed)
            }).expect("hangs");
            postrider_testkit::secrets::assert_absent(&format!("{outcome:?}"), &[SECRET]);
            outcomes.push(outcome.0.ok());
        }
        prop_assert!(outcomes.iter().all(|o| *o == outcomes[0]) || ending != Ending::Open, "{outcomes:?}");
    }
}

async fn text_or_bytes(pop3: &mut postrider_pop3::Pop3) -> Result<Vec<u8>> {
    Ok(pop3.fetch(&key("a")).await?.read_all(1 << 20).await?.to_vec())
}
