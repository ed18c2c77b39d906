//! The promises of the contract, each tried: against servers in the test, which the host puts in Google's place.

use postrider_gmail::{INCOMING, INCOMING_POP3, OUTGOING};
use postrider_testkit::conformance::{self, ScriptedImap, ScriptedPop3, ScriptedSmtp};

/// Host, port and TLS are Gmail's own; there is only the login to give.
fn login(_: &str) -> String {
    format!("mail.gmail.user=me@gmail.com\nmail.gmail.password={}\n", ScriptedSmtp::PASSWORD)
}

conformance::outgoing!(outgoing: OUTGOING, || ScriptedSmtp::new().with_properties(login));
conformance::incoming!(incoming: INCOMING, || ScriptedImap::new().with_properties(login));
conformance::incoming!(pop3: INCOMING_POP3, || ScriptedPop3::new().with_properties(login));
