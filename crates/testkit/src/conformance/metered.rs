//! A host that counts the bytes that go over its connections.

use crate::quirk::{Line, Quirk};
use postrider_core::{Connection, Host, Result, Secret, SecretRef, Target, TokenGrant, async_trait};
use std::future::Future;
use std::io::Result as IoResult;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

/// Lends what another host lends and counts the bytes: for benches over real sockets, which need it to tell
/// [`taken`](super::OutgoingBench::taken) and [`given`](super::IncomingBench::given). Clones count together.
#[derive(Clone)]
pub struct Metered {
    host: Arc<dyn Host>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Metered {
    /// Counts what goes over the connections of this host.
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { host, count: Arc::default() }
    }

    /// How many bytes the transport has written, over all connections.
    pub fn sent(&self) -> u64 {
        self.count.sent.load(Ordering::Relaxed)
    }

    /// How many bytes the transport has read, over all connections.
    pub fn received(&self) -> u64 {
        self.count.received.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Host for Metered {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let line = self.host.connect(target).await?;
        Ok(Box::new(Line { line, quirk: Counted(Arc::clone(&self.count)) }))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.host.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        self.host.secret(reference).await
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret> {
        self.host.access_token(grant, refused).await
    }
}

/// Counts what has gone over a line.
struct Counted(Arc<Count>);

impl Quirk for Counted {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<IoResult<()>> {
        let before = out.filled().len();
        let read = ready!(Pin::new(line).poll_read(cx, out));
        self.0.received.fetch_add((out.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(read)
    }

    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<IoResult<usize>> {
        let written = ready!(Pin::new(line).poll_write(cx, bytes))?;
        self.0.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }
}
