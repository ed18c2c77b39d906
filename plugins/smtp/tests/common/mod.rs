//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub(crate) mod frozen;
pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod model_batch;
pub(crate) mod model_memory;
pub(crate) mod observer;
pub(crate) mod oracle;
pub(crate) mod server;

use postrider_core::*;
use postrider_smtp::{Smtp, SmtpConfig};
use postrider_testkit::{Dialogue, VirtualHost};
use postrider_wire::Login;
use std::sync::Arc;

pub const SECRET: &str = "hunter2secret";
pub const BODY: &str = "Subject: x\n\n.dot\r\nend\r\n\r\n";
pub const NORMALISED: &str = "Subject: x\r\n\r\n.dot\r\nend\r\n\r\n";

pub fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn config(tls: TlsMode) -> SmtpConfig {
    let target = Target::new("mail.example", 465, tls).unwrap();
    let login = Login::password(&target, "me", SECRET);
    SmtpConfig::new(target, login)
}

pub fn anonymous(tls: TlsMode) -> SmtpConfig {
    let target = Target::new("mail.example", 25, tls).unwrap();
    SmtpConfig::new(target.clone(), Login::none(&target))
}

pub fn smtp(config: SmtpConfig, host: &VirtualHost) -> Smtp {
    Smtp::new(config, Arc::new(host.clone()))
}

pub fn to(addresses: &[&str]) -> Envelope {
    Envelope::parse(Some("me@example.org"), addresses.iter().copied()).unwrap()
}

/// The outcome in a word, with what a test compares.
pub fn word(outcome: &Result<Receipt>) -> String {
    match outcome {
        Ok(receipt) => {
            format!("delivered {}", receipt.recipients.iter().filter(|r| r.verdict.is_accepted()).count())
        }
        Err(error) => format!("{:?} {:?}", error.outcome(), error.phase()),
    }
}

/// Plays a script to one send: the outcome and the host, after a check that no secret shows anywhere.
pub fn play(
    config: SmtpConfig,
    script: &str,
    envelope: &Envelope,
    body: Body<'static>,
) -> (Result<Receipt>, VirtualHost) {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut smtp = smtp(config, &host);
    let Ok(outcome) = postrider_testkit::run(&host, smtp.send(envelope, body)) else {
        panic!("hangs: {script}")
    };
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    postrider_testkit::secrets::assert_absent(&format!("{outcome:?} {smtp:?}"), &[SECRET]);
    let clear = String::from_utf8_lossy(&host.sent_in_clear()).into_owned();
    postrider_testkit::secrets::assert_absent(&clear, &[SECRET]);
    (outcome, host)
}

/// The beginning of a session with these extensions.
pub fn ehlo(extensions: &[&str]) -> String {
    let mut script = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-mail.example\n".to_owned();
    for extension in extensions {
        script.push_str(&format!("S: 250-{extension}\n"));
    }
    script + "S: 250 HELP\n"
}
