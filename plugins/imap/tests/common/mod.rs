//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub(crate) mod bulk;
pub(crate) mod server;

use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Dialogue, VirtualHost};
use postrider_wire::Login;
use std::sync::Arc;

pub const SECRET: &str = "hunter2secret";
/// `\0me\0hunter2secret`
pub const PLAIN: &str = "AG1lAGh1bnRlcjJzZWNyZXQ=";

pub fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// One command at a time: a script has one order.
pub fn config(tls: TlsMode) -> ImapConfig {
    let mut config = pipelined(tls);
    config.pipelining = false;
    config
}

/// As it is by default.
pub fn pipelined(tls: TlsMode) -> ImapConfig {
    let target = Target::new("mail.example", 993, tls).unwrap();
    let login = Login::password(&target, "me", SECRET);
    ImapConfig::new(target, login)
}

/// The mailbox `Entwürfe`, pipelined.
pub fn drafts(tls: TlsMode) -> ImapConfig {
    let mut config = pipelined(tls);
    config.folder = "Entwürfe".into();
    config
}

pub fn imap(config: ImapConfig, host: &VirtualHost) -> Imap {
    Imap::new(config, Arc::new(host.clone()))
}

/// The key of a message in INBOX whose UIDVALIDITY is 7.
pub fn key(uid: u32) -> MessageId {
    MessageId::new("imap", ["me@mail.example", "INBOX", "7", &uid.to_string()])
}

/// The same in `Entwürfe`.
pub fn draft(uid: u32) -> MessageId {
    MessageId::new("imap", ["me@mail.example", "Entwürfe", "7", &uid.to_string()])
}

/// The outcome in words that a test compares: the error's kind and phase, or what `show` makes of the value.
pub fn word<T>(outcome: &Result<T>, show: impl FnOnce(&T) -> String) -> String {
    match outcome {
        Ok(value) => show(value),
        Err(error) => format!("{:?} {:?}", error.kind(), error.phase()),
    }
}

pub async fn read(imap: &mut Imap, id: &MessageId) -> Result<String> {
    let bytes = imap.fetch(id).await?.read_all(1 << 20).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The UIDs of a page.
pub fn uids(listing: &Listing) -> String {
    let uid = |m: &MessageInfo| m.id.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    listing.messages.iter().map(uid).collect::<Vec<_>>().join(",")
}

/// The beginning of a session with these capabilities besides IMAP4rev1, INBOX open: 3 messages, UIDVALIDITY 7.
pub fn opened(capabilities: &str) -> String {
    format!(
        "S: * PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] hi\nC: {{open}} SELECT \"INBOX\"\nS: * 3 EXISTS\n\
         S: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 12] ok\nS: {{open}} OK [READ-WRITE]\n"
    )
}

/// What happens to a call against a script, after a check that the client did as the script says and that no
/// secret shows.
pub fn play<T: std::fmt::Debug>(
    config: ImapConfig,
    script: &str,
    work: impl AsyncFnOnce(&mut Imap) -> Result<T>,
) -> (Result<T>, VirtualHost) {
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let mut imap = imap(config, &host);
    let Ok(outcome) = postrider_testkit::run(&host, work(&mut imap)) else { panic!("hangs: {script}") };
    assert!(host.mismatches().is_empty(), "{:?}: {outcome:?}", host.mismatches());
    postrider_testkit::secrets::assert_absent(&format!("{outcome:?} {imap:?}"), &[SECRET]);
    let clear = String::from_utf8_lossy(&host.sent_in_clear()).into_owned();
    postrider_testkit::secrets::assert_absent(&clear, &[SECRET]);
    (outcome, host)
}

/// The error of [`play`].
pub fn fails<T: std::fmt::Debug>(
    config: ImapConfig,
    script: &str,
    work: impl AsyncFnOnce(&mut Imap) -> Result<T>,
) -> Error {
    play(config, script, work).0.unwrap_err()
}
