//! The promises of the contract, each tried: all are kept but that of bounded memory, which the client that is
//! wrapped can't keep.
#![allow(clippy::unwrap_used, clippy::panic)]

use postrider_async_imap::{AsyncImap, AsyncImapConfig, FACTORY};
use postrider_testkit::conformance::{self, Report, ScriptedImap};
use std::sync::OnceLock;

fn bench() -> ScriptedImap {
    ScriptedImap::new().with_debug(|properties, host| {
        format!("{:?}", AsyncImap::new(AsyncImapConfig::read(properties).unwrap(), host))
    })
}

/// What became of every promise; they are tried once.
pub(crate) fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| conformance::check_incoming(&FACTORY, bench))
}

#[test]
fn every_promise_is_kept_but_that_of_bounded_memory() {
    let broken: Vec<&str> = report().broken().map(|promise| promise.name.as_str()).collect();
    assert_eq!(broken, ["memory"], "{}", report());
}
