//! Messages that tasks put in line in the same moment go out together, and no task that is left lying holds them up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::yard::{Answer, Yard};
use common::*;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use postrider::*;
use postrider_testkit::run_polls;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Receipt>> + Send + 'a>>;

fn send<'a>(mailer: &'a Mailer, envelope: &'a Envelope, text: impl ToString) -> Sending<'a> {
    Box::pin(mailer.send(envelope, text.to_string().into_bytes().into()))
}

/// Polled once, and left lying.
fn leave(sending: &mut Sending<'_>) {
    assert!(run_polls(sending.as_mut(), 1).is_none());
}

/// Another transport that counts how often it is polled while it sends.
struct Counted(Box<dyn OutgoingTransport>, Arc<AtomicUsize>);

#[async_trait]
impl OutgoingTransport for Counted {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        self.0.send(envelope, body).await
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let mut work = self.0.send_all(batch);
        std::future::poll_fn(|cx| {
            self.1.fetch_add(1, Ordering::Relaxed);
            work.as_mut().poll(cx)
        })
        .await;
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.0.close().await
    }
}

/// A mailer over one connection, and how often its transport was polled.
fn counted(yard: &Yard) -> (Mailer, Arc<AtomicUsize>) {
    let polls = Arc::new(AtomicUsize::new(0));
    let mut config = MailerConfig::default();
    (config.connections, config.rules.allow_reserved) = (1, true);
    let (yard, counter) = (yard.clone(), polls.clone());
    let make = move || Ok(Box::new(Counted(yard.transport(), counter.clone())) as Box<dyn OutgoingTransport>);
    (Mailer::new("yard", &config, Arc::new(Clock::default()), make).unwrap(), polls)
}

#[tokio::test]
async fn messages_of_many_tasks_go_out_by_few_polls_of_their_connection() {
    let yard = Yard::new(100);
    let (mailer, polls) = counted(&yard);
    let envelope = envelope();
    let mut sends: FuturesUnordered<_> = (0..64).map(|n| send(&mailer, &envelope, n)).collect();
    std::future::poll_fn(|cx| {
        assert!(sends.poll_next_unpin(cx).is_pending());
        if yard.taken().len() < 64 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let all: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    assert_eq!(yard.taken(), all, "in the order they came");
    // One for the first; one for each 32 of the others, or a few more.
    assert!(polls.load(Ordering::Relaxed) <= 6, "{polls:?}");
    yard.always(Answer::Yes);
    while let Some(outcome) = in_time(sends.next()).await {
        outcome.unwrap();
    }
    assert!(polls.load(Ordering::Relaxed) <= 16, "{polls:?}");
    assert_eq!(yard.seen().dials, 1);
}

#[tokio::test]
async fn two_that_are_left_lying_one_after_the_other_do_not_hold_up_the_next() {
    for lying in 1..=3 {
        let yard = Yard::new(100);
        let mailer = yard.mailer("mail.mailer.connections=1");
        let envelope = envelope();
        let mut left: Vec<_> = (0..lying).map(|n| send(&mailer, &envelope, n)).collect();
        left.iter_mut().for_each(leave);
        // The first has opened the connection, and the second has been woken to poll it.
        assert_eq!(yard.taken(), ["0"]);
        yard.always(Answer::Yes);
        in_time(send(&mailer, &envelope, "next")).await.unwrap();
        for sending in left {
            in_time(sending).await.unwrap();
        }
        assert_eq!((yard.taken().len(), yard.seen().dials), (lying + 1, 1));
    }
}

#[tokio::test]
async fn however_many_are_left_lying_a_few_more_sends_bring_all_on_their_way() {
    for lying in 4..80 {
        let yard = Yard::new(200);
        let mailer = yard.mailer("mail.mailer.connections=1");
        let envelope = envelope();
        let mut left: Vec<_> = (0..lying).map(|n| send(&mailer, &envelope, n)).collect();
        left.iter_mut().for_each(leave);
        let more = (0..33).map(|n| send(&mailer, &envelope, format!("more {n}")));
        yard.always(Answer::Yes);
        for outcome in in_time(futures_util::future::join_all(more)).await {
            outcome.unwrap();
        }
        assert_eq!((yard.taken().len(), yard.seen().dials), (lying + 33, 1), "{lying}");
    }
}

#[tokio::test]
async fn a_connection_whose_only_message_is_given_up_goes_on_with_one_that_it_was_told_of() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=1");
    let envelope = envelope();
    let (mut first, mut second) = (send(&mailer, &envelope, "first"), send(&mailer, &envelope, "second"));
    leave(&mut first);
    leave(&mut second);
    assert_eq!(yard.taken(), ["first"]);
    drop(first);
    assert_eq!(yard.seen().open, 1);
    yard.always(Answer::Yes);
    in_time(second).await.unwrap();
    assert_eq!((yard.taken().len(), yard.seen().dials), (2, 1));
}

#[tokio::test]
async fn a_connection_is_cut_when_all_are_given_up_that_it_was_told_of_in_whatever_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let yard = Yard::new(8);
        let mailer = yard.mailer("mail.mailer.connections=1");
        let envelope = envelope();
        let mut sends: Vec<Option<_>> = (0..3).map(|n| Some(send(&mailer, &envelope, n))).collect();
        sends.iter_mut().flatten().for_each(leave);
        assert_eq!(yard.taken(), ["0"]);
        for n in order {
            assert_eq!(yard.seen().open, 1, "{order:?}");
            sends[n] = None;
        }
        assert_eq!(yard.seen().open, 0, "{order:?}");
        yard.always(Answer::Yes);
        in_time(send(&mailer, &envelope, "next")).await.unwrap();
        assert_eq!((yard.taken(), yard.seen().dials), (vec!["0".to_owned(), "next".to_owned()], 2));
    }
}

#[tokio::test]
async fn growat_counts_the_messages_that_a_connection_was_told_of() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("mail.mailer.connections=3\nmail.mailer.growat=3");
    let envelope = envelope();
    let mut sends: Vec<_> = (0..8).map(|n| send(&mailer, &envelope, n)).collect();
    for (sending, opened) in sends.iter_mut().zip([1, 1, 1, 2, 2, 2, 3, 3]) {
        leave(sending);
        assert_eq!(yard.seen().dials, opened);
    }
    yard.always(Answer::Yes);
    for outcome in in_time(futures_util::future::join_all(sends)).await {
        outcome.unwrap();
    }
    assert_eq!((yard.seen().dials, yard.taken().len()), (3, 8));
}

/// The future of a send is moved about and allocated for each message: larger ones than 1 KiB are none that allocators
/// keep at hand.
#[test]
fn what_a_task_holds_while_it_sends_is_small() {
    let yard = Yard::new(8);
    let mailer = yard.mailer("");
    let envelope = envelope();
    let size = size_of_val(&mailer.send(&envelope, Body::from_bytes("x")));
    assert!(size <= 320, "{size}");
}
