//! Faults at every byte and every await, judged by a server that knows what is in its mailbox.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::server::{Store, text};
use common::*;
use postrider_core::*;
use postrider_imap::Imap;
use postrider_testkit::{Delivery, VirtualHost, run, run_polls};
use std::pin::Pin;
use std::time::Duration;

const NEW: &str = "SASL-IR UIDPLUS MOVE IDLE LITERAL+";
const OLD: &str = "SASL-IR";
const SMALL: &str = "Subject: appended\r\n\r\nx\r\n";

type Call = for<'a> fn(&'a mut Imap) -> Pin<Box<dyn Future<Output = Result<String>> + 'a>>;

/// Every call there is, and what it gives when all goes well.
const CALLS: [(&str, Call); 8] = [
    ("list", |i| Box::pin(async { Ok(uids(&i.list(&Query::all()).await?)) })),
    ("fetch", |i| Box::pin(async { read(i, &key(9)).await })),
    ("seen", |i| Box::pin(async { i.settle(&[key(9)], &Settle::Seen).await.map(|()| String::new()) })),
    ("delete", |i| Box::pin(async { i.settle(&[key(9)], &Settle::Delete).await.map(|()| String::new()) })),
    ("move", |i| {
        Box::pin(async { i.settle(&[key(9)], &Settle::Move("Archive".into())).await.map(|()| String::new()) })
    }),
    ("wait", |i| Box::pin(async { Ok(format!("{:?}", i.wait(Duration::from_secs(5)).await?)) })),
    ("append", |i| {
        Box::pin(async {
            Ok(i.append("Archive", &Flags::default(), SMALL.into()).await?.unwrap().to_string())
        })
    }),
    ("capabilities", |i| Box::pin(async { Ok(i.connect().await?.iter().count().to_string()) })),
];

/// What a call may have done to the mailbox, whether it succeeded or not: no message is lost, and none but 9 is
/// touched.
fn assert_sane(store: &Store, name: &str, done: bool, what: &str) {
    let mail = store.mail();
    assert!(mail.inbox.contains_key(&4) && mail.inbox.contains_key(&10), "{what}: others are gone");
    for uid in [4, 10] {
        assert!(mail.inbox[&uid].0.is_empty(), "{what}: others are marked");
    }
    let there = mail.inbox.contains_key(&9);
    match name {
        "delete" => assert!(!(done && there), "{what}: done, and still there"),
        "move" => {
            assert!(there || mail.archive.contains(&text(9)), "{what}: lost");
            assert!(!done || (!there && mail.archive.len() == 1), "{what}: done, and yet {:?}", mail.archive);
        }
        _ => assert!(there && mail.archive.is_empty(), "{what}: {name} removed something"),
    }
    assert!(mail.appended.iter().all(|t| t == SMALL), "{what}: half a message was stored");
    assert!(
        !done || name != "append" || mail.appended.len() == 1,
        "{what}: stored {} times",
        mail.appended.len()
    );
}

/// After the fault: everything works, and the mailbox is as it should be.
fn assert_works(host: &VirtualHost, imap: &mut Imap, store: &Store, what: &str) {
    host.heal();
    let there: Vec<String> = store.mail().inbox.keys().map(u32::to_string).collect();
    let Ok(listed) = run(host, imap.list(&Query::all())) else { panic!("{what}: the call after it hangs") };
    assert_eq!(uids(&listed.unwrap()), there.join(","), "{what}");
    assert_eq!(run(host, read(imap, &key(4))).unwrap().unwrap(), text(4), "{what}");
}

/// Runs each call under each fault; `fault` sets it up for the n-th byte, `total` says how many there are.
fn sweep(fault: impl Fn(VirtualHost, usize) -> VirtualHost, total: impl Fn(&VirtualHost) -> usize) {
    for capabilities in [NEW, OLD] {
        for (name, call) in CALLS {
            let store = Store::new(capabilities);
            let host = store.host();
            let mut imap = imap(pipelined(TlsMode::Implicit), &host);
            let good = run(&host, call(&mut imap)).unwrap().unwrap();
            assert_sane(&store, name, true, name);
            for n in 0..total(&host) {
                // However the bytes come is the dialogues' business; here it changes where the awaits are.
                let delivery = if n % 2 == 0 { Delivery::Whole } else { Delivery::OneByOne };
                let what = format!("{name}, {n}, {delivery:?}, {capabilities}");
                let store = Store::new(capabilities);
                let host = fault(store.host().delivery(delivery), n);
                let mut imap = self::common::imap(pipelined(TlsMode::Implicit), &host);
                let Ok(outcome) = run(&host, call(&mut imap)) else { panic!("{what}: hangs") };
                match &outcome {
                    Ok(seen) => assert_eq!(*seen, good, "{what}"),
                    Err(e) => assert!(
                        matches!(e.kind(), ErrorKind::Closed | ErrorKind::Timeout | ErrorKind::Unsure),
                        "{what}: {e:?}"
                    ),
                }
                assert_sane(&store, name, outcome.is_ok(), &what);
                assert_works(&host, &mut imap, &store, &what);
            }
        }
    }
}

#[test]
fn wherever_the_server_is_cut_the_mailbox_is_sane_and_the_next_call_works() {
    sweep(|host, n| host.cut_after(n), VirtualHost::received);
}

#[test]
fn wherever_the_server_falls_silent_a_deadline_ends_the_call_and_the_next_one_works() {
    sweep(|host, n| host.stall_after(n), VirtualHost::received);
}

#[test]
fn wherever_the_client_is_cut_the_mailbox_is_sane_and_the_next_call_works() {
    sweep(|host, n| host.cut_client_after(n), |host| host.sent().len());
}

#[test]
fn a_call_dropped_at_any_await_costs_the_connection_and_no_message() {
    for capabilities in [NEW, OLD] {
        for (name, call) in CALLS {
            for polls in 0.. {
                let what = format!("{name} dropped after {polls} polls, {capabilities}");
                let store = Store::new(capabilities);
                let host = store.host().delivery(Delivery::OneByOne);
                let mut imap = imap(pipelined(TlsMode::Implicit), &host);
                let outcome = run_polls(call(&mut imap), polls);
                assert_sane(&store, name, matches!(outcome, Some(Ok(_))), &what);
                assert_works(&host, &mut imap, &store, &what);
                if let Some(outcome) = outcome {
                    outcome.unwrap();
                    assert!(polls > 50, "the sweep saw only {polls} polls");
                    break;
                }
                // A wait that polls never ends while time stands still.
                if name == "wait" && polls > 2_000 {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_body_dropped_after_any_chunk_costs_the_connection_and_no_message() {
    let long = text(9).len();
    for chunks in 0..=long {
        let store = Store::new(NEW);
        let host = store.host().delivery(Delivery::OneByOne);
        let mut imap = imap(pipelined(TlsMode::Implicit), &host);
        run(&host, async {
            let mut body = imap.fetch(&key(9)).await.unwrap();
            for _ in 0..chunks {
                assert!(body.chunk().await.unwrap().is_some());
            }
        })
        .unwrap();
        assert_works(&host, &mut imap, &store, &format!("after {chunks} chunks"));
        // Even if all bytes were there, nobody has seen the server's OK.
        assert_eq!(host.dials(), 2);
    }
}
