//! A maildir of a test.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "not every test file uses all of it")]

use postrider_core::{Body, Envelope, OutgoingTransport};
use postrider_maildir::{MaildirConfig, MaildirIncoming, MaildirOutgoing};
use postrider_testkit::{Dialogue, VirtualHost};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) struct Dir {
    dir: tempfile::TempDir,
    pub(crate) host: VirtualHost,
}

impl Dir {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for part in ["tmp", "new", "cur"] {
            std::fs::create_dir(dir.path().join(part)).unwrap();
        }
        Self { dir, host: VirtualHost::play(&Dialogue::parse("S: nobody is dialled\n").unwrap()) }
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.dir.path().join(part)
    }

    pub(crate) fn files(&self, part: &str) -> Vec<PathBuf> {
        std::fs::read_dir(self.path(part)).unwrap().map(|e| e.unwrap().path()).collect()
    }

    pub(crate) fn incoming(&self) -> MaildirIncoming {
        self.incoming_with(|_| ())
    }

    pub(crate) fn incoming_with<T>(&self, change: impl FnOnce(&mut MaildirConfig) -> T) -> MaildirIncoming {
        let mut config = MaildirConfig::new(self.dir.path());
        change(&mut config);
        MaildirIncoming::new(config, Arc::new(self.host.clone())).unwrap()
    }

    pub(crate) fn outgoing_with<T>(&self, change: impl FnOnce(&mut MaildirConfig) -> T) -> MaildirOutgoing {
        let mut config = MaildirConfig::new(self.dir.path());
        change(&mut config);
        MaildirOutgoing::new(config).unwrap()
    }
}

pub(crate) fn envelope() -> Envelope {
    Envelope::parse(Some("me@example.org"), ["a@example.org", "b@example.org"]).unwrap()
}

pub(crate) async fn deliver(dir: &Dir, text: &'static str) {
    dir.outgoing_with(|_| ()).send(&envelope(), Body::from(text)).await.unwrap();
}
