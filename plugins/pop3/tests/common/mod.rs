//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub(crate) mod server;

use postrider_core::*;
use postrider_pop3::{Pop3, Pop3Config};
use postrider_testkit::{Dialogue, VirtualHost};
use postrider_wire::Login;
use std::sync::Arc;

pub const SECRET: &str = "hunter2secret";
pub const ONE: &str = "Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n";
pub const TWO: &str = "Subject: two\r\n\r\nbody\r\n";

pub fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn config(tls: TlsMode) -> Pop3Config {
    let target = Target::new("pop.example", 995, tls).unwrap();
    let login = Login::password(&target, "me", SECRET);
    Pop3Config::new(target, login)
}

pub fn pop3(config: Pop3Config, host: &VirtualHost) -> Pop3 {
    Pop3::new(config, Arc::new(host.clone()))
}

pub fn key(uidl: &str) -> MessageId {
    MessageId::new("pop3", ["me@pop.example", uidl])
}

pub fn keys(listing: &Listing) -> Vec<&str> {
    listing.messages.iter().map(|m| m.id.as_str().strip_prefix("pop3:me@pop.example/").unwrap()).collect()
}

pub async fn text(pop3: &mut Pop3, id: &MessageId) -> Result<String> {
    let bytes = pop3.fetch(id).await?.read_all(1 << 20).await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// Kind and phase, in a word.
pub fn word<T>(result: &Result<T>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => format!("{:?} {:?}", error.kind(), error.phase()),
    }
}
