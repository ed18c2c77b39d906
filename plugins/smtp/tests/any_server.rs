//! A server that says anything at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, Ending, Script, VirtualHost, run};
use proptest::prelude::*;

/// Says the next text at each line it hears, or a whole body.
struct Babbler {
    says: Vec<Vec<u8>>,
    ending: Ending,
    heard: Vec<u8>,
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
        self.heard.extend_from_slice(bytes);
        let lines = self.heard.iter().filter(|b| **b == b'\n').count();
        self.heard.clear();
        (0..lines).flat_map(|_| self.next()).collect()
    }

    fn ending(&self) -> Ending {
        if self.says.is_empty() { self.ending } else { Ending::Open }
    }
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    let likely = [
        "220 hi\r\n",
        "250 ok\r\n",
        "250-a\r\n250 PIPELINING\r\n",
        "250-a\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n",
        "354 go\r\n",
        "334 \r\n",
        "235 in\r\n",
        "421 bye\r\n",
        "450 busy\r\n",
        "550 no\r\n",
        "250-",
        "25",
        "\r\n",
        "",
        "250 ok\r\n250 ok\r\n",
    ];
    prop_oneof![
        12 => proptest::sample::select(likely.to_vec()).prop_map(|t| t.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

/// A server that gets as far as the body, mostly.
fn sayings() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = |t: &str| Just(t.as_bytes().to_vec());
    let good = (
        text("220 hi\r\n"),
        prop_oneof![text("250 ok\r\n"), text("250-a\r\n250 PIPELINING\r\n")],
        text("250 ok\r\n"),
        prop_oneof![text("250 ok\r\n"), words()],
        prop_oneof![3 => text("354 go\r\n"), 1 => words()],
        proptest::collection::vec(words(), 0..6),
    );
    prop_oneof![
        proptest::collection::vec(words(), 0..12),
        good.prop_map(|(a, b, c, d, e, rest)| [vec![a, b, c, d, e], rest].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_a_server_says_the_outcome_fits_what_was_sent(
        says in sayings(),
        ending in proptest::sample::select(vec![Ending::Open, Ending::Closed, Ending::Reset]),
        seed in any::<u64>(),
        signed_in in any::<bool>(),
    ) {
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(seed)] {
            let script = says.clone();
            let host = VirtualHost::serve(move || {
                Box::new(Babbler { says: script.clone(), ending, heard: Vec::new() })
            });
            let host = host.delivery(delivery);
            let config = if signed_in { config(TlsMode::Implicit) } else { anonymous(TlsMode::None) };
            let mut smtp = smtp(config, &host);
            let outcome = run(&host, smtp.send(&to(&["a@x.example"]), "all of it".into())).expect("hangs");
            let all = host.sent_text().ends_with("all of it\r\n.\r\n");
            match &outcome {
                Ok(_) => prop_assert!(all, "a false Delivered"),
                Err(e) if e.outcome() == Outcome::Unsure => prop_assert!(all, "Unsure, and it was not all out"),
                Err(e) if e.outcome() == Outcome::NotSent => prop_assert!(!all, "all was out, and yet {e}"),
                Err(_) => {}
            }
            postrider_testkit::secrets::assert_absent(&format!("{outcome:?}"), &[SECRET]);
        }
    }
}
