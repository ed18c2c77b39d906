//! The promises of the contract, each tried.

mod common;

// docs: suite
use common::Backend;
use postrider_lmtp::FACTORY;
use postrider_testkit::conformance;

conformance::outgoing!(lmtp: FACTORY, Backend::new);
// docs: end

#[test]
fn what_is_not_tried_is_what_lmtp_does_not_have() {
    use postrider_testkit::conformance::Verdict;
    let untried = lmtp::report().promises.iter().filter(|promise| promise.verdict != Verdict::Kept);
    let untried: Vec<&str> = untried.map(|promise| promise.name.as_str()).collect();
    assert_eq!(untried, ["starttls", "secrets"]);
}
