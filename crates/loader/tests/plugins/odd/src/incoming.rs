use crate::{Dropped, Settings, full, settings};
use bytes::Bytes;
use postrider_core::{
    Body, Host, IncomingTransport, Listing, MessageId, MessageInfo, Properties, Query, Result, Settle, Wake,
    async_trait,
};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Odd(settings(properties, host)?, 0)))
}

struct Odd(Settings, usize);

#[async_trait]
impl IncomingTransport for Odd {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        self.1 += 1;
        let mut info = MessageInfo::new(MessageId::new("odd", ["box", "1"]));
        info.size = Some(self.1 as u64);
        info.flags.seen = query.unseen;
        info.flags.keywords = vec![format!("{} {:?}", query.limit, query.after)];
        info.stable = false;
        Ok(Listing::new(vec![info], true))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let mode = self.0.mode.clone();
        match mode.as_str() {
            "error" => return Err(full()),
            "panic-fetch" => panic!("in fetch of {id}"),
            _ => {}
        }
        // 64 MiB in chunks of 64 KiB, from a state that borrows the transport.
        let state = (&mut self.1, Dropped(false), 0);
        let body = Body::generate(state, move |(calls, dropped, number): (&mut usize, _, u64)| {
            let mode = mode.clone();
            async move {
                match (mode.as_str(), number) {
                    ("body-error", 3) => return Err(full()),
                    ("body-panic", 3) => panic!("in the body"),
                    (_, 1_024) => return Ok(None),
                    _ => {}
                }
                *calls += 1;
                Ok(Some((Bytes::from(vec![number as u8; 65_536]), (calls, dropped, number + 1))))
            }
        });
        Ok(body.with_size(64 << 20))
    }

    fn prefetch(&mut self, ids: &[MessageId]) {
        tracing::warn!("hinted {ids:?}");
        if self.0.mode == "panic-hint" {
            panic!("in prefetch of {}", ids.len());
        }
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        tracing::warn!("settled {ids:?} {how:?}");
        if matches!(how, Settle::Delete) { Err(full()) } else { Ok(()) }
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        if limit.is_zero() {
            return Ok(Wake::News);
        }
        self.0.host.sleep(limit).await;
        Ok(Wake::Elapsed)
    }

    async fn connect(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Err(full())
    }
}
