//! A stateful server as the oracle: nothing is lost, nothing is deleted that was not settled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, run, run_polls};
use std::time::Duration;

#[test]
fn dropping_any_call_at_any_await_loses_nothing_and_the_next_calls_work() {
    for step in ["list", "fetch", "settle"] {
        for polls in 0.. {
            let maildrop = Maildrop::of(&["a", "b", "c"]);
            let host = maildrop.host().delivery(Delivery::OneByOne).loopback(true);
            let mut pop3 = pop3(config(TlsMode::None), &host);
            let done = match step {
                "list" => run_polls(pop3.list(&Query::all()), polls).is_some(),
                "fetch" => {
                    run_polls(async { pop3.fetch(&id("a")).await?.read_all(999).await }, polls).is_some()
                }
                _ => run_polls(pop3.settle(&[id("a")], &Settle::Delete), polls).is_some(),
            };
            run(&host, async {
                let text = pop3.fetch(&id("b")).await.unwrap().read_all(999).await.unwrap();
                assert_eq!(text, "Subject: b\r\n\r\n.body of b\r\n", "{step} {polls}");
                pop3.settle(&[id("b")], &Settle::Delete).await.unwrap();
                Box::new(pop3).close().await.unwrap();
            })
            .unwrap();
            let left = maildrop.uids();
            assert!(
                !left.contains(&"b".to_owned()) && left.contains(&"c".to_owned()),
                "{step} {polls}: {left:?}"
            );
            assert!(step == "settle" || left.contains(&"a".to_owned()), "{step} {polls}: {left:?}");
            if done {
                assert!(step != "settle" || !left.contains(&"a".to_owned()));
                assert!(polls > 50);
                break;
            }
        }
    }
}

#[test]
fn a_body_dropped_half_way_costs_the_connection_and_nothing_else() {
    let maildrop = Maildrop::of(&["a", "b"]);
    let host = maildrop.host().delivery(Delivery::OneByOne).loopback(true);
    let mut pop3 = pop3(config(TlsMode::None), &host);
    run(&host, async {
        let mut body = pop3.fetch(&id("a")).await.unwrap();
        body.chunk().await.unwrap();
        drop(body);
        assert!(pop3.fetch(&id("a")).await.unwrap().read_all(999).await.is_ok());
        Box::new(pop3).close().await.unwrap();
    })
    .unwrap();
    assert_eq!((maildrop.uids().len(), host.dials()), (2, 2));
}

#[test]
fn deletions_lost_with_a_connection_are_made_again_and_committed() {
    for cut in 0..200 {
        let maildrop = Maildrop::of(&["a", "b"]);
        let host = maildrop.host().loopback(true);
        let mut pop3 = pop3(config(TlsMode::None), &host);
        run(&host, async {
            pop3.settle(&[id("a")], &Settle::Delete).await.unwrap();
            // The connection breaks somewhere from here on, also in the middle of QUIT.
            let host = host.clone().cut_client_after(host.sent().len() + cut);
            let first = Box::new(pop3);
            let closed = first.close().await;
            host.heal();
            assert!(closed.is_err() || maildrop.uids() == ["b"], "{cut}: {closed:?}");
            if let Err(error) = closed {
                assert!(error.message().contains("1 deleted"), "{error}");
                assert_eq!(error.repeat(), Repeat::Safe);
            }
        })
        .unwrap();
    }
}

#[test]
fn a_wait_commits_polls_in_its_interval_and_finds_what_came() {
    let maildrop = Maildrop::of(&["a"]);
    let host = maildrop.host().loopback(true);
    let mut pop3 = pop3(config(TlsMode::None), &host);
    run(&host, async {
        pop3.list(&Query::all()).await.unwrap();
        pop3.settle(&[id("a")], &Settle::Delete).await.unwrap();
        assert_eq!(pop3.wait(Duration::from_secs(300)).await.unwrap(), Wake::Elapsed);
        assert_eq!(host.now(), Duration::from_secs(300));
        assert!(maildrop.uids().is_empty());
        maildrop.0.lock().unwrap().push(("n".into(), "x\r\n".into()));
        assert_eq!(pop3.wait(Duration::from_secs(300)).await.unwrap(), Wake::News);
        assert_eq!(host.now(), Duration::from_secs(360));
        assert_eq!(pop3.list(&Query::all()).await.unwrap().messages[0].id, id("n"));
    })
    .unwrap();
}

#[test]
fn pages_follow_each_other_and_what_pop3_cannot_do_is_said() {
    let maildrop = Maildrop::of(&["a", "b", "c", "d", "e"]);
    let host = maildrop.host().loopback(true);
    let mut pop3 = pop3(config(TlsMode::None), &host);
    run(&host, async {
        let mut query = Query::all().limit(2);
        let mut seen = Vec::new();
        loop {
            let page = pop3.list(&query).await.unwrap();
            seen.extend(page.messages.iter().map(|m| m.id.clone()));
            if !page.more {
                break;
            }
            query = query.after(seen.last().unwrap().clone());
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"].map(id));
        for how in [Settle::Seen, Settle::Move("x".into())] {
            assert_eq!(pop3.settle(&seen, &how).await.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        assert_eq!(pop3.list(&Query::unseen()).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(pop3.fetch(&id("zz")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(pop3.settle(&[id("zz")], &Settle::Delete).await.is_ok(), "gone already counts as settled");
        let other = MessageId::new("imap", ["a", "b", "c", "d"]);
        assert_eq!(pop3.fetch(&other).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .unwrap();
}
