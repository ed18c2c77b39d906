//! Recorded dialogues: however the bytes are delivered, and wherever they are cut.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::*;
use postrider_core::*;
use postrider_pop3::Pop3Config;
use postrider_testkit::{VirtualHost, run, secrets, sweep};
use std::future::Future;
use std::pin::Pin;

type Work = Pin<Box<dyn Future<Output = Told>>>;

/// All that a host learns from emptying a maildrop.
#[derive(Debug, PartialEq, Default)]
struct Told {
    keys: Vec<String>,
    texts: Vec<String>,
    settled: bool,
    closed: bool,
    errors: Vec<String>,
}

/// Lists, reads and deletes what there is (or reads only), and closes.
fn empty(config: Pop3Config, delete: bool) -> impl Fn(VirtualHost) -> Work {
    move |host| {
        let config = config.clone();
        Box::pin(async move {
            let mut told = Told::default();
            let mut pop3 = Box::new(pop3(config, &host));
            match pop3.list(&Query::all()).await {
                Ok(listing) => {
                    assert!(!listing.more);
                    told.keys = keys(&listing).into_iter().map(str::to_owned).collect();
                    for message in &listing.messages {
                        match text(&mut pop3, &message.id).await {
                            Ok(text) => told.texts.push(text),
                            Err(error) => told.errors.push(format!("{error} {error:?}")),
                        }
                    }
                    if delete && told.texts.len() == told.keys.len() {
                        let ids: Vec<MessageId> = listing.messages.into_iter().map(|m| m.id).collect();
                        match pop3.settle(&ids, &Settle::Delete).await {
                            Ok(()) => told.settled = true,
                            Err(error) => told.errors.push(format!("{error} {error:?}")),
                        }
                    }
                }
                Err(error) => told.errors.push(format!("{error} {error:?}")),
            }
            match pop3.close().await {
                Ok(()) => told.closed = true,
                Err(error) => told.errors.push(format!("{error} {error:?}")),
            }
            told
        })
    }
}

#[test]
fn a_maildrop_is_read_and_emptied_however_bytes_arrive() {
    let told = sweep::deliveries(&dialogue("plain"), &empty(config(TlsMode::Implicit), true));
    assert_eq!(told.keys, ["aaa", "b%2F%25b"]);
    assert_eq!(told.texts, [ONE, TWO]);
    assert!(told.settled && told.closed && told.errors.is_empty(), "{told:?}");
}

#[test]
fn a_cut_anywhere_hands_over_whole_messages_only_and_never_claims_a_commit_that_was_not_confirmed() {
    let dialogue = dialogue("plain");
    let commit = "+OK bye\r\n".len();
    sweep::cuts(&dialogue, &empty(config(TlsMode::Implicit), true), |n, total, told| {
        assert!(told.texts.iter().all(|t| t == ONE || t == TWO), "{n}: {told:?}");
        assert!(!told.settled || told.texts.len() == 2, "{n}: {told:?}");
        let confirmed = n == total;
        assert_eq!(told.settled && told.closed, confirmed, "{n} of {total}: {told:?}");
        // Both were accepted before the last reply, so both are reported.
        if told.settled && !confirmed {
            assert!(told.errors.last().unwrap().contains("2 deletions may not have been"), "{n}: {told:?}");
            assert!(n >= total - commit - 1, "{n}: {told:?}");
        }
        secrets::assert_absent(&format!("{told:?}"), &[SECRET]);
    });
    sweep::client_cuts(&dialogue, &empty(config(TlsMode::Implicit), true), |n, total, told| {
        assert!(told.texts.iter().all(|t| t == ONE || t == TWO), "{n}: {told:?}");
        assert_eq!(told.settled && told.closed, n == total, "{n} of {total}: {told:?}");
    });
}

#[test]
fn stls_comes_before_anything_secret_and_only_what_is_offered_inside_counts() {
    let work = empty(config(TlsMode::StartTls), false);
    let told = sweep::deliveries(&dialogue("stls"), &work);
    assert_eq!((told.texts, told.errors), (vec![TWO.to_owned()], vec![]));
    let host = VirtualHost::play(&dialogue("stls"));
    run(&host, work(host.clone())).unwrap();
    assert_eq!(host.sent_in_clear(), b"CAPA\r\nSTLS\r\n");
    sweep::cuts(&dialogue("stls"), &work, |n, _, told| {
        assert!(told.closed && told.texts.iter().all(|t| t == TWO), "{n}: {told:?}");
    });
}

#[test]
fn a_server_of_1996_is_read_by_keys_from_headers() {
    let told =
        sweep::deliveries(&dialogue("old"), &|host: VirtualHost| -> Pin<Box<dyn Future<Output = _>>> {
            Box::pin(async move {
                let mut pop3 = Box::new(pop3(config(TlsMode::Implicit), &host));
                let listing = pop3.list(&Query::all()).await.unwrap();
                let text = text(&mut pop3, &listing.messages[1].id).await.unwrap();
                pop3.close().await.unwrap();
                (listing, text)
            })
        });
    let (listing, text) = told;
    let keys = keys(&listing);
    assert!(keys[0].starts_with("top-") && keys[1] == format!("{}~2", keys[0]) && keys[2] != keys[0]);
    assert!(listing.messages.iter().all(|m| !m.stable));
    assert_eq!(text, TWO);
}

#[test]
fn a_refused_token_is_told_with_the_servers_reasons_and_without_the_token() {
    let mut config = config(TlsMode::Implicit);
    config.login = postrider_wire::Login::token(&config.target, "me", "ya29.hunter2secret");
    config.xoauth2_two_lines = true;
    let told = sweep::deliveries(&dialogue("xoauth2"), &empty(config.clone(), false));
    let error = &told.errors[0];
    assert!(error.contains("Authentication") && error.contains("400") && error.contains("***"), "{error}");
    secrets::assert_absent(error, &["ya29.hunter2secret"]);
    sweep::cuts(&dialogue("xoauth2"), &empty(config, false), |_, _, told| assert!(told.keys.is_empty()));
}

#[test]
fn apop_signs_in_where_it_is_enabled() {
    let stat =
        sweep::deliveries(&dialogue("apop"), &|host: VirtualHost| -> Pin<Box<dyn Future<Output = _>>> {
            Box::pin(async move {
                let mut config = config(TlsMode::Implicit);
                config.apop = true;
                let mut pop3 = Box::new(pop3(config, &host));
                let stat = pop3.stat().await.unwrap();
                pop3.close().await.unwrap();
                (stat.messages, stat.octets)
            })
        });
    assert_eq!(stat, (7, 1234));
}

#[test]
fn a_body_is_handed_over_byte_for_byte_and_only_what_was_settled_is_deleted() {
    let work = |host: VirtualHost| -> Pin<Box<dyn Future<Output = Result<String>>>> {
        Box::pin(async move {
            let mut pop3 = Box::new(pop3(config(TlsMode::StartTls), &host));
            let text = text(&mut pop3, &key("aaa")).await?;
            pop3.settle(&[key("aaa")], &Settle::Delete).await?;
            pop3.close().await?;
            Ok(text)
        })
    };
    let told = sweep::deliveries(&dialogue("session"), &|host| {
        let work = work(host);
        Box::pin(async { work.await.unwrap() })
    });
    assert_eq!(told, "Subject: x\r\n\r\n.dot\r\n\r\nbare\nlf\r\n");
    sweep::cuts(&dialogue("session"), &work, |n, total, told| {
        assert_eq!(told.is_ok(), n == total, "{n} of {total}: {told:?}");
    });
}
