//! A server that knows what it deleted as the oracle: nothing is lost, nothing is deleted that was not settled,
//! and no commit is claimed that did not happen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::server::{Quit, Store};
use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, VirtualHost, run, run_polls};
use std::time::Duration;

fn host(store: &Store) -> VirtualHost {
    let store = store.clone();
    VirtualHost::serve(move || store.boxed())
}

fn body(uidl: &str) -> String {
    format!("Subject: {uidl}\r\n\r\n.body of {uidl}\r\n")
}

#[test]
fn dropping_any_call_at_any_await_loses_nothing_and_the_next_calls_work() {
    for step in ["list", "fetch", "settle", "wait", "stat"] {
        for delivery in [Delivery::OneByOne, Delivery::Random(5)] {
            for polls in 0.. {
                let store = Store::with(&["a", "b", "c"]);
                let host = host(&store).delivery(delivery);
                let mut pop3 = pop3(config(TlsMode::Implicit), &host);
                let limit = Duration::from_secs(1);
                let done = match step {
                    "list" => run_polls(pop3.list(&Query::all()), polls).is_some(),
                    "fetch" => run_polls(text(&mut pop3, &key("a")), polls).is_some(),
                    "settle" => run_polls(pop3.settle(&[key("a")], &Settle::Delete), polls).is_some(),
                    "wait" => run_polls(pop3.wait(limit), polls).is_some(),
                    _ => run_polls(pop3.stat(), polls).is_some(),
                };
                run(&host, async {
                    assert_eq!(text(&mut pop3, &key("b")).await.unwrap(), body("b"), "{step} {polls}");
                    pop3.settle(&[key("b")], &Settle::Delete).await.unwrap();
                    Box::new(pop3).close().await.unwrap();
                })
                .unwrap();
                let left = store.uidls();
                assert!(
                    !left.contains(&"b".into()) && left.contains(&"c".into()),
                    "{step} {polls}: {left:?}"
                );
                // A settle that was dropped may have been done or not; nothing else deletes.
                assert!(step == "settle" || left.contains(&"a".into()), "{step} {polls}: {left:?}");
                assert!(step != "settle" || !done || !left.contains(&"a".into()), "{polls}");
                if done {
                    assert!(polls > 20 || delivery != Delivery::OneByOne, "{step}: {polls}");
                    break;
                }
            }
        }
    }
}

#[test]
fn dropping_close_at_any_await_deletes_all_or_nothing() {
    let mut ends = [0, 0];
    for polls in 0.. {
        let store = Store::with(&["a", "b", "c"]);
        let host = host(&store).delivery(Delivery::OneByOne);
        let mut pop3 = pop3(config(TlsMode::Implicit), &host);
        run(&host, pop3.settle(&[key("a"), key("c")], &Settle::Delete)).unwrap().unwrap();
        let done = run_polls(Box::new(pop3).close(), polls).is_some();
        let left = store.uidls();
        assert!(left == ["b"] || left == ["a", "b", "c"], "{polls}: {left:?}");
        ends[usize::from(left == ["b"])] += 1;
        if done {
            assert!(left == ["b"] && ends[0] > 0 && ends[1] > 1, "{ends:?}");
            break;
        }
    }
}

#[test]
fn the_rest_of_a_body_dropped_half_way_is_read_in_vain_if_it_is_little_and_else_costs_the_connection_alone() {
    for (size, dials) in [(10, 1), (200_000, 1), (600_000, 2)] {
        let store = Store::with(&["a", "b"]);
        let long = format!("Subject: a\r\n\r\n{}\r\n", "x".repeat(size));
        store.lock().messages[0].1 = long.clone();
        let host = host(&store).delivery(Delivery::Random(size as u64));
        let mut pop3 = pop3(config(TlsMode::Implicit), &host);
        run(&host, async {
            pop3.settle(&[key("b")], &Settle::Delete).await.unwrap();
            let mut half = pop3.fetch(&key("a")).await.unwrap();
            half.chunk().await.unwrap();
            drop(half);
            assert_eq!(text(&mut pop3, &key("a")).await.unwrap(), long);
            Box::new(pop3).close().await.unwrap();
        })
        .unwrap();
        // On a second connection the deletion was asked for again.
        assert_eq!((store.uidls(), host.dials(), store.count("DELE")), (vec!["a".to_owned()], dials, dials));
    }
}

/// Lists, reads, deletes `a` and `c` and closes, over a host with a fault; then judges what is said by what is so.
fn judged(store: &Store, host: &VirtualHost, what: &str) -> bool {
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), host));
    let told = run(host, async {
        let mut settled = 0;
        for uidl in ["a", "c"] {
            match text(&mut pop3, &key(uidl)).await {
                Ok(text) => assert_eq!(text, body(uidl), "{what}"),
                Err(_) => continue,
            }
            settled += usize::from(pop3.settle(&[key(uidl)], &Settle::Delete).await.is_ok());
        }
        (settled, pop3.close().await)
    });
    let Ok((settled, closed)) = told else { panic!("{what}: hangs") };
    let left = store.uidls();
    assert!(left.contains(&"b".into()), "{what}: {left:?}");
    let gone = 3 - left.len();
    match &closed {
        Ok(()) => assert!(gone >= settled, "{what}: {settled} settled, left {left:?}"),
        Err(error) => {
            let count = format!("{settled} deletions may not have been committed");
            assert!(error.message().starts_with(&count), "{what}: {settled} settled, {error}");
            assert_eq!(error.phase(), Phase::Close, "{what}");
        }
    }
    settled == 2 && closed.is_ok()
}

#[test]
fn wherever_the_connection_breaks_what_close_says_is_so() {
    let store = Store::with(&["a", "b", "c"]);
    let whole = host(&store);
    assert!(judged(&store, &whole, "whole"));
    let (received, sent) = (whole.received(), whole.sent().len());
    for delivery in [Delivery::Whole, Delivery::OneByOne] {
        for n in 0..=received {
            for stall in [false, true] {
                let store = Store::with(&["a", "b", "c"]);
                let host = host(&store).delivery(delivery);
                let host = if stall { host.stall_after(n) } else { host.cut_after(n) };
                let good = judged(&store, &host, &format!("{n} of {received}, stall {stall}, {delivery:?}"));
                assert_eq!(good, n == received);
            }
        }
        for n in 0..=sent {
            let store = Store::with(&["a", "b", "c"]);
            let host = host(&store).delivery(delivery).cut_client_after(n);
            assert_eq!(judged(&store, &host, &format!("client {n} of {sent}, {delivery:?}")), n == sent);
        }
    }
}

#[test]
fn a_broken_connection_that_heals_never_deletes_what_was_not_settled() {
    let store = Store::with(&["a", "b", "c"]);
    let whole = host(&store);
    judged(&store, &whole, "whole");
    for n in 0..whole.received() {
        let store = Store::with(&["a", "b", "c"]);
        let host = host(&store).cut_after(n);
        let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
        run(&host, async {
            let first = pop3.settle(&[key("c")], &Settle::Delete).await;
            host.heal();
            // What is in front is gone by the next session: numbers mean other messages there.
            store.lock().messages.remove(0);
            pop3.settle(&[key("c")], &Settle::Delete).await.unwrap();
            pop3.close().await.unwrap();
            drop(first);
        })
        .unwrap();
        assert_eq!(store.uidls(), ["b"], "{n}");
    }
}

#[test]
fn a_deletion_whose_session_was_lost_is_asked_for_again_by_uidl_and_never_by_number() {
    for how in ["close", "list", "wait"] {
        let store = Store::with(&["a", "b", "c"]);
        let host = host(&store);
        let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
        run(&host, async {
            pop3.settle(&[key("c")], &Settle::Delete).await.unwrap();
            store.lock().hang_up_at = Some(if how == "list" { "RETR" } else { "QUIT" });
            store.lock().messages.remove(0);
            if how == "list" {
                // The connection was idle when it ended: the call is made again on another.
                let error = text(&mut pop3, &key("a")).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound);
            }
            match how {
                "list" => assert_eq!(keys(&pop3.list(&Query::all()).await.unwrap()), ["b"]),
                "wait" => assert_eq!(pop3.wait(Duration::from_secs(100)).await.unwrap(), Wake::News),
                _ => {}
            }
            pop3.close().await.unwrap();
        })
        .unwrap();
        assert_eq!(store.uidls(), ["b"], "{how}");
        let deletions: Vec<String> =
            store.lock().commands.iter().filter(|c| c.starts_with("DELE")).cloned().collect();
        assert_eq!(deletions, ["DELE 3", "DELE 2"], "{how}");
    }
}

#[test]
fn whatever_becomes_of_quit_close_tells_what_may_not_be_deleted() {
    for (quit, left, said) in [
        (Quit::Commits, 1, None),
        (Quit::CommitsSilently, 1, None),
        (Quit::Dies, 1, None),
        (Quit::Refuses, 3, Some(ErrorKind::Rejected)),
        (Quit::Silent, 3, Some(ErrorKind::Timeout)),
    ] {
        let store = Store::with(&["a", "b", "c"]);
        store.lock().quit = quit;
        let host = host(&store);
        let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
        let closed = run(&host, async {
            pop3.settle(&[key("a"), key("b")], &Settle::Delete).await.unwrap();
            pop3.close().await
        })
        .unwrap();
        assert_eq!(closed.as_ref().err().map(Error::kind), said);
        // A server may take its time to rewrite a maildrop.
        assert_eq!(host.now(), Duration::from_secs(if quit == Quit::Silent { 600 } else { 0 }));
        assert_eq!(store.uidls().len(), left);
        if let Err(error) = closed {
            assert!(error.message().starts_with("2 deletions may not have been committed"), "{error}");
        }
    }
}

#[test]
fn without_lasting_keys_a_lost_session_costs_the_deletion_and_close_says_so() {
    let store = Store::with(&["a", "b"]);
    store.lock().capabilities = vec!["SASL PLAIN"];
    store.lock().no_uidl = true;
    store.lock().no_top = true;
    let host = host(&store);
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
    run(&host, async {
        let listing = pop3.list(&Query::all()).await.unwrap();
        assert!(listing.messages.iter().all(|m| !m.stable && m.id.as_str().contains("/session-")));
        let first = [listing.messages[0].id.clone()];
        pop3.settle(&first, &Settle::Delete).await.unwrap();
        store.lock().hang_up_at = Some("RETR");
        // The key of a lost session is worth nothing in the next, where its number may be another's. The connection was idle when it ended, so the call was made again on another.
        assert_eq!(text(&mut pop3, &listing.messages[1].id).await.unwrap_err().kind(), ErrorKind::NotFound);
        let error = pop3.settle(&first, &Settle::Delete).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = pop3.close().await.unwrap_err();
        assert!(error.message().starts_with("1 deletions may not have been committed"), "{error}");
    })
    .unwrap();
    assert_eq!(store.uidls(), ["a", "b"]);
}

#[test]
fn a_refused_deletion_is_told_and_the_others_are_made() {
    for pipelining in [false, true] {
        let store = Store::with(&["a", "b", "c"]);
        store.lock().refuse = Some("b");
        let host = host(&store);
        let mut config = config(TlsMode::Implicit);
        config.pipelining = Some(pipelining);
        let mut pop3 = Box::new(pop3(config, &host));
        run(&host, async {
            let all = [key("a"), key("b"), key("c")];
            let error = pop3.settle(&all, &Settle::Delete).await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Rejected, Phase::Settle));
            assert_eq!(error.reply().unwrap().code(), Some("SYS/PERM"));
            pop3.close().await.unwrap();
        })
        .unwrap();
        assert_eq!(store.uidls(), ["b"]);
    }
}

#[test]
fn rset_before_quit_takes_back_only_what_was_not_asked_for() {
    let store = Store::with(&["a", "b"]);
    let host = host(&store);
    let mut config = config(TlsMode::Implicit);
    config.rset_before_quit = true;
    let mut pop3 = Box::new(pop3(config, &host));
    run(&host, async {
        pop3.settle(&[key("a")], &Settle::Delete).await.unwrap();
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!(store.uidls(), ["b"]);
    let commands = store.lock().commands.join(" ");
    assert!(commands.ends_with("DELE 1 RSET DELE 1 QUIT"), "{commands}");
}

#[test]
fn pages_follow_each_other_and_what_pop3_can_not_do_is_said() {
    let store = Store::with(&["a", "b", "c", "d", "e"]);
    let host = host(&store);
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
    run(&host, async {
        let mut query = Query::all().limit(2);
        let mut seen = Vec::new();
        loop {
            let page = pop3.list(&query).await.unwrap();
            assert!(page.messages.len() <= 2 && page.messages.iter().all(|m| m.stable && m.size.is_some()));
            seen.extend(page.messages.iter().map(|m| m.id.clone()));
            if !page.more {
                break;
            }
            query = query.after(seen.last().unwrap().clone());
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"].map(key));
        for how in [Settle::Seen, Settle::Move("x".into())] {
            assert_eq!(pop3.settle(&seen, &how).await.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        assert_eq!(pop3.list(&Query::unseen()).await.unwrap_err().kind(), ErrorKind::Unsupported);
        pop3.settle(&seen, &Settle::Keep).await.unwrap();
        assert_eq!(pop3.fetch(&key("zz")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(pop3.settle(&[key("zz")], &Settle::Delete).await.is_ok(), "gone already counts as settled");
        for other in [MessageId::new("imap", ["a", "b"]), MessageId::new("pop3", ["you@pop.example", "a"])] {
            assert_eq!(pop3.fetch(&other).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(pop3.stat().await.unwrap().messages, 5);
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!((store.uidls().len(), host.dials()), (5, 1));
}

#[test]
fn top_shows_headers_and_a_server_without_it_is_told_apart_from_a_message_that_is_gone() {
    let store = Store::with(&["a"]);
    let host = host(&store);
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    run(&host, async {
        let headers = pop3.top(&key("a"), 0).await.unwrap().read_all(99).await.unwrap();
        assert_eq!(headers, "Subject: a\r\n\r\n");
        store.lock().no_top = true;
        store.lock().capabilities = vec!["UIDL", "SASL PLAIN"];
        store.lock().hang_up_at = Some("STAT");
        pop3.stat().await.unwrap();
        assert_eq!(pop3.top(&key("a"), 1).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(pop3.top(&key("z"), 1).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(text(&mut pop3, &key("a")).await.unwrap(), body("a"));
    })
    .unwrap();
}

#[test]
fn the_key_of_a_repeated_uidl_is_never_that_of_another_message() {
    let store = Store::with(&["x", "x"]);
    store.lock().messages[1].1 = "Subject: the other\r\n\r\nbody\r\n".into();
    let host = host(&store);
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
    run(&host, async {
        let first = pop3.list(&Query::all()).await.unwrap();
        assert!(first.messages.iter().all(|m| !m.stable));
        let ids: Vec<MessageId> = first.messages.iter().map(|m| m.id.clone()).chain([key("x")]).collect();
        for id in &ids {
            assert_eq!(text(&mut pop3, id).await.is_ok(), *id != key("x"), "{id}");
        }
        let error = pop3.settle(&[key("x")], &Settle::Delete).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::NotFound,
            "it is not known which one is meant, and both are there"
        );
        // The deletion is made and its commit not told. What is left is another message, of the same UIDL.
        store.lock().quit = Quit::CommitsSilently;
        pop3.settle(&ids[..1], &Settle::Delete).await.unwrap();
        let _ = pop3.wait(Duration::ZERO).await;
        for listed in [false, true] {
            for id in &ids[..2] {
                let error = pop3.settle(std::slice::from_ref(id), &Settle::Delete).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound, "{id}, {listed}");
            }
            pop3.list(&Query::all()).await.unwrap();
        }
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!((store.uidls(), store.count("DELE")), (vec!["x".to_owned()], 1));
}

#[test]
fn a_deletion_is_not_asked_for_again_when_its_uidl_has_come_to_mean_two_messages() {
    let store = Store::with(&["x", "y"]);
    let host = host(&store);
    let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
    run(&host, async {
        pop3.settle(&[key("x")], &Settle::Delete).await.unwrap();
        store.add("x");
        store.lock().hang_up_at = Some("RETR");
        assert!(text(&mut pop3, &key("y")).await.is_ok());
        let error = pop3.close().await.unwrap_err();
        assert!(error.message().starts_with("1 deletions may not have been committed"), "{error}");
    })
    .unwrap();
    assert_eq!((store.uidls().len(), store.count("DELE")), (3, 1));
}

#[test]
fn a_server_without_rset_ends_a_session_that_deleted_nothing_all_the_same() {
    let store = Store::with(&["a"]);
    store.lock().no_rset = true;
    let host = host(&store);
    let mut config = config(TlsMode::Implicit);
    config.rset_before_quit = true;
    let mut pop3 = Box::new(pop3(config, &host));
    run(&host, async {
        pop3.list(&Query::all()).await.unwrap();
        store.add("b");
        // Only another session sees it.
        assert_eq!(pop3.wait(Duration::from_secs(3600)).await.unwrap(), Wake::News);
        pop3.close().await.unwrap();
    })
    .unwrap();
    assert_eq!(store.uidls(), ["a", "b"]);
}
