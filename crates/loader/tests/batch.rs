//! Batches through a loaded transport: taken one by one, told one by one, and what a plugin can do wrong with them.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod build;
mod odd;

use odd::{host, outgoing};
use postrider_core::{Batch, Body, Envelope, Error, ErrorKind, Messages, Outcome, Phase, Receipt};
use std::future::poll_fn;
use std::task::{Context, Poll};

type Outcomes = Vec<Result<Receipt, Error>>;

fn envelope() -> Envelope {
    Envelope::parse(Some("me@x.example"), ["a@x.example"]).unwrap()
}

/// Messages of 1, 2, … bytes.
fn messages(count: usize) -> Messages<'static> {
    Messages::new((1..=count).map(|n| (envelope(), Body::from_bytes(vec![0; n]))).collect())
}

async fn sent(mode: &str, count: usize) -> Outcomes {
    let mut batch = messages(count);
    outgoing(mode, &host()).send_all(&mut batch).await;
    batch.outcomes()
}

fn said(outcomes: &Outcomes) -> Vec<String> {
    let one = |outcome: &Result<Receipt, Error>| match outcome {
        Ok(receipt) => receipt.reply.text().to_owned(),
        Err(error) => format!("{:?} {:?}", error.outcome(), error.kind()),
    };
    outcomes.iter().map(one).collect()
}

#[tokio::test]
async fn each_message_has_its_outcome() {
    assert_eq!(said(&sent("batch", 3).await), ["0: 1", "Deferred Deferred", "2: 3"]);
    assert_eq!(said(&sent("batch", 0).await), [""; 0]);
    // The transport's own send for each, where it has no batches.
    assert_eq!(said(&sent("error", 2).await), ["0: 1", "1: 2"]);
}

/// Gives a message now and then, and remembers what it is told and when.
#[derive(Default)]
struct Sliding {
    polls: usize,
    given: usize,
    told: Vec<(usize, usize, String)>,
}

impl Batch<'static> for Sliding {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        self.polls += 1;
        match self.polls {
            // Two at once, then none for a while, then one more, then the end.
            1 | 2 | 6 => {
                self.given += 1;
                Poll::Ready(Some((envelope(), Body::from_bytes(vec![0; self.given]))))
            }
            7.. => Poll::Ready(None),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt, Error>) {
        self.told.push((index, self.given, outcome.unwrap().reply.text().to_owned()));
    }
}

#[tokio::test]
async fn outcomes_come_while_the_batch_goes_on_and_in_any_order() {
    let mut batch = Sliding::default();
    outgoing("batch-window", &host()).send_all(&mut batch).await;
    let told: Vec<_> =
        batch.told.iter().map(|(index, given, text)| (*index, *given, text.as_str())).collect();
    assert_eq!(told, [(1, 2, "2"), (0, 2, "1"), (2, 3, "3")]);
}

#[tokio::test]
async fn a_panic_in_the_middle_leaves_what_was_said_and_doubts_what_was_read() {
    let home = host();
    let mut transport = outgoing("batch-panic", &home);
    let mut batch = messages(5);
    transport.send_all(&mut batch).await;
    let outcomes = batch.outcomes();
    // Told; read to its end and not told; not read; never taken, twice.
    let kinds = ["first", "Unsure Unsure", "NotSent Plugin", "NotSent Plugin", "NotSent Plugin"];
    assert_eq!(said(&outcomes), kinds);
    let words = outcomes[2].as_ref().unwrap_err().message();
    assert!(words.contains("the plugin panicked: at the third"), "{words}");
    // It is not used again, and says why to whoever tries.
    let mut batch = messages(2);
    transport.send_all(&mut batch).await;
    let outcomes = batch.outcomes();
    assert_eq!(outcomes[0].as_ref().unwrap_err().message(), "the plugin panicked in an earlier call");
    assert_eq!(outcomes[1].as_ref().unwrap_err().outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn what_a_plugin_keeps_to_itself_is_unsure_if_it_had_all_of_it() {
    let outcomes = sent("batch-silent", 4).await;
    assert_eq!(said(&outcomes), ["first", "Unsure Unsure", "NotSent Plugin", "NotSent Plugin"]);
    let words = outcomes[1].as_ref().unwrap_err().message();
    assert!(
        words.contains("it did not say what became of a message, after it had all of the message"),
        "{words}"
    );
}

#[tokio::test]
async fn an_outcome_for_no_message_or_a_second_one_changes_nothing_and_ends_the_batch() {
    for (mode, first, second) in [("batch-index", "0: 1", "NotSent Plugin"), ("batch-twice", "0: 1", "late")]
    {
        let home = host();
        let mut transport = outgoing(mode, &home);
        let mut batch = messages(4);
        transport.send_all(&mut batch).await;
        let outcomes = batch.outcomes();
        assert_eq!(said(&outcomes), [first, second, "NotSent Plugin", "NotSent Plugin"], "{mode}");
        let error = transport.send(&envelope(), "x".into()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Plugin, "the plugin panicked in an earlier call")
        );
    }
}

#[tokio::test]
async fn a_plugin_that_takes_nothing_is_an_error_of_the_first_message_so_that_nobody_asks_for_ever() {
    let outcomes = sent("batch-early", 2).await;
    assert_eq!(said(&outcomes), ["NotSent Plugin", "NotSent Plugin"]);
    let words = outcomes[0].as_ref().unwrap_err().message();
    assert!(words.contains("it took nothing of a batch that was not at its end"), "{words}");
}

/// A batch of a host that makes a mistake of its own.
struct Mistaken(bool);

impl Batch<'static> for Mistaken {
    fn poll_message(&mut self, _: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        assert!(!std::mem::replace(&mut self.0, true), "the host's own mistake");
        Poll::Ready(Some((envelope(), "x".into())))
    }

    fn report(&mut self, _: usize, _: Result<Receipt, Error>) {
        panic!("another one");
    }
}

#[tokio::test]
async fn a_hosts_batch_that_panics_is_at_its_end_and_the_plugin_goes_on() {
    let home = host();
    let mut transport = outgoing("plain", &home);
    transport.send_all(&mut Mistaken(false)).await;
    assert!(transport.send(&envelope(), "hello".into()).await.is_ok());
}

/// Hands on a body that borrows, as a host's own would.
struct Borrowing<'a>(Option<&'a str>, Vec<Result<Receipt, Error>>);

impl<'a> Batch<'a> for Borrowing<'a> {
    fn poll_message(&mut self, _: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>> {
        Poll::Ready(self.0.take().map(|text| (envelope(), Body::from_reader(text.as_bytes()))))
    }

    fn report(&mut self, _: usize, outcome: Result<Receipt, Error>) {
        self.1.push(outcome);
    }
}

#[tokio::test]
async fn a_batch_that_is_given_up_takes_its_messages_back() {
    let text = String::from("only here for a while");
    let mut batch = Borrowing(Some(&text), Vec::new());
    outgoing("batch", &host()).send_all(&mut batch).await;
    assert_eq!(batch.1.remove(0).unwrap().reply.text(), "0: 21");
    // Given up in the middle: nothing was said, so that the host knows nothing more than before.
    let home = host();
    let mut transport = outgoing("batch-window", &home);
    let mut batch = Borrowing(Some(&text), Vec::new());
    let mut call = transport.send_all(&mut batch);
    assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
    drop(call);
    assert!(batch.0.is_none() && batch.1.is_empty());
    let mut batch = messages(1);
    transport.send_all(&mut batch).await;
    assert!(batch.outcomes().remove(0).is_ok());
}

#[tokio::test]
async fn a_panic_in_a_hint_is_told_by_the_next_call() {
    let home = host();
    let mut transport = odd::incoming("panic-hint", &home);
    transport.prefetch(&[]);
    transport.prefetch(&[]);
    let error = transport.connect().await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Plugin, Phase::Configure));
}
