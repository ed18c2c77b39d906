//! The promises of the contract, each tried.
#![allow(clippy::unwrap_used)]

use postrider_pop3::{FACTORY, Pop3, Pop3Config};
use postrider_testkit::conformance::{self, ScriptedPop3};

fn bench() -> ScriptedPop3 {
    ScriptedPop3::new().with_debug(|properties, host| {
        format!("{:?}", Pop3::new(Pop3Config::read(properties).unwrap(), host))
    })
}

conformance::incoming!(pop3: FACTORY, bench);
