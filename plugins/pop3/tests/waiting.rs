//! Waiting for news: a session sees a frozen maildrop, so each look is a session of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::server::{Quit, Store};
use common::*;
use postrider_core::*;
use postrider_testkit::{VirtualHost, run};
use std::time::Duration;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn host(store: &Store) -> VirtualHost {
    let store = store.clone();
    VirtualHost::serve(move || store.boxed())
}

#[test]
fn a_wait_commits_looks_in_its_interval_and_finds_what_came() {
    let store = Store::with(&["a"]);
    let host = host(&store);
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    run(&host, async {
        pop3.list(&Query::all()).await.unwrap();
        pop3.settle(&[key("a")], &Settle::Delete).await.unwrap();
        assert_eq!(pop3.wait(seconds(300)).await.unwrap(), Wake::Elapsed);
        assert_eq!((host.now(), host.dials()), (seconds(300), 6));
        assert!(store.uidls().is_empty());
        store.add("n");
        assert_eq!(pop3.wait(seconds(300)).await.unwrap(), Wake::News);
        assert_eq!((host.now(), host.dials()), (seconds(360), 7));
        // The session that saw it serves the listing, and what was listed is no news.
        assert_eq!(keys(&pop3.list(&Query::all()).await.unwrap()), ["n"]);
        assert_eq!(host.dials(), 7);
        assert_eq!(pop3.wait(seconds(90)).await.unwrap(), Wake::Elapsed);
    })
    .unwrap();
}

#[test]
fn what_came_between_the_last_listing_and_the_wait_is_found_by_the_first_look() {
    let store = Store::with(&["a"]);
    let host = host(&store);
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    run(&host, async {
        assert_eq!(pop3.wait(seconds(300)).await.unwrap(), Wake::News, "nothing was listed yet");
        assert_eq!(host.now(), seconds(0));
        pop3.list(&Query::all()).await.unwrap();
        store.add("b");
        assert_eq!(pop3.wait(seconds(300)).await.unwrap(), Wake::News);
        assert_eq!(host.now(), seconds(60));
    })
    .unwrap();
}

#[test]
fn a_longer_login_delay_is_respected_and_a_short_wait_leaves_the_server_alone() {
    let store = Store::with(&["a"]);
    store.lock().capabilities.push("LOGIN-DELAY 200");
    let host = host(&store);
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    run(&host, async {
        pop3.list(&Query::all()).await.unwrap();
        for end in [150, 300] {
            assert_eq!(pop3.wait(seconds(150)).await.unwrap(), Wake::Elapsed);
            assert_eq!((host.now(), host.dials()), (seconds(end), 1 + end as usize / 200));
        }
    })
    .unwrap();
}

#[test]
fn a_maildrop_in_use_is_no_error_of_a_wait_and_a_wrong_password_is() {
    let store = Store::with(&["a"]);
    let host = host(&store);
    let mut pop3 = pop3(config(TlsMode::Implicit), &host);
    run(&host, async {
        pop3.list(&Query::all()).await.unwrap();
        for words in ["[IN-USE] locked", "[LOGIN-DELAY] wait", "maildrop already locked"] {
            store.lock().locked = Some(words);
            assert_eq!(pop3.wait(seconds(180)).await.unwrap(), Wake::Elapsed);
        }
        store.lock().locked = Some("[AUTH] no");
        assert_eq!(pop3.wait(seconds(180)).await.unwrap_err().kind(), ErrorKind::Authentication);
        assert_eq!(host.dials(), 1 + 3 + 3 + 3 + 1);
    })
    .unwrap();
}

#[test]
fn a_commit_that_fails_while_waiting_is_made_again_or_told() {
    for (quit, told) in [
        (Quit::Dies, None),
        (Quit::Refuses, Some(ErrorKind::Rejected)),
        (Quit::Silent, Some(ErrorKind::Timeout)),
    ] {
        let store = Store::with(&["a", "b"]);
        let host = host(&store);
        let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
        run(&host, async {
            pop3.list(&Query::all()).await.unwrap();
            pop3.settle(&[key("a")], &Settle::Delete).await.unwrap();
            store.lock().quit = quit;
            let waited = pop3.wait(seconds(100)).await;
            assert_eq!(waited.as_ref().err().map(Error::kind), told);
            if let Err(error) = waited {
                assert!(error.message().starts_with("1 deletions may not have been committed"), "{error}");
            }
            store.lock().quit = Quit::Commits;
            pop3.close().await.unwrap();
        })
        .unwrap();
        assert_eq!(store.uidls(), ["b"], "{told:?}");
    }
}
