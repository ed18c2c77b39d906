//! What a report is for people and for programs, and that nothing untried counts as kept.
#![allow(clippy::unwrap_used)]

use postrider_core::{
    Body, Envelope, Host, OutgoingTransport, Properties, Receipt, RecipientOutcome, Reply, Result,
    TransportFactory, Verdict as Word, async_trait,
};
use postrider_testkit::conformance::{self, Bench, Delivered, OutgoingBench, Report, ScriptedSmtp, Verdict};
use postrider_testkit::{Dialogue, VirtualHost};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    // Each test has a thread, and so a shelf, of its own.
    static SHELF: RefCell<Vec<Delivered>> = const { RefCell::new(Vec::new()) };
}

/// The smallest transport there is.
struct Shelf;

#[async_trait]
impl OutgoingTransport for Shelf {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let bytes = body.read_all(1 << 20).await?.to_vec();
        let recipients: Vec<String> = envelope.to.iter().map(|r| r.address.as_str().to_owned()).collect();
        SHELF.with_borrow_mut(|shelf| shelf.push(Delivered { recipients, bytes }));
        let reply = Reply::new("250", None, "kept");
        let accepted = |r: &postrider_core::Recipient| {
            RecipientOutcome::new(r.address.clone(), Word::Accepted(reply.clone()))
        };
        let outcomes = envelope.to.iter().map(accepted).collect();
        Ok(Receipt::new(reply, outcomes))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn make(_: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Shelf))
}

const FACTORY: TransportFactory =
    TransportFactory::outgoing("shelf", &make).about("Keeps messages on a shelf");

/// And the smallest bench.
struct Looks;

impl Looks {
    fn new() -> Self {
        SHELF.with_borrow_mut(Vec::clear);
        Self
    }
}

impl Bench for Looks {
    fn properties(&self, _: &str) -> String {
        String::new()
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(VirtualHost::play(&Dialogue::parse("").unwrap()))
    }
}

impl OutgoingBench for Looks {
    fn delivered(&self) -> Vec<Delivered> {
        SHELF.with_borrow(Vec::clone)
    }
}

#[test]
fn a_small_transport_keeps_what_can_be_tried_and_the_rest_is_not_called_kept() {
    let report = conformance::check_outgoing(&FACTORY, Looks::new);
    report.assert_kept();
    assert_eq!(report.verdict("delivers"), Some(&Verdict::Kept));
    assert_eq!(report.verdict("cancellation"), Some(&Verdict::Kept));
    assert!(matches!(report.verdict("connect"), Some(Verdict::NotOffered(_))));
    for untried in ["cuts", "recipients", "refusals", "unsure", "memory", "deadlines", "limits", "secrets"] {
        assert!(matches!(report.verdict(untried), Some(Verdict::NotTried(_))), "{untried}");
    }
}

#[test]
fn a_report_is_a_table_for_people_and_data_for_programs() {
    let report = conformance::check_some_outgoing(&FACTORY, Looks::new, &["delivers", "connect", "cuts"]);
    let text = report.to_string();
    assert!(text.starts_with("### `shelf`, outgoing\n\n| promise | result |\n|---|---|\n"), "{text}");
    assert!(text.contains(" | kept |\n") && text.contains(" | not offered: this transport"), "{text}");
    assert_eq!(text.lines().count(), 7, "{text}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#""name":"delivers""#) && json.contains(r#"{"result":"kept"}"#), "{json}");
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
#[should_panic(expected = "breaks its contract")]
fn a_transport_against_the_wrong_backend_fails_the_test() {
    // What it takes never comes to that server.
    conformance::check_some_outgoing(&FACTORY, ScriptedSmtp::new, &["delivers"]).assert_kept();
}
