//! async-imap logs every line it sends: none of them may hold a secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_async_imap::{AsyncImap, AsyncImapConfig, Login};
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, secrets};
use std::sync::{Arc, Mutex};

static LOG: Log = Log(Mutex::new(String::new()));

struct Log(Mutex<String>);

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push_str(&format!("{}\n", record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn the_log_shows_a_stand_in_where_the_password_goes_out() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let path = format!("{}/tests/dialogues/starttls.txt", env!("CARGO_MANIFEST_DIR"));
    let host = VirtualHost::play(&Dialogue::load(path).unwrap());
    let target = Target::new("mail.example", 143, TlsMode::StartTls).unwrap();
    let login = Login::password(&target, "me", "hunter2secret");
    let mut imap = AsyncImap::new(AsyncImapConfig::new(target, login), Arc::new(host.clone()));
    postrider_testkit::run(&host, imap.connect()).unwrap().unwrap();
    host.assert_followed();
    let log = LOG.0.lock().unwrap().clone();
    assert!(log.contains("AUTHENTICATE PLAIN") && log.contains("c3RhbmQtaW4="), "{log}");
    secrets::assert_absent(&log, &["hunter2secret"]);
}
