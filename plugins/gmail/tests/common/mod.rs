//! What the tests of this crate share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const APP_PASSWORD: &str = "abcd efgh ijkl mnop";
pub const JOINED: &str = "abcdefghijklmnop";

/// A registry with the three and nothing else.
pub fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.add(&postrider_gmail::OUTGOING, "test").unwrap();
    registry.add(&postrider_gmail::INCOMING, "test").unwrap();
    registry.add(&postrider_gmail::INCOMING_POP3, "test").unwrap();
    registry
}

pub fn properties(text: &str) -> Properties {
    Properties::new([Layer::parse(LayerKind::Account, "file", text).unwrap()])
}

pub fn login() -> String {
    format!("mail.gmail.user=me@gmail.com\nmail.gmail.password={APP_PASSWORD}\n")
}

pub fn dialogue(name: &str) -> Dialogue {
    Dialogue::load(format!("{}/tests/dialogues/{name}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A host that remembers whom it was asked to dial.
#[derive(Clone)]
pub struct Dialed(pub VirtualHost, pub Arc<Mutex<Vec<(String, u16, TlsMode)>>>);

impl Dialed {
    pub fn new(host: &VirtualHost) -> Self {
        Self(host.clone(), Arc::default())
    }
}

#[async_trait]
impl Host for Dialed {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        self.1.lock().unwrap().push((target.host.clone(), target.port, target.tls));
        self.0.connect(target).await
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}
