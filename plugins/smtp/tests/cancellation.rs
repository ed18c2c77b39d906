//! Dropping a call costs at most the connection, never a message, and never sends one twice.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::server::{Accepted, Server};
use common::*;
use postrider_core::*;
use postrider_testkit::{Delivery, VirtualHost, body, run, run_polls};

#[test]
fn a_send_dropped_at_any_await_leaves_a_transport_that_works_and_never_a_second_copy() {
    let mut after_data = 0;
    for polls in 0.. {
        let accepted = Accepted::default();
        let oracle = accepted.clone();
        let host = VirtualHost::serve(move || Server::boxed(&oracle)).delivery(Delivery::OneByOne);
        let mut smtp = smtp(anonymous(TlsMode::None), &host);
        let one = run_polls(smtp.send(&to(&["a@x.example"]), "Subject: one\r\n\r\n".into()), polls);
        let between = accepted.list().len();
        let two = run(&host, smtp.send(&to(&["b@x.example"]), "Subject: two\r\n\r\n".into())).unwrap();
        assert!(two.is_ok(), "after {polls} polls: {two:?}");
        let list = accepted.list();
        let count = |what: &str| list.iter().filter(|m| m.contains(what)).count();
        assert_eq!((count("one"), count("two")), (between, 1), "after {polls} polls");
        assert!(list.iter().all(|m| m.ends_with("\r\n\r\n")), "half a message after {polls} polls: {list:?}");
        after_data += usize::from(one.is_none() && between == 1);
        if one.is_some() {
            assert!(
                polls > 60 && after_data > 0,
                "the sweep saw {polls} polls, {after_data} of them after the data"
            );
            break;
        }
    }
}

#[test]
fn a_body_that_fails_half_way_is_not_sent_and_the_next_message_is() {
    let accepted = Accepted::default();
    let oracle = accepted.clone();
    let host = VirtualHost::serve(move || Server::boxed(&oracle));
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    run(&host, async {
        let failed = smtp.send(&to(&["a@x.example"]), body::failing_after("Subject: one\r\n\r\nhalf")).await;
        let error = failed.unwrap_err();
        assert_eq!(
            (error.outcome(), error.kind(), error.repeat()),
            (Outcome::NotSent, ErrorKind::Body, Repeat::Safe)
        );
        let short = Body::from_bytes("Subject: short\r\n").with_size(100);
        assert_eq!(smtp.send(&to(&["a@x.example"]), short).await.unwrap_err().outcome(), Outcome::NotSent);
        smtp.send(&to(&["a@x.example"]), "Subject: two\r\n".into()).await.unwrap();
    })
    .unwrap();
    assert_eq!(accepted.list(), ["Subject: two\r\n"]);
}

#[test]
fn ten_messages_go_over_one_connection() {
    let accepted = Accepted::default();
    let oracle = accepted.clone();
    let host = VirtualHost::serve(move || Server::boxed(&oracle)).delivery(Delivery::Random(7));
    let mut smtp = smtp(anonymous(TlsMode::None), &host);
    let ten = (0..10).map(|i| (to(&["a@x.example"]), Body::from_bytes(format!("Subject: {i}\r\n"))));
    let mut batch = Messages::new(ten.collect());
    run(&host, smtp.send_all(&mut batch)).unwrap();
    assert!(batch.outcomes().iter().all(Result::is_ok));
    assert_eq!((accepted.list().len(), host.dials()), (10, 1));
}
