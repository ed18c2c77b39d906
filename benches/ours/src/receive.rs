//! What receiving is, whatever the protocol.

use crate::{Done, Result};
use bench_common::peak_kib;
use postrider::{IncomingTransport, MessageId, Query};

/// The keys of the first messages.
pub async fn keys(transport: &mut dyn IncomingTransport, most: u64) -> Result<Vec<MessageId>> {
    let mut ids: Vec<MessageId> = Vec::new();
    loop {
        let mut query = Query::all().limit((most as usize - ids.len()).min(10_000));
        query.after = ids.last().cloned();
        let page = transport.list(&query).await?;
        ids.extend(page.messages.into_iter().map(|message| message.id));
        if !page.more || ids.len() as u64 >= most {
            return Ok(ids);
        }
    }
}

/// Reads them all, chunk by chunk, and keeps nothing.
pub async fn bodies(transport: &mut dyn IncomingTransport, ids: &[MessageId]) -> Result<Done> {
    let mut done = Done { idle_kib: peak_kib(), ..Done::default() };
    transport.prefetch(ids);
    for id in ids {
        let mut body = transport.fetch(id).await?;
        while let Some(chunk) = body.chunk().await? {
            done.bytes += chunk.len() as u64;
        }
        done.messages += 1;
    }
    Ok(done)
}
