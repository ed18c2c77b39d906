//! The promises of the contract, each tried: all are kept but that of bounded memory, which the client that is
//! wrapped can't keep.
#![allow(clippy::unwrap_used, clippy::panic)]

use postrider_lettre::{FACTORY, Lettre, LettreConfig};
use postrider_testkit::conformance::{self, Report, ScriptedSmtp};
use std::sync::OnceLock;

fn bench() -> ScriptedSmtp {
    ScriptedSmtp::new().with_debug(|properties, host| {
        format!("{:?}", Lettre::new(LettreConfig::read(properties).unwrap(), host))
    })
}

/// What became of every promise; they are tried once.
pub(crate) fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| conformance::check_outgoing(&FACTORY, bench))
}

#[test]
fn every_promise_is_kept_but_that_of_bounded_memory() {
    let broken: Vec<&str> = report().broken().map(|promise| promise.name.as_str()).collect();
    assert_eq!(broken, ["memory"], "{}", report());
}
