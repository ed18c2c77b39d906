//! The host that a transport under examination gets: it looks at the server first, and notes what happens.

use crate::doctor::look;
use crate::doctor::observed::Observed;
use crate::doctor::seen::Notebook;
use crate::doctor::spoken::Spoken;
use postrider_core::{Connection, Fact, Host, Result, Secret, SecretRef, Target, TokenGrant, async_trait};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Observer {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) notes: Arc<Notebook>,
    /// What the server should speak, where that is known.
    pub(crate) expected: Option<Spoken>,
    /// Longest time for each look.
    pub(crate) patience: Duration,
}

#[async_trait]
impl Host for Observer {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let first = {
            let mut seen = self.notes.open();
            seen.progress += 1;
            seen.target.replace(target.clone()).is_none()
        };
        // A transport that dials again is not held up: what there is to be seen has been seen.
        if first {
            look::at(self, target).await?;
        }
        let connection = self.host.connect(target).await?;
        let loopback = connection.is_loopback();
        self.notes.write(|seen| {
            seen.connected = true;
            seen.loopback = loopback;
        });
        Ok(Box::new(Observed::new(connection, Arc::clone(&self.notes))))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        self.host.resolve(target).await
    }

    async fn connect_to(&self, target: &Target, address: SocketAddr) -> Result<Box<dyn Connection>> {
        self.host.connect_to(target, address).await
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        let secret = self.host.secret(reference).await?;
        self.notes.write(|seen| seen.secrets.push(secret.clone()));
        Ok(secret)
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        let token = self.host.access_token(grant, refused).await?;
        self.notes.write(|seen| seen.secrets.push(token.clone()));
        Ok(token)
    }

    fn learned(&self, fact: Fact) {
        self.notes.write(|seen| match fact.clone() {
            Fact::Capabilities(words) => seen.capabilities = Some(words),
            Fact::Mechanisms(words) => seen.mechanisms = Some(words),
            Fact::SigningIn(method) => seen.method = Some(method),
            _ => {}
        });
        self.host.learned(fact);
    }
}
