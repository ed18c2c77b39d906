//! Hosts and registries for the odd plugin.
#![allow(dead_code, unreachable_pub)]

use crate::build;
use postrider_core::{
    Connection, Fact, Host, IncomingTransport, Layer, LayerKind, OutgoingTransport, Properties, Registry,
    Result, Secret, SecretRef, Target, TokenGrant, async_trait,
};
use postrider_loader::{LoadExt, Policy};
use postrider_net::TokioHost;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

pub fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.load(build::odd(), &Policy::new()).unwrap();
    registry
}

pub fn host() -> Arc<dyn Host> {
    Arc::new(TokioHost::new())
}

pub fn mode(transport: &str, mode: &str) -> Properties {
    Properties::new([Layer::new(LayerKind::Host, "test").with(format!("mail.{transport}.mode"), mode)])
}

pub fn outgoing(how: &str, host: &Arc<dyn Host>) -> Box<dyn OutgoingTransport> {
    registry().outgoing("odd-out", &mode("odd-out", how), Arc::clone(host)).unwrap()
}

pub fn incoming(how: &str, host: &Arc<dyn Host>) -> Box<dyn IncomingTransport> {
    registry().incoming("odd-in", &mode("odd-in", how), Arc::clone(host)).unwrap()
}

/// A host that keeps secrets and remembers what it was asked.
#[derive(Default)]
pub struct Home {
    pub heard: Mutex<Vec<String>>,
}

#[async_trait]
impl Host for Home {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        panic!("this host panics when it is to connect")
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.heard.lock().unwrap().push(format!("secret {reference}"));
        Ok("secret".into())
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        let server = &grant.endpoint;
        let token = grant.refresh_token.reference().unwrap();
        let refused = refused.unwrap().expose();
        self.heard.lock().unwrap().push(format!(
            "token {} {} {} {} {token} {refused}",
            server.host, server.port, grant.path, grant.client_id
        ));
        Ok("fresh token".into())
    }

    fn learned(&self, fact: Fact) {
        self.heard.lock().unwrap().push(format!("{fact:?}"));
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What the host's log says, of all tests in this process.
pub fn log() -> Arc<Mutex<Vec<String>>> {
    static LINES: OnceLock<Lines> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).without_time();
        subscriber.with_max_level(tracing::Level::DEBUG).init();
        lines
    });
    Arc::clone(&lines.0)
}
