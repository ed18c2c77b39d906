//! What a test of a host app does with it.
#![allow(missing_docs, clippy::unwrap_used)]

use bytes::Bytes;
use postrider_core::{
    Address, Body, Envelope, Error, ErrorKind, Flags, IncomingTransport, Layer, LayerKind, Outcome,
    OutgoingTransport, Phase, Properties, Query, Registry, Repeat, Reply, Settle, Verdict, Wake,
};
use postrider_memory::{Call, Memory, MemoryConfig, MemoryIncoming, MemoryOutgoing, SendFault};
use postrider_testkit::{Dialogue, VirtualHost, body, run, run_polls};
use std::sync::Arc;
use std::time::Duration;

fn host() -> VirtualHost {
    VirtualHost::play(&Dialogue::parse("S: nobody is dialled\n").unwrap())
}

fn envelope() -> Envelope {
    Envelope::parse(Some("me@example.org"), ["a@example.org", "b@example.org"]).unwrap()
}

fn reply(status: &str) -> Reply {
    Reply::new(status, None, "so says the test")
}

#[tokio::test]
async fn what_is_sent_is_seen_once() {
    let memory = Memory::new();
    memory.outgoing().send(&envelope(), "x\r\n".into()).await.unwrap();
    let sent = memory.take_sent();
    assert_eq!((sent.len(), &sent[0].envelope, &sent[0].message[..]), (1, &envelope(), &b"x\r\n"[..]));
    assert!(memory.sent().is_empty());
    let error = memory.outgoing().send(&envelope(), body::failing_after("half")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), memory.sent().len()), (ErrorKind::Body, Outcome::NotSent, 0));
}

#[tokio::test]
async fn every_outcome_can_be_had_in_order_and_then_all_is_well_again() {
    let memory = Memory::new();
    let mut out = memory.outgoing();
    for (fault, outcome, repeat, sent) in [
        (SendFault::Rejected(reply("550")), Outcome::Rejected, Repeat::Never, 0),
        (SendFault::Deferred(reply("451")), Outcome::Deferred, Repeat::Safe, 0),
        (SendFault::NotSent, Outcome::NotSent, Repeat::Safe, 0),
        (SendFault::Unsure { accepted: false }, Outcome::Unsure, Repeat::MayDuplicate, 0),
        (SendFault::Unsure { accepted: true }, Outcome::Unsure, Repeat::MayDuplicate, 1),
    ] {
        memory.next_send(fault.clone());
        let error = out.send(&envelope(), "x".into()).await.unwrap_err();
        assert_eq!(
            (error.outcome(), error.repeat(), memory.sent().len()),
            (outcome, repeat, sent),
            "{fault:?}"
        );
        assert!(error.advice().is_some());
    }
    out.send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(memory.sent().len(), 2);
    memory.next_send(SendFault::Silence);
    assert!(run_polls(out.send(&envelope(), "x".into()), 1000).is_none());
}

#[tokio::test]
async fn recipients_are_judged_one_by_one() {
    let memory = Memory::new();
    let address = |text: &str| Address::new(text).unwrap();
    memory.judge(address("a@example.org"), Verdict::Refused(reply("550")));
    let receipt = memory.outgoing().send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(receipt.failures().count(), 1);
    assert_eq!(memory.sent()[0].accepted, [address("b@example.org")]);
    memory.judge(address("b@example.org"), Verdict::Deferred(reply("450")));
    let error = memory.outgoing().send(&envelope(), "x".into()).await.unwrap_err();
    assert_eq!((error.outcome(), error.recipients().len()), (Outcome::Deferred, 2));
    memory.judge_nobody();
    assert!(memory.outgoing().send(&envelope(), "x".into()).await.unwrap().is_complete());
}

#[tokio::test]
async fn what_is_offered_is_listed_read_and_settled() {
    let memory = Memory::new();
    let mut inbox = memory.incoming(Arc::new(host()));
    let mut seen = Flags::default();
    seen.seen = true;
    let ids = [memory.deliver("one"), memory.deliver_to("inbox", "two", seen), memory.deliver("three")];
    let page = inbox.list(&Query::all().limit(2)).await.unwrap();
    assert!(page.more && page.messages[1].flags.seen);
    assert_eq!(page.messages.iter().map(|m| &m.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let rest = inbox.list(&Query::unseen().after(ids[0].clone())).await.unwrap();
    assert_eq!(rest.messages.iter().map(|m| &m.id).collect::<Vec<_>>(), [&ids[2]]);
    assert_eq!(inbox.fetch(&ids[2]).await.unwrap().read_all(9).await.unwrap(), "three");
    inbox.settle(&ids[..1], &Settle::Seen).await.unwrap();
    let nowhere = inbox.settle(&ids[1..2], &Settle::Move("Done".into())).await.unwrap_err();
    assert_eq!((nowhere.kind(), memory.mailbox("INBOX").len()), (ErrorKind::NotFound, 3));
    memory.create("Done");
    inbox.settle(&ids[1..2], &Settle::Move("Done".into())).await.unwrap();
    inbox.settle(&ids[1..], &Settle::Delete).await.unwrap();
    let left = memory.mailbox("INBOX");
    assert!(left.len() == 1 && left[0].0 == ids[0] && left[0].1.flags.seen);
    assert_eq!(memory.mailbox("Done")[0].1.message, "two");
    assert!(memory.remove(&ids[0]) && !memory.remove(&ids[0]));
    assert_eq!(inbox.fetch(&ids[0]).await.unwrap_err().kind(), ErrorKind::NotFound);
    let foreign = Memory::new().deliver("x");
    assert_eq!(inbox.fetch(&foreign).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn waiting_ends_when_a_message_is_offered_and_not_before() {
    let (memory, host) = (Memory::new(), host());
    let mut inbox = memory.incoming(Arc::new(host.clone()));
    let wakes = run(&host, async {
        inbox.list(&Query::all()).await.unwrap();
        let elapsed = inbox.wait(Duration::from_secs(60)).await.unwrap();
        memory.deliver("x");
        let news = inbox.wait(Duration::from_secs(60)).await.unwrap();
        inbox.list(&Query::all()).await.unwrap();
        (elapsed, news, inbox.wait(Duration::from_secs(60)).await.unwrap())
    });
    assert_eq!(wakes.unwrap(), (Wake::Elapsed, Wake::News, Wake::Elapsed));
}

#[tokio::test]
async fn a_message_offered_while_somebody_waits_wakes_them() {
    // Its timers never fire by themselves.
    let memory = Memory::new();
    let mut inbox = memory.incoming(Arc::new(host()));
    let offer = async {
        tokio::task::yield_now().await;
        memory.deliver("x");
    };
    let (wake, ()) = tokio::join!(inbox.wait(Duration::from_secs(3600)), offer);
    assert_eq!(wake.unwrap(), Wake::News);
}

#[tokio::test]
async fn any_call_can_fail_once_and_a_fetch_can_break() {
    let memory = Memory::new();
    let mut inbox = memory.incoming(Arc::new(host()));
    let id = memory.deliver("whole");
    let error = || Error::new(ErrorKind::Closed, Phase::List, "as the test wants");
    memory.next_error(Call::Settle, error());
    memory.next_error(Call::List, error());
    memory.cut_next_fetch(2);
    assert_eq!(inbox.list(&Query::all()).await.unwrap_err().kind(), ErrorKind::Closed);
    inbox.list(&Query::all()).await.unwrap();
    let mut body = inbox.fetch(&id).await.unwrap();
    assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from_static(b"wh")));
    assert_eq!(body.chunk().await.unwrap_err().kind(), ErrorKind::Closed);
    drop(body);
    assert_eq!(inbox.fetch(&id).await.unwrap().read_all(9).await.unwrap(), "whole");
    let ids = [id];
    assert!(inbox.settle(&ids, &Settle::Delete).await.is_err());
    assert_eq!(memory.mailbox("INBOX").len(), 1);
    inbox.settle(&ids, &Settle::Delete).await.unwrap();
}

#[tokio::test]
async fn sizes_are_bounded_both_ways() {
    let memory = Memory::new();
    let mut config = MemoryConfig::default();
    config.max_size = 3;
    let mut out = MemoryOutgoing::new(&memory, config.clone());
    let error = out.send(&envelope(), Body::from("four")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Limit, Outcome::NotSent));
    let id = memory.deliver("four");
    let mut inbox = MemoryIncoming::new(&memory, config, Arc::new(host()));
    assert_eq!(inbox.fetch(&id).await.unwrap_err().kind(), ErrorKind::Limit);
}

#[tokio::test]
async fn by_properties_a_name_leads_to_its_memory_and_to_no_other() {
    let (mine, other) = (Memory::named("mine"), Memory::named("other"));
    let layer = Layer::parse(LayerKind::Account, "test", "mail.memory.name=mine").unwrap();
    let (registry, host) = (Registry::linked().unwrap(), Arc::new(host()));
    let properties = Properties::new([layer]);
    let mut out = registry.outgoing("memory", &properties, host.clone()).unwrap();
    let mut inbox = registry.incoming("memory", &properties, host).unwrap();
    out.send(&envelope(), "x".into()).await.unwrap();
    mine.deliver("y");
    assert_eq!((mine.sent().len(), other.sent().len()), (1, 0));
    assert_eq!(inbox.list(&Query::all()).await.unwrap().messages.len(), 1);
    drop((out, inbox, mine));
    assert!(Memory::named("mine").sent().is_empty(), "a name is forgotten with its last user");
}
