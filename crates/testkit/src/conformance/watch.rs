//! A host that counts what is asked of it.

use postrider_core::{Connection, Host, Result, Secret, SecretRef, Target, TokenGrant, async_trait};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Passes everything on and counts dials, timers and look-ups.
pub(super) struct Watch {
    pub(super) host: Arc<dyn Host>,
    pub(super) asked: Arc<AtomicUsize>,
}

impl Watch {
    fn note(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Host for Watch {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        self.note();
        self.host.connect(target).await
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.note();
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.note();
        self.host.secret(reference).await
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        self.note();
        self.host.access_token(grant, refused).await
    }
}
