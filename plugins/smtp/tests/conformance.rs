//! The promises of the contract, each tried.
#![allow(clippy::unwrap_used)]

use postrider_smtp::{FACTORY, Smtp, SmtpConfig};
use postrider_testkit::conformance::{self, ScriptedSmtp};

fn bench() -> ScriptedSmtp {
    ScriptedSmtp::new().with_debug(|properties, host| {
        format!("{:?}", Smtp::new(SmtpConfig::read(properties).unwrap(), host))
    })
}

conformance::outgoing!(smtp: FACTORY, bench);
