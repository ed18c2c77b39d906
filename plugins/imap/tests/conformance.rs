//! The promises of the contract, each tried.
#![allow(clippy::unwrap_used)]

use postrider_imap::{FACTORY, Imap, ImapConfig};
use postrider_testkit::conformance::{self, ScriptedImap};

fn bench() -> ScriptedImap {
    ScriptedImap::new().with_debug(|properties, host| {
        format!("{:?}", Imap::new(ImapConfig::read(properties).unwrap(), host))
    })
}

conformance::incoming!(imap: FACTORY, bench);
