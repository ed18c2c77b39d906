//! What reads replies, responses and bodies, and what writes bodies, without sockets.

mod servers;

use bench_common::message;
use bench_parsers::Memory;
use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use postrider_core::{
    Body, Envelope, IncomingTransport, MessageId, Messages, OutgoingTransport, Query, Target, TlsMode,
};
use postrider_wire::Login;
use postrider_wire::dot::{Encoder, LineEnds};
use servers::{ImapServer, Pop3Server, SmtpServer};
use std::sync::Arc;
use tokio::runtime::Runtime;

const MANY: usize = 1_000;

fn target() -> Target {
    Target::new("localhost", 1, TlsMode::None).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// A thousand messages a time over a connection that stays: mostly replies.
fn smtp(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("smtp, 1,000 messages and their replies");
    group.throughput(Throughput::Elements(MANY as u64));
    for (name, size) in [("64 bytes", 64), ("4 KiB", 4096)] {
        let config = postrider_smtp::SmtpConfig::new(target(), Login::none(&target()));
        let mut smtp = postrider_smtp::Smtp::new(config, Arc::new(Memory(SmtpServer::default)));
        let envelope = Envelope::parse(Some("sender@example.test"), ["u001@example.test"]).unwrap();
        let body = Bytes::from(message(size));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let all = (0..MANY).map(|_| (envelope.clone(), Body::from_bytes(body.clone()))).collect();
                let mut batch = Messages::new(all);
                runtime.block_on(smtp.send_all(&mut batch));
                assert!(batch.outcomes().iter().all(Result::is_ok));
            });
        });
    }
}

async fn bodies(transport: &mut dyn IncomingTransport, ids: &[MessageId]) -> usize {
    transport.prefetch(ids);
    let mut bytes = 0;
    for id in ids {
        let mut body = transport.fetch(id).await.unwrap();
        while let Some(chunk) = body.chunk().await.unwrap() {
            bytes += chunk.len();
        }
    }
    bytes
}

fn receive(criterion: &mut Criterion, name: &str, mut transport: Box<dyn IncomingTransport>, size: usize) {
    let runtime = runtime();
    let listing = runtime.block_on(transport.list(&Query::all())).unwrap();
    let ids: Vec<MessageId> = listing.messages.into_iter().map(|message| message.id).collect();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes((ids.len() * size) as u64));
    group.bench_function("fetch", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(bodies(&mut *transport, &ids)), ids.len() * size));
    });
    group.bench_function("list", |bencher| {
        bencher.iter(|| runtime.block_on(transport.list(&Query::all())).unwrap().messages.len());
    });
}

fn imap(criterion: &mut Criterion) {
    for (name, count, size) in [("imap, 1,000 of 4 KiB", MANY, 4096), ("imap, 4 of 5 MiB", 4, 5 << 20)] {
        let body = Bytes::from(message(size));
        let config = postrider_imap::ImapConfig::new(target(), Login::password(&target(), "u", "p"));
        let host = Arc::new(Memory(move || ImapServer { count, body: body.clone() }));
        receive(criterion, name, Box::new(postrider_imap::Imap::new(config, host)), size);
    }
}

fn pop3(criterion: &mut Criterion) {
    for (name, count, size) in [("pop3, 1,000 of 4 KiB", MANY, 4096), ("pop3, 4 of 5 MiB", 4, 5 << 20)] {
        let body = Bytes::from(message(size));
        let config = postrider_pop3::Pop3Config::new(target(), Login::password(&target(), "u", "p"));
        let host = Arc::new(Memory(move || Pop3Server::new(count, &body)));
        receive(criterion, name, Box::new(postrider_pop3::Pop3::new(config, host)), size);
    }
}

fn dots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dots, 1 MiB");
    let body = message(1 << 20);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("stuff", |bencher| {
        let mut out = BytesMut::with_capacity(2 << 20);
        bencher.iter(|| {
            out.clear();
            Encoder::new(LineEnds::Normalise).encode(&body, &mut out).unwrap();
            out.len()
        });
    });
}

criterion_group!(benches, smtp, imap, pop3, dots);
criterion_main!(benches);
